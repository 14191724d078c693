//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps other processes from working at a file's part until unlock is called, or this process ends, and reports whether it does: where a
// file cannot be locked, as on some network file systems, two may. Each leaves what is right, and the last one to write stays.
func lock(file string) (unlock func(), locked bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, errors.Join(fmt.Errorf("%s: another process is at this part", file), f.Close())
	}
	return func() { f.Close() }, err == nil, nil
}
