package host

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// mmapBase is where the kernel's search begins in a process without randomization and with the usual limit on its stack.
const mmapBase = 0x7ffff7fff000

func TestWindowIsAllThereIs(t *testing.T) {
	l := newLab(t)
	for _, w := range []Window{
		Whole(), {}, {Base: 1 << 30, Size: 64 << 40}, {Base: 0x123456789000, Size: 7 << linux.PageShift}, {Base: 1 << 40, Size: 64 << 20},
		{Base: 2 * lsmFloor, Size: 1 << 20}, {Base: 1 << 30, Size: 1 << 30},
	} {
		p := newProcess(t, l, w)
		all, err := p.allAreas()
		must(t, err)
		next, end := all[0].Start, uint64(0)
		for _, a := range append(all, Area{Start: linux.TaskSize, End: linux.TaskSize}) {
			if a.Start != next {
				if next != p.Window().Base || a.Start != p.Window().End() {
					t.Errorf("%v: a hole at %#x-%#x", w, next, a.Start)
				}
			}
			next, end = a.End, max(end, a.End)
		}
		if all[0].Start > lsmFloor || end < linux.TaskSize {
			t.Errorf("%v: filled from %#x to %#x", w, all[0].Start, end)
		}
		if areas, err := p.Areas(); err != nil || len(areas) != 0 {
			t.Errorf("%v: the window has %v, %v", w, areas, err)
		}
		if got := p.Outside().Areas; got != len(all) {
			t.Errorf("%v: %d areas outside, said to be %d", w, len(all), got)
		}
		// The kernel's search finds all of the window, from the top, and nothing else.
		top := int((min(p.Window().End(), mmapBase) - p.Window().Base) >> linux.PageShift)
		for page := top - 1; page >= top-5; page-- {
			got, err := p.Call(unix.SYS_MMAP, 0, linux.PageSize, protRW, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
			must(t, err)
			if uint64(got) != at(p, page) {
				t.Errorf("%v: mmap found %#x, want %#x", w, got, at(p, page))
			}
		}
		tooLarge := max(p.Window().Size, lsmFloor) // kernels of old look below the floor, too
		_, err = p.Call(unix.SYS_MMAP, 0, uintptr(tooLarge), protRW, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, ^uintptr(0), 0)
		wantErrno(t, err, unix.ENOMEM)
	}
}

// TestFillerNeverMerges maps at both ends of the window what is most like the
// filler.
func TestFillerNeverMerges(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{Size: 2 << linux.PageShift})
	for page := range 2 {
		_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, page)), linux.PageSize, unix.PROT_NONE, fixedAnon|unix.MAP_NORESERVE, ^uintptr(0), 0)
		must(t, err)
	}
	areas, err := p.Areas()
	must(t, err)
	if len(areas) != 1 || areas[0].Start != p.Window().Base || areas[0].End != p.Window().End() {
		t.Errorf("%v", areas)
	}
}

func TestBadWindows(t *testing.T) {
	l := newLab(t)
	for _, w := range []Window{
		{Base: 1}, {Size: 100}, {Size: 2 * linux.TaskSize}, {Base: linux.PageSize}, {Base: slotsBase}, {Base: 1 << 63}, {Base: lsmFloor, Size: 1 << 30}, {Base: slotsBase - linux.PageSize},
		{Base: linux.TaskSize},
		{Heap: linux.PageSize}, {Heap: DefaultBase + 1}, {Heap: DefaultBase + 65<<linux.PageShift}, {Room: -1},
	} {
		_, err := l.Process(w)
		wantErrno(t, err, unix.EINVAL)
		if !errors.Is(err, ErrWindow) {
			t.Errorf("%v: %v", w, err)
		}
	}
}

func TestHeap(t *testing.T) {
	l := newLab(t)
	const heap = DefaultBase + 16<<linux.PageShift
	p := newProcess(t, l, Window{Heap: heap})
	brk := func(p *Process, to, want uint64) {
		t.Helper()
		if got, err := p.Call(unix.SYS_BRK, uintptr(to)); uint64(got) != want || err != nil {
			t.Errorf("brk(%#x): %#x, %v, want %#x", to, got, err, want)
		}
	}
	brk(p, 0, heap)
	brk(p, heap+100, heap+100)
	brk(p, heap+3<<linux.PageShift, heap+3<<linux.PageShift)
	brk(p, heap-1, heap+3<<linux.PageShift)
	mapAnon(t, p, 23, 1, protR)
	brk(p, heap+7<<linux.PageShift, heap+3<<linux.PageShift) // one page must stay free
	brk(p, heap+6<<linux.PageShift, heap+6<<linux.PageShift)
	areas, err := p.Areas()
	must(t, err)
	if len(areas) != 2 || areas[0].Start != heap || areas[0].End != heap+6<<linux.PageShift || areas[0].Name != "[heap]" {
		t.Errorf("%v", areas)
	}
	child, err := p.Fork()
	must(t, err)
	defer child.Exit()
	brk(child, heap, heap)
	brk(p, 0, heap+6<<linux.PageShift)

	without := newProcess(t, l, Window{})
	now, err := without.Call(unix.SYS_BRK, 0)
	must(t, err)
	brk(without, uint64(now)+linux.PageSize, uint64(now))
}

func TestRoom(t *testing.T) {
	l := newLab(t, Room)
	for _, room := range []int{7, 8} {
		p := newProcess(t, l, Window{Room: room})
		if got := l.Kernel().MaxMapCount - p.Outside().Areas; got != room {
			t.Errorf("room for %d areas, want %d", got, room)
		}
		for i := range room + 1 { // one more than the maximum is possible
			mapAnon(t, p, 2*i, 1, protR)
		}
		_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, 60)), linux.PageSize, protR, fixedAnon, ^uintptr(0), 0)
		wantErrno(t, err, unix.ENOMEM)
		if areas, err := p.Areas(); err != nil || len(areas) != room+1 {
			t.Errorf("%d areas, %v, want %d", len(areas), err, room+1)
		}
	}
}
