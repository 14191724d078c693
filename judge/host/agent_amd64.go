package host

import "golang.org/x/sys/unix"

// supported reports whether agents exist for this architecture.
const supported = true

// spawn clones the first agent off this process, to serve the slot at the given
// address. It returns the agent's process id, or minus an errno.
func spawn(slotAddress uint64) int

// handlerAddress is where the agent's signal handler begins.
func handlerAddress() uint64

// forbidden are the system calls after which an agent would be no agent. Forks
// are made by Fork.
var forbidden = [...]uint64{
	unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_FORK, unix.SYS_VFORK,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_RT_SIGRETURN,
}
