package host

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// The limit on the stack decides where the kernel looks for room: mmap_base leaves as much above as the limit, the gap that guards a
// stack, and what randomization may take, which agents do not have; at least lowestGap, and at most five sixths of all.
const (
	usualStack = 8 << 20 // RLIMIT_STACK as Linux sets it for the first process
	lowestGap  = 128 << 20
	highestGap = linux.TaskSize / 6 * 5
)

// ErrBase says that no process of this kernel looks for room below an address.
var ErrBase = fmt.Errorf("processes of this kernel look for room below an address from %#x to %#x, as their limit on the stack says",
	uint64(linux.TaskSize-highestGap+linux.PageMask)&^linux.PageMask, uint64(linux.MmapBase))

// stackFor returns the limit on the stack with which a new process has its mmap_base at an address. guardGap is in pages.
func stackFor(base uint64, guardGap int) (uint64, error) {
	above := linux.TaskSize - base
	pad := uint64(guardGap) << linux.PageShift
	switch {
	case base == linux.MmapBase:
		return usualStack, nil
	case base%linux.PageSize != 0 || base > linux.TaskSize || above <= lowestGap || above > highestGap || above <= pad:
		return 0, ErrBase
	}
	return above - pad, nil
}

// stackLimit is held while the limit of this process, which a new one inherits, is another.
var stackLimit sync.Mutex

// withStack starts a process whose mmap_base a limit on the stack decides, and gives it the limit of this process again before it has done
// anything: the C library makes stacks of threads as large as the limit. It has to be called on the thread that is to trace the process meanwhile.
func withStack(limit uint64, attr *unix.SysProcAttr, start func() (*os.Process, error)) (p *os.Process, err error) {
	stackLimit.Lock()
	defer stackLimit.Unlock()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &before); err != nil {
		return nil, fmt.Errorf("RLIMIT_STACK: %w", err)
	}
	if limit > before.Max {
		if limit != usualStack {
			return nil, fmt.Errorf("RLIMIT_STACK: the hard limit is %d: %w", before.Max, ErrBase)
		}
		limit = before.Max
	}
	if err := unix.Setrlimit(unix.RLIMIT_STACK, &unix.Rlimit{Cur: limit, Max: before.Max}); err != nil {
		return nil, fmt.Errorf("RLIMIT_STACK: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Setrlimit(unix.RLIMIT_STACK, &before)) }()
	attr.Ptrace = limit != usualStack // stops at execve
	if p, err = start(); err != nil || !attr.Ptrace {
		return p, err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(p.Pid, &status, unix.WALL, nil); err != nil {
		return p, fmt.Errorf("waiting for execve: %w", err)
	}
	if !status.Stopped() {
		return p, fmt.Errorf("a process that is traced ends at its start: %#x", status)
	}
	if err := unix.Prlimit(p.Pid, unix.RLIMIT_STACK, &before, nil); err != nil {
		return p, fmt.Errorf("RLIMIT_STACK: %w", err)
	}
	return p, unix.PtraceDetach(p.Pid)
}

// probeMmapBase maps a page where nothing is, and gives the process the usual limit on the stack: that of its beginning has done its work.
func (p *Process) probeMmapBase() error {
	at, errno, err := p.tryMap(0, 0)
	if err == nil && errno != 0 {
		err = fmt.Errorf("mapping a page: %w", errno)
	}
	if err != nil {
		return err
	}
	p.lab.kernel.MmapBase = at + linux.PageSize
	var now unix.Rlimit
	if err := unix.Prlimit(p.pid, unix.RLIMIT_STACK, nil, &now); err != nil {
		return fmt.Errorf("RLIMIT_STACK: %w", err)
	}
	now.Cur = min(usualStack, now.Max)
	if err := unix.Prlimit(p.pid, unix.RLIMIT_STACK, &now, nil); err != nil {
		return fmt.Errorf("RLIMIT_STACK: %w", err)
	}
	return nil
}
