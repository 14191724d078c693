package phys

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// Rules that several cells share.
var (
	atomicRule = task.LockRule{task.AtomicCell}
	fillRule   = task.LockRule{task.InvalidateLock, task.NotYetVisible}
)

// pageLayout is of a frame's bytes while they hold a page of memory: tasks that have it mapped read and write its words.
var pageLayout = task.Layout{
	Type: "page", Size: linux.PageSize,
	Fields: []task.Field{
		{Name: "word", Size: linux.PageSize, Cell: 8, Read: atomicRule, Write: atomicRule, Doc: "what loads and stores see"},
	},
}

// memoryLayout declares the locks of a machine's memory: the kernel's struct zone, for what the model has of it.
var memoryLayout = task.Layout{
	Type: "zone", Size: unsafe.Sizeof(Memory{}),
	Fields: []task.Field{
		{Name: "growing", Offset: unsafe.Offsetof(Memory{}.growing), Size: unsafe.Sizeof(ksync.Mutex{}), Read: atomicRule, Write: atomicRule,
			Doc: "held to make another chunk of the arena usable"},
		{Name: "lock", Offset: unsafe.Offsetof(Memory{}.lock), Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule,
			Doc: "the free list"},
		{Name: "last_ino", Offset: unsafe.Offsetof(Memory{}.lastInode), Size: unsafe.Sizeof(ksync.Atomic32{}), Read: atomicRule, Write: atomicRule,
			Doc: "the number that the newest inode got"},
		{Name: "inode_hash_lock", Offset: unsafe.Offsetof(Memory{}.inodeLock), Size: unsafe.Sizeof(ksync.Mutex{}), Read: atomicRule, Write: atomicRule,
			Doc: "the inodes that are open"},
	},
}

// inodeLayout declares the shared cells of an Inode.
var inodeLayout = task.Layout{
	Type: "address_space", Size: unsafe.Sizeof(Inode{}),
	Fields: []task.Field{
		{Name: "i_rwsem", Offset: unsafe.Offsetof(Inode{}.RWSem), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "the bytes of the file, for reads that are no mapping's"},
		{Name: "i_mmap_rwsem", Offset: unsafe.Offsetof(Inode{}.IMmap), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "the mappings of the file"},
		{Name: "invalidate_lock", Offset: unsafe.Offsetof(Inode{}.fill), Size: unsafe.Sizeof(ksync.Mutex{}), Read: atomicRule, Write: atomicRule,
			Doc: "held to read pages into the cache and to drop them"},
		{Name: "i_pages.xa_lock", Offset: unsafe.Offsetof(Inode{}.lock), Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule,
			Doc: "the index of the pages cached"},
		{Name: "extent", Offset: unsafe.Offsetof(Inode{}.extent), Size: unsafe.Sizeof(ksync.Atomic64{}), Read: atomicRule, Write: fillRule,
			Doc: "the end of what was ever cached: a shorter file was truncated"},
		{Name: "removals", Offset: unsafe.Offsetof(Inode{}.removals), Size: unsafe.Sizeof(ksync.Atomic64{}), Read: atomicRule, Write: fillRule,
			Doc: "how often pages were taken out of the cache that may be mapped"},
	},
}

// PageLayout returns the declaration of a page of memory. The caller must not change it.
func PageLayout() *task.Layout { return &pageLayout }

// Metadata returns the declaration of what is known of each frame, its struct page. It is no layout: nothing tells of its life.
func Metadata() []task.Field {
	var p Page
	field := func(name string, offset uintptr, doc string) task.Field {
		return task.Field{Name: name, Offset: offset, Doc: doc}
	}
	return []task.Field{
		field("refcount", unsafe.Offsetof(p.Refcount), "how many use the page: 0 exactly while the frame is free"),
		field("mapcount", unsafe.Offsetof(p.Mapcount), "how many page-table entries map the page"),
		field("ptl", unsafe.Offsetof(p.Lock), "the split lock of the page table that the frame is"),
		field("dirty", unsafe.Offsetof(p.Dirty), "1: the page cache holds bytes that the file does not"),
		field("index", unsafe.Offsetof(p.Index), "the page's place in its file or anonymous mapping"),
		field("owner", unsafe.Offsetof(p.Owner), "the file or the anon_vma that the page belongs to"),
		field("kind", unsafe.Offsetof(p.Kind), "whether it is a page of a file, an anonymous one or a page table"),
	}
}

// MemoryLayout returns the declaration of a memory's locks. The caller must not change it.
func MemoryLayout() *task.Layout { return &memoryLayout }

// InodeLayout returns the declaration of an inode's cells. The caller must not change it.
func InodeLayout() *task.Layout { return &inodeLayout }

// Announce tells the observer of t of the memory, which was made before it watched.
func (m *Memory) Announce(t *task.Task) { t.Born(unsafe.Pointer(m), &memoryLayout) }

// beginBulk announces an operation on all of the bytes, a part of one frame; endBulk must follow.
func beginBulk(t *task.Task, op task.Op, bytes []byte) {
	if t.Observer != nil {
		t.BeginRange(op, unsafe.Pointer(unsafe.SliceData(bytes)), uintptr(len(bytes)))
	}
}

func endBulk(t *task.Task) {
	if t.Observer != nil {
		t.End(0, 0)
	}
}
