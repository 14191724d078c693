package fault

import (
	"os"
	"path/filepath"
	"slices"

	"vmasim/explore/exploretest"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/phys/phystest"
	"vmasim/internal/task"
	"vmasim/mm"
)

// base is where the tests of files and counters map.
const base = uint64(1) << 32

// at returns the address of a page above base.
func at(n int) uint64 { return base + uint64(n)*page }

// open makes a file of so many bytes, in which each byte is its page's number plus 1, and opens it until the test ends.
func (f *fixture) open(size int) *phys.File {
	f.Helper()
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i/page + 1)
	}
	path := filepath.Join(phystest.DiskDir(f.T), "file")
	f.do(os.WriteFile(path, content, 0o600))
	file, err := f.m.Mem.OpenFile(f.t, path, linux.O_RDWR)
	f.do(err)
	f.Cleanup(func() {
		if f.stuck {
			return
		}
		f.unmapAll() // the file is written back when nothing refers to it
		f.do(file.Put(f.t))
	})
	return file
}

// unmapAll unmaps everything.
func (f *fixture) unmapAll() { f.do(f.mm.Munmap(f.t, 0, linux.TaskSize)) }

func (f *fixture) do(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// mapFile maps pages [from, to) to a file from a page of it on.
func (f *fixture) mapFile(file *phys.File, from, to, prot, flags, offset int) {
	f.Helper()
	_, err := f.mm.Mmap(f.t, mm.MmapArgs{Addr: at(from), Len: uint64(to-from) * page, Prot: prot, Flags: flags | linux.MAP_FIXED,
		File: file, Offset: uint64(offset) * page})
	f.do(err)
}

// mapAnon maps pages [from, to) of private memory.
func (f *fixture) mapAnon(from, to, prot int) {
	f.Helper()
	f.mmap(at(from), uint64(to-from)*page, prot, privateAnon|linux.MAP_FIXED)
}

// mmapBy is mapAnon by another task.
func (f *fixture) mmapBy(t *task.Task, from, to, prot int) error {
	_, err := f.mm.Mmap(t, mm.MmapArgs{Addr: at(from), Len: uint64(to-from) * page, Prot: prot, Flags: privateAnon | linux.MAP_FIXED})
	return err
}

func (f *fixture) mprotect(from, to, prot int) {
	f.Helper()
	f.do(f.mm.Mprotect(f.t, at(from), uint64(to-from)*page, prot))
}

func (f *fixture) fork() *mm.MM {
	f.Helper()
	child, err := f.mm.Fork(f.t, "child")
	f.do(err)
	return child
}

// store writes a word to a page and fails the test unless that works.
func (f *fixture) store(m *mm.MM, n int, value uint64) {
	f.Helper()
	f.want(Store(f.t, m, at(n), value), linux.OK, "store")
}

// holds fails the test unless the first word of a page is value.
func (f *fixture) holds(m *mm.MM, n int, value uint64) {
	f.Helper()
	if got, res := Load(f.t, m, at(n)); res != linux.OK || got != value {
		f.Errorf("%s, page %d: %#x %s, expected %#x", m.Name, n, got, res, value)
	}
}

// word returns the first word of a page of an untouched file.
func word(n int) uint64 { return uint64(n+1) * 0x0101010101010101 }

// pte returns the entry that maps a page, empty if none does.
func (f *fixture) pte(m *mm.MM, n int) pgtable.PTE {
	slot, ok := m.Tables.Find(f.t, at(n))
	if !ok {
		return 0
	}
	return slot.Get(f.t)
}

// mapped returns which of the pages [from, to) have an entry.
func (f *fixture) mapped(from, to int) (pages []int) {
	for n := from; n < to; n++ {
		if !f.pte(f.mm, n).None() {
			pages = append(pages, n)
		}
	}
	return pages
}

// valid fails the test unless the address space is.
func (f *fixture) valid(m *mm.MM) {
	f.Helper()
	m.MmapWriteLock(f.t)
	defer m.MmapWriteUnlock(f.t)
	for _, v := range m.Validate(f.t) {
		f.Error(v)
	}
}

// run runs tasks of the machine one step at a time.
func (f *fixture) run(turn exploretest.Turn, bodies ...func(*task.Task)) exploretest.Result {
	f.Helper()
	var made []*task.Task
	res, err := exploretest.Run(turn, exploretest.World{Bodies: bodies, New: func(_ int, name string) *task.Task {
		made = append(made, f.m.NewTask(name))
		return made[len(made)-1]
	}})
	if err != nil {
		f.stuck = true // locks are held for ever
		f.Fatal(err)
	}
	for _, t := range made {
		f.m.EndTask(t)
	}
	return res
}

// after runs the second task to its end, or until it must wait, after the first has taken so many steps.
func after(steps int) exploretest.Turn {
	return func(enabled []int) int {
		if steps > 0 && slices.Contains(enabled, 0) {
			steps--
			return 0
		}
		steps = 0
		return enabled[len(enabled)-1]
	}
}
