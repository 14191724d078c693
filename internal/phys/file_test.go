package phys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + 1)
	}
	return b
}

func TestFilePage(t *testing.T) {
	m, tk := newMemory(t, 64<<20), newTask(t, 0)
	var used []PFN // frames with old bytes, which the page cache gets next
	for range 3 {
		pfn, _ := m.Alloc(tk)
		copy(m.Bytes(pfn)[:], bytes.Repeat([]byte{0xff}, linux.PageSize))
		used = append(used, pfn)
	}
	m.PutAll(tk, used)
	content := pattern(2*linux.PageSize + 100)
	f := openTemp(t, m, tk, content, false)
	for index := range uint64(3) {
		pfn, err := f.Page(tk, index)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, linux.PageSize)
		copy(want, content[index*linux.PageSize:])
		if !bytes.Equal(m.Bytes(pfn)[:], want) {
			t.Errorf("page %d differs from the file, or its tail is not zero", index)
		}
		p := m.Page(pfn)
		if p.Kind.Read(tk) != KindFile || p.Index.Read(tk) != index || p.Owner.Read(tk) != f.ID() {
			t.Errorf("page %d is described as %v %d of %d", index, p.Kind.Peek(), p.Index.Peek(), p.Owner.Peek())
		}
		if again, _ := f.Page(tk, index); again != pfn || p.Refcount.Read(tk) != 3 {
			t.Errorf("a hit got frame %d, refcount %d; want %d, 3", again, p.Refcount.Peek(), pfn)
		}
		m.PutAll(tk, []PFN{pfn, pfn})
	}
	for _, index := range []uint64{3, 1 << 52, 1<<64 - 1} {
		if _, err := f.Page(tk, index); !errors.Is(err, errBeyondEOF) {
			t.Errorf("page %d: %v", index, err)
		}
	}
	if n := f.CachedPages(tk); n != 3 {
		t.Errorf("%d pages cached", n)
	}
}

func TestFileSharesIDsAndReferences(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	f, g := openTemp(t, m, tk, pattern(10), false), openTemp(t, m, tk, pattern(10), false)
	if f.ID() == g.ID() || f.ID() == 0 {
		t.Errorf("IDs %d and %d", f.ID(), g.ID())
	}
	f.Get(tk)
	if err := f.Put(tk); err != nil {
		t.Error(err)
	}
	if _, err := f.Size(); err != nil {
		t.Errorf("closed while referenced: %v", err)
	}
}

func TestFileRelease(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path := writeTemp(t, pattern(linux.PageSize+10))
	f, err := m.OpenFile(tk, path, linux.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	mapped, _ := f.Page(tk, 0)
	last, _ := f.Page(tk, 1)
	for _, pfn := range []PFN{mapped, last} {
		copy(m.Bytes(pfn)[:], bytes.Repeat([]byte{0xee}, linux.PageSize))
		f.MarkDirty(tk, pfn)
	}
	m.Put(tk, last)
	if err := f.Put(tk); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	if want := bytes.Repeat([]byte{0xee}, linux.PageSize+10); !bytes.Equal(got, want) {
		t.Errorf("file has %d bytes after write-back, or not the cache's", len(got))
	}
	if n := m.Stats().FramesInUse; n != 1 {
		t.Errorf("%d frames in use, want the mapped one", n)
	}
	m.Put(tk, mapped)
	if _, err := f.Size(); !errors.Is(err, linux.EBADF) {
		t.Errorf("the file is still open: %v", err)
	}
}

func TestSync(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path := writeTemp(t, pattern(3*linux.PageSize))
	f, err := m.OpenFile(tk, path, linux.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	for index := range uint64(2) {
		pfn, _ := f.Page(tk, index)
		m.Bytes(pfn)[0] = 0xaa
		if index == 1 {
			f.MarkDirty(tk, pfn)
		}
		m.Put(tk, pfn)
	}
	if err := f.Sync(tk); err != nil {
		t.Fatal(err)
	}
	want := pattern(3 * linux.PageSize)
	want[linux.PageSize] = 0xaa // the clean page is not written
	if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
		t.Error("write-back wrote something else than the dirty page")
	}
	if err := f.Put(tk); err != nil {
		t.Error(err)
	}
}

// memfd returns the path of a memory file of one page.
func memfd(tb testing.TB, flags int) (path string, fd int) {
	fd, err := unix.MemfdCreate("shared", flags)
	if err != nil {
		tb.Skip("no memfd here: ", err)
	}
	tb.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Ftruncate(fd, linux.PageSize); err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), fd
}

// TestSyncFails writes to a file that is sealed against it.
func TestSyncFails(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path, fd := memfd(t, unix.MFD_ALLOW_SEALING)
	f, err := m.OpenFile(tk, path, linux.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
		t.Fatal(err)
	}
	pfn, _ := f.Page(tk, 0)
	f.MarkDirty(tk, pfn)
	for range 2 { // it stays dirty
		if err := f.Sync(tk); !errors.Is(err, linux.EPERM) {
			t.Errorf("got %v", err)
		}
	}
	m.Put(tk, pfn)
	if err := f.Put(tk); !errors.Is(err, linux.EPERM) {
		t.Errorf("the last put: %v", err)
	}
	if n := m.Stats().FramesInUse; n != 0 {
		t.Errorf("%d frames in use", n)
	}
}

