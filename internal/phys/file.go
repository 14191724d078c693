package phys

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// errBeyondEOF says that a page lies wholly beyond the end of its file: SIGBUS to the task that touches it.
var errBeyondEOF = errors.New("page beyond the end of the file")

// Inode is a file's bytes with their page cache: the kernel's struct inode and address_space. The cache is not coherent
// with writes to the real file by other programs, except that the end of the file is looked up each time, because the
// file may shrink while it is mapped.
type Inode struct {
	RWSem    ksync.RWSem // i_rwsem: held by those who read the bytes by other ways than a mapping
	IMmap    ksync.RWSem // i_mmap_rwsem: guards mappings
	mappings Mapping     // i_mmap: head of the ring of those linked; zero while nothing ever was

	mem  *Memory
	key  inodeKey
	file store  // nil: shared anonymous memory, whose only bytes are those in the cache
	size uint64 // of shared anonymous memory
	// charged is how many pages the maker of shared anonymous memory was charged.
	charged uint64
	id      uint32
	refs    int // open files, under Memory.inodeLock

	fsType int64 // of statfs(2); 0: shared anonymous memory
	nature nature

	fill   ksync.Mutex    // held to change pages; may be slept with, so that one of several misses reads
	lock   ksync.SpinLock // held to look at pages or to change them: i_pages
	pages  map[uint64]PFN // by index; each holds a reference
	extent ksync.Atomic64 // the end of the bytes ever cached: a shorter file was truncated

	removals ksync.Atomic64 // how often pages were taken out of the cache though they may be mapped

	opened  []*File // the memory of open files, in the order in which they were opened; see inodePool
	opens   int     // how many were
	written uint64  // a hash of what a task with an observer has stored in the file, in that order
}

// inodeKey identifies a file; opening it twice gives two Files of one Inode.
type inodeKey struct {
	dev, ino uint64
	path     string // where the machine has no numbers for files
}

// File is an open file description: struct file. Two of one inode share its pages, but VMAs that map them do not merge.
type File struct {
	*Inode
	readable, writable bool
	refs               ksync.AtomicRef
}

// OpenFile opens a file of the machine; mode is linux.O_RDONLY, O_WRONLY or O_RDWR. The caller holds the only reference. It fails with
// ENODEV if the file can be mapped and is neither a regular one nor /dev/zero.
func (m *Memory) OpenFile(t *task.Task, path string, mode int) (*File, error) {
	real, key, fsType, what, err := openHostFile(path, mode)
	if err != nil {
		return nil, err
	}
	m.inodeLock.Lock(t)
	defer m.inodeLock.Unlock(t)
	inode := m.inodes[key]
	if inode != nil {
		_ = real.Close() // nothing was written
	} else {
		inode = m.newInode(t)
		inode.key, inode.file, inode.fsType, inode.nature = key, real, fsType, what
		m.inodes[key] = inode
	}
	inode.refs++
	return inode.open(mode), nil
}

// store is where the bytes of a file are that no cache holds: a file of the machine, or memory. One task calls it at a time, but for
// size.
type store interface {
	Name() string
	size() (uint64, error)
	readAt(buf []byte, offset uint64) (int, error)  // 0 bytes: the end
	writeAt(buf []byte, offset uint64) (int, error) // not past the end
	punch(offset, n uint64) error                   // makes bytes zero
	Close() error
}

func (m *Memory) newInode(t *task.Task) *Inode {
	t.Weaken(task.Relaxed) // get_next_ino counts for each processor
	id := m.lastInode.FetchAdd(t, 1) + 1
	f := m.made.get(id)
	*f = Inode{mem: m, id: id, pages: map[uint64]PFN{}, opened: f.opened}
	f.RWSem.Class, f.IMmap.Class, f.fill.Class = task.IRWSem, task.IMmapSem, task.InvalidateMutex
	t.Born(unsafe.Pointer(f), &inodeLayout)
	return f
}

// NewShmem makes shared anonymous memory of the given size: a file without a name, which is gone with its last reference. The
// pages that its maker was charged are given back then.
func (m *Memory) NewShmem(t *task.Task, size, charged uint64) *File {
	inode := m.newInode(t)
	inode.size, inode.refs, inode.charged = size, 1, charged
	return inode.open(linux.O_RDWR)
}

