package phys

import (
	"slices"
	"testing"

	"vmasim/internal/linux"
)

// TestInodesRecur: a memory that is begun anew hands out the inodes and open files that it handed out before, as new ones, in the order in which they are made.
func TestInodesRecur(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	begin := func() (files [3]*File) {
		m.Rewind()
		files[0] = m.NewFile(tk, MemoryFile{Name: "bytes", Size: linux.PageSize, Fill: func([]byte, uint64) {}}, linux.O_RDWR)
		files[1] = files[0].Again(tk, linux.O_RDONLY)
		files[2] = m.NewShmem(tk, linux.PageSize, 0)
		return files
	}
	told := func(f *File) (all []uint64) {
		f.tell(func(v uint64) { all = append(all, v) })
		return all
	}
	end := func(files [3]*File) {
		for _, f := range files {
			if err := f.Put(tk); err != nil {
				t.Error(err)
			}
		}
	}
	first := begin()
	fresh := told(first[0])
	pfn, err := first[0].Page(tk, 0)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(told(first[0]), fresh) {
		t.Error("that a page is cached is not told")
	}
	m.Put(tk, pfn)
	inode := first[0].Inode
	end(first)
	again := begin()
	if again != first || again[0].Inode != inode {
		t.Errorf("files %p, before %p", again, first)
	}
	if again[1].Writable() || !again[0].Writable() || len(again[0].pages) != 0 {
		t.Error("a file is not as a new one")
	}
	if got := told(again[0]); !slices.Equal(got, fresh) {
		t.Errorf("told %d, before %d", got, fresh)
	}
	end(again)
}
