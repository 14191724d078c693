package fault

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
)

// TestRemote: what a debugger may read and write that the process may not, and what it may not either.
func TestRemote(t *testing.T) {
	f := newFixture(t)
	peek := func(n int, want uint64, errno error) {
		t.Helper()
		if got, err := Peek(f.t, f.mm, at(n)); got != want || !errors.Is(err, errno) {
			t.Errorf("page %d: %d, %v, expected %d, %v", n, got, err, want, errno)
		}
	}
	poke := func(n int, value uint64, errno error) {
		t.Helper()
		if err := Poke(f.t, f.mm, at(n), value); !errors.Is(err, errno) {
			t.Errorf("page %d: %v, expected %v", n, err, errno)
		}
	}
	f.mapAnon(0, 4, rw)
	f.store(f.mm, 0, 7)
	f.mprotect(0, 4, 0)
	peek(0, 7, nil)
	peek(1, 0, nil)
	poke(0, 8, nil) // the process's own page
	poke(1, 9, nil) // over the zero page
	poke(2, 10, nil)
	for n, want := range []uint64{8, 9, 10} {
		peek(n, want, nil)
	}
	f.want(Touch(f.t, f.mm, at(0), linux.Read), linux.SegvAccerr, "the process")
	child, err := f.mm.Fork(f.t, "child")
	f.do(err)
	if err := Poke(f.t, child, at(0), 11); err != nil { // copies, though no task may write
		t.Error(err)
	}
	peek(0, 8, nil)
	child.Put(f.t)

	file := f.open(2 * page)
	f.mapFile(file, 10, 12, linux.PROT_READ, linux.MAP_PRIVATE, 0)
	f.mapFile(file, 20, 23, linux.PROT_READ, linux.MAP_SHARED, 0)
	const ones = 0x0101010101010101
	peek(10, ones, nil)
	poke(10, 5, nil)
	peek(10, 5, nil)
	peek(20, ones, nil) // the file has not changed
	poke(20, 5, linux.EIO)
	peek(22, 0, linux.EIO) // beyond the file
	f.mprotect(20, 23, rw)
	poke(21, 6, nil)
	peek(11, 6, nil)
	peek(40, 0, linux.EIO)
	if _, err := Peek(f.t, f.mm, 1<<63); !errors.Is(err, linux.EINVAL) {
		t.Errorf("a negative offset: %v", err)
	}
	f.valid(f.mm)
}
