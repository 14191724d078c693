package host

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// TestPeekPoke: a word written from outside is what the process reads, and what cannot be reached is an errno.
func TestPeekPoke(t *testing.T) {
	p := newProcess(t, newLab(t), Window{})
	_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, 0)), 1<<linux.PageShift, protRW, fixedAnon, ^uintptr(0), 0)
	must(t, err)
	if err := p.Poke(at(p, 0)+8, 42); errors.Is(err, ErrHidden) {
		t.Skip(err)
	} else {
		must(t, err)
	}
	if v, f, err := p.Load(at(p, 0) + 8); v != 42 || !f.OK() || err != nil {
		t.Errorf("loaded %d, %v, %v", v, f, err)
	}
	if v, err := p.Peek(at(p, 0) + 8); v != 42 || err != nil {
		t.Errorf("peeked %d, %v", v, err)
	}
	_, err = p.Peek(at(p, 1))
	wantErrno(t, err, unix.EIO)
	child, err := p.Fork()
	must(t, err)
	defer child.Exit()
	must(t, child.Poke(at(p, 0)+8, 43))
	if v, _ := p.Peek(at(p, 0) + 8); v != 42 {
		t.Errorf("the parent has %d", v)
	}
}
