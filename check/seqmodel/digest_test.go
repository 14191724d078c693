package seqmodel_test

import (
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
)

// TestDigest: states that behave alike have the same digest however they came about, and others have not.
func TestDigest(t *testing.T) {
	const base, second = 1 << 32, 1<<32 + 2*linux.PageSize
	type state struct {
		*seqmodel.Model
		file *seqmodel.File
	}
	made := func(do ...func(s state)) any {
		s := state{seqmodel.New(seqmodel.Config{Base: 1 << 16, MmapBase: 1 << 40}), seqmodel.NewMemFile(make([]byte, linux.PageSize)).Open(linux.O_RDWR)}
		for _, f := range do {
			f(s)
		}
		return seqmodel.Digest([]*seqmodel.Model{s.Model, nil}, []*seqmodel.File{s.file})
	}
	mmap := func(addr uint64, flags int, file bool) func(state) {
		return func(s state) {
			f := s.file
			if !file {
				f, flags = nil, flags|linux.MAP_ANONYMOUS
			}
			if _, err := s.Mmap(addr, linux.PageSize, linux.PROT_READ|linux.PROT_WRITE, flags|linux.MAP_FIXED, f, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	store := func(addr uint64, value byte) func(state) {
		return func(s state) {
			if end := s.Store8(addr, value); end != linux.OK {
				t.Fatal(end)
			}
		}
	}
	read := func(s state) { s.Touch(base, linux.Read) }
	private, other := mmap(base, linux.MAP_PRIVATE, false), mmap(second, linux.MAP_PRIVATE, false)
	shared, file := mmap(base, linux.MAP_SHARED, false), mmap(base, linux.MAP_SHARED, true)
	for _, c := range []struct {
		name string
		x, y any
		same bool
	}{
		{"the order of independent calls", made(private, other), made(other, private), true},
		{"the order of first writes", made(private, other, store(base, 1), store(second, 2)), made(other, private, store(second, 2), store(base, 1)), true},
		{"an overwritten value", made(private, store(base, 1), store(base, 2)), made(private, store(base, 2)), true},
		{"a value", made(private, store(base, 1)), made(private, store(base, 2)), false},
		{"a page that is there", made(private), made(private, read), false},
		{"a page of its own", made(private, read), made(private, store(base, 0)), false},
		{"what is behind", made(shared), made(file), false},
		{"a value in shared memory", made(shared, store(base, 1)), made(shared, store(base, 2)), false},
		{"a value in a file", made(file, store(base, 1)), made(file, store(base, 2)), false},
		{"an address", made(private), made(other), false},
	} {
		if same := c.x == c.y; same != c.same {
			t.Errorf("%s: same %v", c.name, same)
		}
	}
}
