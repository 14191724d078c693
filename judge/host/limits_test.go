package host

import (
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

func TestLimits(t *testing.T) {
	l := newLab(t)
	mmap := func(p *Process, page, count int, flags uintptr) error {
		_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, page)), uintptr(count<<linux.PageShift), protRW, flags|fixedAnon, ^uintptr(0), 0)
		return err
	}
	for _, c := range []struct {
		name     string
		resource int
		flags    uintptr
		errno    unix.Errno
	}{
		{"as", unix.RLIMIT_AS, 0, unix.ENOMEM},
		{"data", unix.RLIMIT_DATA, 0, unix.ENOMEM},
		{"memlock", unix.RLIMIT_MEMLOCK, unix.MAP_LOCKED, unix.EAGAIN},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProcess(t, l, Window{})
			must(t, p.DropCapabilities(unix.CAP_IPC_LOCK))
			must(t, p.SetLimit(c.resource, 10<<linux.PageShift))
			must(t, mmap(p, 0, 6, c.flags))
			wantErrno(t, mmap(p, 10, 5, c.flags), c.errno)
			must(t, mmap(p, 10, 4, c.flags))
			child, err := p.Fork()
			must(t, err)
			defer child.Exit()
			must(t, child.SetLimit(c.resource, 11<<linux.PageShift))
			must(t, mmap(child, 20, 1, c.flags))
			wantErrno(t, mmap(p, 20, 1, c.flags), c.errno)
		})
	}
}

func TestHardLimit(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	must(t, unix.Prlimit(p.PID(), unix.RLIMIT_STACK, &unix.Rlimit{Cur: linux.PageSize, Max: 2 * linux.PageSize}, nil))
	must(t, p.SetLimit(unix.RLIMIT_STACK, 2*linux.PageSize))
	wantErrno(t, p.SetLimit(unix.RLIMIT_STACK, 3*linux.PageSize), unix.EPERM)
	wantErrno(t, p.SetLimit(unix.RLIMIT_STACK, unix.RLIM_INFINITY), unix.EPERM)
	wantErrno(t, p.SetLimit(1000, 0), unix.EINVAL)
}

func TestDropCapabilities(t *testing.T) {
	l := newLab(t, IPCLock)
	for name, drop := range map[string][]int{"one": {unix.CAP_IPC_LOCK}, "all": nil} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, l, Window{})
			must(t, p.SetLimit(unix.RLIMIT_MEMLOCK, 0))
			addr := mapAnon(t, p, 0, 1, protR)
			mlock := func(p *Process) error {
				_, err := p.Call(unix.SYS_MLOCK, uintptr(addr), linux.PageSize)
				return err
			}
			child, err := p.Fork()
			must(t, err)
			defer child.Exit()
			must(t, child.DropCapabilities(drop...))
			must(t, mlock(p))
			wantErrno(t, mlock(child), unix.EPERM)
			// The values that we read do not suffer.
			if pages, err := child.Pages(addr, 1); err != nil || pages[0].Present() {
				t.Errorf("%#x, %v", pages, err)
			}
			if areas, err := child.Flags(); err != nil || len(areas) != 1 {
				t.Errorf("%v, %v", areas, err)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{Size: 1024 << linux.PageShift})
	if o := p.Outside(); o.Data != 0 || o.Stack != 0 || o.Locked != 0 || o.Pages < 1<<34 || o.Areas > 12 {
		t.Errorf("outside there is more than code and fillers: %+v", o)
	}
	before, err := p.Status()
	must(t, err)
	mapAnon(t, p, 0, 5, protRW)
	mapAnon(t, p, 5, 2, protR)
	_, err = p.Call(unix.SYS_MMAP, uintptr(at(p, 600)), 3*linux.PageSize, protRW, fixedAnon|unix.MAP_GROWSDOWN|unix.MAP_LOCKED, ^uintptr(0), 0)
	must(t, err)
	after, err := p.Status()
	must(t, err)
	for name, want := range map[string]uint64{"VmSize": 10, "VmData": 5, "VmStk": 3, "VmLck": 3} {
		if got := after[name] - before[name]; got != want<<linux.PageShift {
			t.Errorf("%s grew by %d, want %d pages", name, got, want)
		}
	}
}
