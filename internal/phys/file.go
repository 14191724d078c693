package phys

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// ErrBeyondEOF says that a page lies wholly beyond the end of its file: SIGBUS to whoever touches it.
var ErrBeyondEOF = errors.New("page beyond the end of the file")

// File is a real file with its page cache: the kernel's struct address_space. Each File has a cache of its own, also
// when two are opened on one real file. The cache is not coherent with writes to the real file by others, except that
// the end of the file is looked up each time, because the file may shrink while it is mapped.
type File struct {
	IMmap ksync.RWSem // i_mmap_rwsem: the mappings of the file, which the owner of the VMAs keeps

	mem      *Memory
	file     *os.File // nil: shared anonymous memory, whose only bytes are those in the cache
	fd       int
	size     uint64 // of shared anonymous memory
	id       uint32
	writable bool
	refs     ksync.Refcount

	fill   ksync.Mutex    // held to change pages; may be slept with, so that one of several misses reads
	lock   ksync.SpinLock // held to look at pages or to change them: i_pages
	pages  map[uint64]PFN // by index; each holds a reference
	extent ksync.Atomic64 // the end of the bytes ever cached: a shorter file was truncated
}

// OpenFile opens a regular file. The caller holds the only reference.
func (m *Memory) OpenFile(t *task.Task, path string, writable bool) (*File, error) {
	flag := os.O_RDONLY
	if writable {
		flag = os.O_RDWR
	}
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err // names the operation and the path
	}
	f, err := m.NewFile(t, file, writable)
	if err != nil {
		_ = file.Close() // the first error is the one to tell
		return nil, err
	}
	return f, nil
}

// NewFile makes a File of an open regular file, a memfd for instance, and takes it over: it is closed with the last
// reference. writable says whether the file is open for writing, and so whether dirty pages are written back. It fails
// with ENODEV, as mmap does, if the file is not a regular one; the caller then still owns it.
func (m *Memory) NewFile(t *task.Task, file *os.File, writable bool) (*File, error) {
	fd := int(file.Fd())
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("stat %s: %w", file.Name(), err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("map %s: not a regular file: %w", file.Name(), unix.ENODEV)
	}
	f := &File{mem: m, file: file, fd: fd, id: m.files.FetchAdd(t, 1) + 1, writable: writable, pages: map[uint64]PFN{}}
	f.refs.Init(1)
	return f, nil
}

// NewShmem makes shared anonymous memory of the given size: a file without a name, which is gone with its last reference.
func (m *Memory) NewShmem(t *task.Task, size uint64) *File {
	f := &File{mem: m, fd: -1, size: size, id: m.files.FetchAdd(t, 1) + 1, writable: true, pages: map[uint64]PFN{}}
	f.refs.Init(1)
	return f
}

// ID returns the file's number, unique in its memory and not 0. Page.Owner holds it.
func (f *File) ID() uint32 { return f.id }

// Name returns the name the file was opened with.
func (f *File) Name() string {
	if f.file == nil {
		return "/dev/zero (deleted)" // as /proc/PID/maps calls it
	}
	return f.file.Name()
}

// Writable reports whether the file is open for writing.
func (f *File) Writable() bool { return f.writable }

// Get takes a reference next to one that the caller holds.
func (f *File) Get(t *task.Task) { f.refs.Inc(t) }

// Put drops a reference. The last one writes dirty pages back, drops the cache and closes the file; the error says what
// of that failed.
func (f *File) Put(t *task.Task) error {
	if f.refs.DecAndTest(t) != 0 {
		return nil
	}
	err := f.Sync(t)
	f.fill.Lock(t)
	f.dropFrom(t, 0)
	f.fill.Unlock(t)
	if f.file == nil {
		return nil
	}
	return errors.Join(err, f.file.Close())
}

// Size returns the file's size in bytes, now.
func (f *File) Size() (uint64, error) {
	if f.file == nil {
		return f.size, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, fmt.Errorf("stat %s: %w", f.Name(), err)
	}
	return uint64(st.Size), nil
}

// CachedPages returns how many pages the cache holds.
func (f *File) CachedPages(t *task.Task) int {
	f.lock.Lock(t)
	defer f.lock.Unlock(t)
	return len(f.pages)
}

