package phys

import (
	"vmasim/internal/ksync"
)

// PFN is the number of a page frame. 0 is no frame: frame 0 is never handed out.
type PFN uint32

// Kind says what a frame is used for.
type Kind uint8

// The uses of a frame.
const (
	KindNone  Kind = iota // not said yet, or free
	KindAnon              // anonymous memory; Owner is the anon_vma's ID
	KindFile              // page cache; Owner is the file's ID
	KindTable             // a page table; Owner is the shift of what its entries map
	KindZero              // the zero page
)

var kindNames = [...]string{"none", "anon", "file", "table", "zero"}

func (k Kind) String() string { return kindNames[k] }

// Page describes a frame: the kernel's struct page. It holds no Go pointers and half a cache line, so that the
// metadata of a large arena cost the garbage collector nothing.
type Page struct {
	Refcount ksync.AtomicRef // 0 exactly while the frame is free
	Mapcount ksync.Atomic32  // page table entries that map it
	Lock     ksync.SpinLock  // the split page-table lock while the frame is a page table: ptlock_ptr
	Dirty    ksync.Atomic32  // 1: the page cache holds bytes that the file does not

	// Set by the task that allocated the frame, before others can find it, and constant while it is in use.

	Index ksync.Plain[uint64] // linear_page_index: the page's place in its file or anonymous mapping
	Owner ksync.Plain[uint32] // the ID of the file or anon_vma
	Kind  ksync.Plain[Kind]
	Node  ksync.Plain[uint8] // of memory, where a machine has policies about it
}

// Describe says what a newly allocated frame is for, before others can find it.
func (p *Page) Describe(kind Kind, owner uint32, index uint64) {
	p.Kind.Init(kind)
	p.Owner.Init(owner)
	p.Index.Init(index)
}
