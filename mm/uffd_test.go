package mm_test

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestUserfaultfd: registered memory stands apart from what is not, until the descriptor is closed; munmap may come between, and what an
// exit finds open it closes.
func TestUserfaultfd(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.do(l.tryMap(l.t, 0, 6, rw, privateAnon, mm.MmapArgs{}))
	l.do(l.mm.UffdRegister(l.t, at(1), 2*page))
	l.do(l.mm.UffdRegister(l.t, at(4), page))
	l.wantLayout("0-1 rw-p, 1-3 rw-p, 3-4 rw-p, 4-5 rw-p, 5-6 rw-p")
	l.do(l.tryMunmap(2, 3))
	for _, wrong := range [][2]int{{1, 3}, {8, 9}} {
		if err := l.mm.UffdRegister(l.t, at(wrong[0]), uint64(wrong[1]-wrong[0])*page); !errors.Is(err, linux.EINVAL) {
			t.Errorf("pages %d to %d: %v, expected EINVAL", wrong[0], wrong[1], err)
		}
	}
	l.mm.UffdRelease(l.t)
	l.wantLayout("0-2 rw-p, 3-6 rw-p")
	l.do(l.mm.UffdRegister(l.t, at(3), page)) // another one
	l.end()
}