// PageCount returns how many pages the file has now, the last one perhaps in part. What the cache holds past them is
// forgotten.
func (f *File) PageCount(t *task.Task) (uint64, error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	if size < f.extent.ReadOnce(t) {
		f.truncate(t, size)
	}
	return pagesOf(size), nil
}

// Page returns the frame that holds page index of the file, with a reference for the caller; bytes past the end of the
// file are zero. It fails with ErrBeyondEOF, ErrNoFrames, or the errno of the read. It may sleep.
func (f *File) Page(t *task.Task, index uint64) (PFN, error) {
	pages, err := f.PageCount(t)
	if err != nil {
		return 0, err
	}
	if index >= pages {
		return 0, ErrBeyondEOF
	}
	if pfn := f.Lookup(t, index); pfn != 0 {
		return pfn, nil
	}
	return f.read(t, index)
}

func pagesOf(size uint64) uint64 { return size/PageSize + (size%PageSize+PageSize-1)/PageSize }

// Lookup returns a cached page with a reference, 0 if the cache does not hold it: filemap_get_folio.
func (f *File) Lookup(t *task.Task, index uint64) PFN {
	f.lock.Lock(t)
	pfn := f.pages[index]
	if pfn != 0 {
		f.mem.Get(t, pfn)
	}
	f.lock.Unlock(t)
	return pfn
}

// read brings a page into the cache and returns it with a reference.
func (f *File) read(t *task.Task, index uint64) (PFN, error) {
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	if pfn := f.Lookup(t, index); pfn != 0 {
		return pfn, nil // somebody was faster
	}
	pfn, err := f.mem.Alloc(t)
	if err != nil {
		return 0, err
	}
	n, err := f.readAt(f.mem.Bytes(pfn)[:], index)
	if err != nil {
		f.mem.Put(t, pfn)
		return 0, err
	}
	clear(f.mem.Bytes(pfn)[n:])
	page := f.mem.Page(pfn)
	page.Describe(t, KindFile, f.id, index)
	page.Dirty.WriteOnce(t, 0)
	f.mem.Get(t, pfn) // for the cache
	f.lock.Lock(t)
	f.pages[index] = pfn
	f.lock.Unlock(t)
	f.extent.WriteOnce(t, max(f.extent.ReadOnce(t), index<<PageShift+uint64(n)))
	return pfn, nil
}

// readAt reads the bytes of a page, as many as the file has. None is ErrBeyondEOF: the file shrank meanwhile.
func (f *File) readAt(buf []byte, index uint64) (int, error) {
	if f.file == nil {
		return 0, nil // a page that nobody has written to
	}
	for done := 0; ; {
		n, err := unix.Pread(f.fd, buf[done:], int64(index<<PageShift)+int64(done))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, fmt.Errorf("read page %d of %s: %w", index, f.Name(), err)
		case n == 0 && done == 0:
			return 0, ErrBeyondEOF
		default:
			done += n
			if n == 0 || done == len(buf) {
				return done, nil
			}
		}
	}
}

// truncate forgets what the cache holds past the end of a file that shrank: truncate_pagecache. Whoever has mapped such
// a page keeps it until it is unmapped.
func (f *File) truncate(t *task.Task, size uint64) {
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	if size >= f.extent.ReadOnce(t) {
		return // somebody was faster
	}
	f.dropFrom(t, pagesOf(size))
	if pfn := f.pages[size/PageSize]; pfn != 0 {
		clear(f.mem.Bytes(pfn)[size%PageSize:])
	}
	f.extent.WriteOnce(t, size)
}

// dropFrom drops the cached pages from index on. The caller holds f.fill.
func (f *File) dropFrom(t *task.Task, index uint64) {
	for _, i := range f.indexes() {
		if i < index {
			continue
		}
		f.lock.Lock(t)
		pfn := f.pages[i]
		delete(f.pages, i)
		f.lock.Unlock(t)
		f.mem.Put(t, pfn)
	}
}

// indexes returns the cached pages in order. The caller holds f.fill.
func (f *File) indexes() []uint64 { return slices.Sorted(maps.Keys(f.pages)) }
