//go:build !amd64

package host

import "golang.org/x/sys/unix"

// supported reports whether agents exist for this architecture: their loads,
// stores and signal handler are amd64 assembly.
const supported = false

func spawn(uint64) int { return -int(unix.ENOSYS) }

func handlerAddress() uint64 { return 0 }

var forbidden [0]uint64