// ID returns the inode's number, unique in its memory and not 0. Page.Owner holds it.
func (f *Inode) ID() uint32 { return f.id }

// Name returns the name the file was first opened with.
func (f *Inode) Name() string {
	if f.file == nil {
		return "/dev/zero (deleted)" // as /proc/PID/maps calls it
	}
	return f.file.Name()
}

// Shmem reports whether the file is shared anonymous memory, whose pages come from nowhere but memory.
func (f *Inode) Shmem() bool { return f.file == nil && !f.nature.zero }

// Charged returns how many pages the maker of shared anonymous memory was charged.
func (f *Inode) Charged() uint64 { return f.charged }

// HugeAligned reports whether mappings of the file that hold a whole huge page of it are placed where that can be one, as the
// file system wants it (thp_get_unmapped_area): ext2 to ext4, xfs and btrfs do; tmpfs, ramfs and overlayfs do not.
func (f *Inode) HugeAligned() bool {
	switch f.fsType {
	case linux.EXT4_SUPER_MAGIC, linux.XFS_SUPER_MAGIC, linux.BTRFS_SUPER_MAGIC:
		return true
	}
	return f.nature.zero // get_unmapped_area_zero, of a private mapping
}

// OnDAXSystem reports whether the file's system knows MAP_SYNC, which it then allows for files on DAX devices alone.
func (f *Inode) OnDAXSystem() bool {
	return f.fsType == linux.EXT4_SUPER_MAGIC || f.fsType == linux.XFS_SUPER_MAGIC
}

// Memory reports whether the file lives in memory only: shmem_mapping.
func (f *Inode) Memory() bool { return f.file == nil || f.fsType == linux.TMPFS_MAGIC }

// TakeForDisk makes the file one of ext4, wherever it lies, before it is mapped: for tests that want the same on every machine.
func (f *Inode) TakeForDisk() { f.fsType = linux.EXT4_SUPER_MAGIC }

// Readable reports whether the file is open for reading.
func (f *File) Readable() bool { return f.readable }

// Writable reports whether the file is open for writing.
func (f *File) Writable() bool { return f.writable }

// Get takes a reference next to one that the caller holds: get_file.
func (f *File) Get(t *task.Task) { f.refs.Inc(t) }

// Put drops a reference: fput. With the last one of all Files of an inode dirty pages are written back, the cache is dropped and
// the real file closed; the error says what of that failed.
func (f *File) Put(t *task.Task) error {
	if f.refs.DecAndTest(t) != 0 {
		return nil
	}
	return f.Inode.put(t)
}

func (f *Inode) put(t *task.Task) error {
	m := f.mem
	m.inodeLock.Lock(t)
	defer m.inodeLock.Unlock(t) // held on: a task that opens the file again must see what is written back
	f.refs--
	if f.refs > 0 {
		return nil
	}
	delete(m.inodes, f.key)
	err := f.Sync(t)
	f.fill.Lock(t)
	f.dropRange(t, 0, maxPages)
	f.fill.Unlock(t)
	t.Died(unsafe.Pointer(f))
	if f.charged != 0 { // shmem_unacct_size
		m.Unaccount(t, f.charged)
	}
	if f.file == nil {
		return nil
	}
	return errors.Join(err, f.file.Close())
}

// Size returns the file's size in bytes, now.
func (f *Inode) Size() (uint64, error) {
	if f.file == nil {
		return f.size, nil
	}
	size, err := f.file.size()
	if err != nil {
		return 0, fmt.Errorf("stat %s: %w", f.Name(), err)
	}
	return size, nil
}

// CachedPages returns how many pages the cache holds.
func (f *Inode) CachedPages(t *task.Task) int {
	f.lock.Lock(t)
	defer f.lock.Unlock(t)
	return len(f.pages)
}