func TestFileShrinks(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path := writeTemp(t, pattern(4*linux.PageSize))
	f, err := m.OpenFile(tk, path, linux.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	var frames []PFN
	for index := range uint64(4) {
		pfn, _ := f.Page(tk, index)
		f.MarkDirty(tk, pfn)
		frames = append(frames, pfn)
	}
	if err := os.Truncate(path, linux.PageSize+10); err != nil {
		t.Fatal(err)
	}
	for index := range uint64(4) {
		pfn, err := f.Page(tk, index)
		if index >= 2 {
			if !errors.Is(err, errBeyondEOF) {
				t.Errorf("page %d beyond the end: %d, %v", index, pfn, err)
			}
			continue
		}
		if pfn != frames[index] {
			t.Errorf("page %d: %d, %v", index, pfn, err)
		}
		m.Put(tk, pfn)
	}
	if tail := m.Bytes(frames[1])[10:]; !bytes.Equal(tail, make([]byte, len(tail))) {
		t.Error("the bytes cut off are still in the last page")
	}
	if n := f.CachedPages(tk); n != 2 {
		t.Errorf("%d pages cached", n)
	}
	if err := os.Truncate(path, 4*linux.PageSize); err != nil { // what was cut off must not come back
		t.Fatal(err)
	}
	pfn, err := f.Page(tk, 3)
	if err != nil || *m.Bytes(pfn) != [linux.PageSize]byte{} {
		t.Errorf("after growing again: %v, or old bytes", err)
	}
	m.PutAll(tk, append(frames, pfn))
	if err := f.Put(tk); err != nil {
		t.Error(err)
	}
	if st, _ := os.Stat(path); st.Size() != 4*linux.PageSize {
		t.Errorf("write-back made the file %d bytes", st.Size())
	}
	if n := m.Stats().FramesInUse; n != 0 {
		t.Errorf("%d frames in use", n)
	}
}

func TestSyncOfShrunkFileDoesNotExtendIt(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path := writeTemp(t, pattern(3*linux.PageSize))
	f, _ := m.OpenFile(tk, path, linux.O_RDWR)
	for index := range uint64(3) {
		pfn, _ := f.Page(tk, index)
		f.MarkDirty(tk, pfn)
		m.Put(tk, pfn)
	}
	if err := os.Truncate(path, linux.PageSize+1); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(tk); err != nil {
		t.Error(err)
	}
	if st, _ := os.Stat(path); st.Size() != linux.PageSize+1 {
		t.Errorf("write-back made the file %d bytes", st.Size())
	}
}

func TestOpenFileErrors(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	for path, want := range map[string]error{
		t.TempDir() + "/missing": linux.ENOENT,
	} {
		if _, err := m.OpenFile(tk, path, linux.O_RDONLY); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestFileOutOfFrames(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	f := openTemp(t, m, tk, pattern(linux.PageSize), false)
	tk.Observer = failer{}
	if _, err := f.Page(tk, 0); !errors.Is(err, linux.ENOMEM) {
		t.Errorf("got %v", err)
	}
	tk.Observer = nil
}

func TestMemfdIsAFile(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path, fd := memfd(t, 0)
	f, err := m.OpenFile(tk, path, linux.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(fd, 1<<40); err != nil { // sparse: only what is used is cached
		t.Fatal(err)
	}
	pfn, err := f.Page(tk, 1<<28-1)
	if err != nil || *m.Bytes(pfn) != [linux.PageSize]byte{} {
		t.Errorf("last page of a sparse file: %v", err)
	}
	m.Put(tk, pfn)
	if err := f.Put(tk); err != nil {
		t.Error(err)
	}
}

// TestTwoOpensOfOneFile share the pages, and the last one closes.
func TestTwoOpensOfOneFile(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	path := writeTemp(t, pattern(linux.PageSize))
	r, err := m.OpenFile(tk, path, linux.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.OpenFile(tk, path, linux.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	if r.Inode != w.Inode || r == w || r.Writable() || w.Readable() {
		t.Errorf("two opens gave inodes %d and %d", r.ID(), w.ID())
	}
	pfn, _ := w.Page(tk, 0)
	m.Bytes(pfn)[0] = 0xcc
	w.MarkDirty(tk, pfn)
	m.Put(tk, pfn)
	if err := w.Put(tk); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); got[0] == 0xcc {
		t.Error("written back while the file is still open")
	}
	if err := r.Put(tk); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); got[0] != 0xcc {
		t.Error("not written back")
	}
}

func TestConcurrentMissesReadOnce(t *testing.T) {
	m, main := newMemory(t, 8<<20), newTask(t, 0)
	const pages, tasks = 64, 4
	f := openTemp(t, m, main, pattern(pages*linux.PageSize), false)
	got := make([][pages]PFN, tasks)
	var wg sync.WaitGroup
	for id := range tasks {
		wg.Go(func() {
			tk := newTask(t, id+1)
			for i := range uint64(pages) {
				pfn, err := f.Page(tk, i)
				if err != nil {
					t.Error(err)
					return
				}
				got[id][i] = pfn
			}
		})
	}
	wg.Wait()
	for id := range tasks {
		if got[id] != got[0] {
			t.Error("two tasks got different frames for one page")
		}
		m.PutAll(main, got[id][:])
	}
	if n := m.Stats().FramesInUse; n != pages {
		t.Errorf("%d frames in use, want %d", n, pages)
	}
}
