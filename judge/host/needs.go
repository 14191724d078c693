package host

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errRefused says that this environment does not let us drive processes: a
// system call that agents need is forbidden, or /proc is not there.
var errRefused = errors.New("no process can be driven here")

// refused marks errors that come from the environment.
func refused(err error) error {
	for _, e := range []unix.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.ENOENT} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	return err
}

// Need is what a test asks of the kernel beside that processes can be driven.
type Need int

// The needs.
const (
	Judge     Need = iota // it is the kernel that the simulator claims to be
	Frames                // frame numbers are shown
	Room                  // vm.max_map_count can be used up
	HugePage              // MADV_HUGEPAGE and MADV_MERGEABLE are known
	IPCLock               // we have CAP_IPC_LOCK
	Query                 // PROCMAP_QUERY
	Canonical             // the processor fetches no instruction from an address that is not canonical
)

// lacks has for each need why it is not met.
var lacks = [...]func(l *Lab) error{
	Judge: func(l *Lab) error { return l.kernel.Judges() },
	Frames: func(l *Lab) error {
		return unless(l.kernel.Capabilities["CAP_SYS_ADMIN"], "frame numbers are hidden: no CAP_SYS_ADMIN")
	},
	Room: func(l *Lab) error {
		return unless(l.kernel.MaxMapCount <= maxStripes, "vm.max_map_count is %d: too many areas to fill up", l.kernel.MaxMapCount)
	},
	HugePage: func(l *Lab) error {
		c := l.kernel.Config
		return unless(c["TRANSPARENT_HUGEPAGE"] != "n" && c["KSM"] != "n", "this kernel knows no huge pages, or no KSM")
	},
	IPCLock: func(l *Lab) error { return unless(l.kernel.Capabilities["CAP_IPC_LOCK"], "no CAP_IPC_LOCK") },
	Query:   func(l *Lab) error { return unless(l.CanQuery(), "PROCMAP_QUERY came with Linux 6.11") },
	Canonical: func(l *Lab) error {
		return unless(!l.kernel.WildFetch, "this processor fetches from addresses that are not canonical")
	},
}

func unless(met bool, format string, args ...any) error {
	if met {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// Lacks says why the kernel does not meet a need, nil if it does.
func (l *Lab) Lacks(n Need) error { return lacks[n](l) }

// Test is the part of testing.TB that StartFor uses.
type Test interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
	Cleanup(f func())
}

// StartFor starts a Lab that ends with the test, and skips the test, with the
// reason, where the environment allows none or a need is not met. It is the one
// way in which tests depend on the machine.
func StartFor(t Test, needs ...Need) *Lab {
	t.Helper()
	l, err := Start(Options{})
	switch {
	case errors.Is(err, errUnsupported), errors.Is(err, errRefused):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.Require(t, needs...)
	return l
}

// Require skips the test, with the reason, where a need is not met.
func (l *Lab) Require(t Test, needs ...Need) {
	t.Helper()
	for _, n := range needs {
		if err := l.Lacks(n); err != nil {
			t.Skip(err)
		}
	}
}

// RequireMemfd skips the test, with the reason, where files in memory are
// refused.
func RequireMemfd(t Test) {
	t.Helper()
	fd, err := unix.MemfdCreate("vmasim-need", unix.MFD_CLOEXEC)
	switch err = refused(err); {
	case errors.Is(err, errRefused):
		t.Skip(fmt.Errorf("memfd_create: %w", err))
	case err != nil:
		t.Fatal(err)
	}
	unix.Close(fd)
}