// PageCount returns how many pages the file has now, the last one perhaps in part. The cache forgets pages past
// them.
func (f *Inode) PageCount(t *task.Task) (uint64, error) {
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
// file are zero. It fails with errBeyondEOF, errNoFrames, or the errno of the read. It may sleep.
func (f *Inode) Page(t *task.Task, index uint64) (PFN, error) {
	pages, err := f.PageCount(t)
	if err != nil {
		return 0, err
	}
	if index >= pages {
		return 0, errBeyondEOF
	}
	if pfn := f.Lookup(t, index); pfn != 0 {
		return pfn, nil
	}
	return f.read(t, index)
}

func pagesOf(size uint64) uint64 {
	return size/linux.PageSize + (size%linux.PageSize+linux.PageSize-1)/linux.PageSize
}

// Lookup returns a cached page with a reference, 0 if the cache does not hold it: filemap_get_folio.
func (f *Inode) Lookup(t *task.Task, index uint64) PFN {
	f.lock.Lock(t)
	pfn := f.pages[index]
	if pfn != 0 {
		f.mem.Get(t, pfn)
	}
	f.lock.Unlock(t)
	return pfn
}

// read brings a page into the cache and returns it with a reference.
func (f *Inode) read(t *task.Task, index uint64) (PFN, error) {
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	if pfn := f.Lookup(t, index); pfn != 0 {
		return pfn, nil // another task was faster
	}
	pfn, n, err := f.readFrame(t, index)
	if err != nil {
		return 0, err
	}
	f.mem.Get(t, pfn) // for the cache
	f.lock.Lock(t)
	f.pages[index] = pfn
	f.lock.Unlock(t)
	f.extent.WriteOnce(t, max(f.extent.ReadOnce(t), index<<linux.PageShift+uint64(n)))
	return pfn, nil
}

// readFrame returns a new frame with the bytes of a page, of which the file has n. The caller holds f.fill.
func (f *Inode) readFrame(t *task.Task, index uint64) (pfn PFN, n int, err error) {
	if pfn, err = f.mem.Alloc(t); err != nil {
		return 0, 0, err
	}
	bytes := f.mem.Bytes(pfn)[:]
	beginBulk(t, task.OpCopyTo, bytes)
	n, err = f.readAt(bytes, index)
	clear(bytes[n:])
	endBulk(t)
	if err != nil {
		f.mem.Put(t, pfn)
		return 0, 0, err
	}
	page := f.mem.Page(pfn)
	page.Describe(KindFile, f.id, index)
	page.Dirty.WriteOnce(t, 0)
	return pfn, n, nil
}

// readAt reads the bytes of a page, as many as the file has. None is errBeyondEOF: the file shrank meanwhile.
func (f *Inode) readAt(buf []byte, index uint64) (int, error) {
	if f.file == nil {
		return 0, nil // a page that was never written to
	}
	for done := 0; ; {
		n, err := f.file.readAt(buf[done:], index<<linux.PageShift+uint64(done))
		switch {
		case err != nil:
			return 0, fmt.Errorf("read page %d of %s: %w", index, f.Name(), err)
		case n == 0 && done == 0:
			return 0, errBeyondEOF
		default:
			done += n
			if n == 0 || done == len(buf) {
				return done, nil
			}
		}
	}
}

// truncate forgets what the cache holds past the end of a file that shrank: truncate_pagecache. A task that has mapped such
// a page keeps it until it is unmapped.
func (f *Inode) truncate(t *task.Task, size uint64) {
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	if size >= f.extent.ReadOnce(t) {
		return // another task was faster
	}
	f.dropRange(t, pagesOf(size), maxPages)
	if pfn := f.pages[size/linux.PageSize]; pfn != 0 {
		tail := f.mem.Bytes(pfn)[size%linux.PageSize:]
		beginBulk(t, task.OpClearPage, tail)
		clear(tail)
		endBulk(t)
	}
	f.extent.WriteOnce(t, size)
}

// maxPages is more pages than a file can have.
const maxPages = 1 << (64 - linux.PageShift)

// dropRange drops the cached pages [first, last). The caller holds f.fill.
func (f *Inode) dropRange(t *task.Task, first, last uint64) {
	for _, i := range f.indexes() {
		if i < first || i >= last {
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
func (f *Inode) indexes() []uint64 { return slices.Sorted(maps.Keys(f.pages)) }
