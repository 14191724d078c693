package host

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// TestMmapBase: processes look for room where they are told to, up to the highest address at which the kernel does, and have the usual
// limit on the stack all the same.
func TestMmapBase(t *testing.T) {
	const highest = linux.TaskSize - lowestGap - linux.PageSize
	newLab(t) // skips where there are no processes
	for _, base := range []uint64{0, 0x7ffff7fc2000, highest, 0x7f0123456000, 0x300000000000} {
		l, err := Start(Options{MmapBase: base})
		if err != nil {
			t.Fatalf("%#x: %v", base, err)
		}
		t.Cleanup(l.Close)
		want := base
		if base == 0 {
			want = linux.MmapBase
		}
		if got := l.Kernel().MmapBase; got != want {
			t.Errorf("room is searched from %#x on, expected %#x", got, want)
		}
		p := newProcess(t, l, Whole())
		addr, err := p.Call(unix.SYS_MMAP, 0, linux.PageSize, protRW, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
		must(t, err)
		if uint64(addr) != want-linux.PageSize {
			t.Errorf("a mapping is at %#x, expected it below %#x", addr, want)
		}
		var stack unix.Rlimit
		must(t, unix.Prlimit(p.PID(), unix.RLIMIT_STACK, nil, &stack))
		if stack.Cur != min(usualStack, stack.Max) {
			t.Errorf("RLIMIT_STACK is %d", stack.Cur)
		}
	}
	for _, base := range []uint64{1, 0x7ffff8000000, linux.TaskSize, 1 << 40, ^uint64(0) - linux.PageSize + 1} {
		if l, err := Start(Options{MmapBase: base}); !errors.Is(err, ErrBase) {
			t.Errorf("%#x: %v", base, err)
			if l != nil {
				l.Close()
			}
		}
	}
}
