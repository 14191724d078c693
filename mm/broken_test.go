package mm_test

import (
	"slices"
	"testing"

	"vmasim/check"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/mm"
	"vmasim/vma"
)

// breaker is an address space that is about to be made wrong, with mmap_lock held for writing.
//
//	page  0 1 2 3   private anonymous, writable: 0 written, 1 read, 2 guarded
//	      4 5       an unfaulted one, read-only
//	      8 9       private file, writable: 8 read
type breaker struct {
	*lab
	anon, plain, file *vma.VMA
}

func newBreaker(t *testing.T) *breaker {
	b := &breaker{lab: newLab(t, mm.Config{}, "")}
	b.mmap(0, 4, rw)
	b.fill(0, 1)
	b.do(b.touch(b.t, b.mm, 1, linux.Read))
	b.do(b.mm.Madvise(b.t, at(2), page, linux.MADV_GUARD_INSTALL))
	b.mmap(4, 6, linux.PROT_READ)
	b.mmapFile(b.open(2), 8, 10, rw, linux.MAP_PRIVATE, 0)
	b.do(b.touch(b.t, b.mm, 8, linux.Read))
	b.valid(b.mm)
	b.mm.MmapWriteLock(b.t)
	b.anon, b.plain, b.file = b.find(0), b.find(4), b.find(8)
	for _, v := range []*vma.VMA{b.anon, b.plain, b.file} {
		b.mm.StartWrite(b.t, v)
	}
	return b
}

func (l *lab) find(n int) *vma.VMA { return l.mm.Tree.Find(l.t, at(n)) }

// entry returns the entry of a page that has one.
func (b *breaker) entry(n int) pgtable.Slot {
	s, ok := b.mm.Tables.Find(b.t, at(n))
	if !ok {
		b.tb.Fatalf("page %d has no page table", n)
	}
	return s
}

// frame returns the frame that a page is mapped to.
func (b *breaker) frame(n int) *phys.Page { return b.m.Mem.Page(b.entry(n).Peek().PFN()) }

// replace puts a VMA of another kind into the place of the unfaulted one.
func (b *breaker) replace(v *vma.VMA, err error) {
	b.do(err)
	b.mm.StoreVMA(b.t, at(4), at(6), v)
}

// breakTable breaks one thing for each oracle of Validate.
var breakTable = []struct {
	oracle string
	how    func(b *breaker)
}{
	{"use-after-free", func(b *breaker) { b.m.VMAs.Free(b.t, b.plain) }},
	{"use-after-free", func(b *breaker) { b.frame(0).Mapcount.Init(0) }},
	{"tree-range", func(b *breaker) { b.plain.SetRange(b.t, at(4), at(7), at(4)>>linux.PageShift) }},
	{"overlap", func(b *breaker) { b.plain.SetRange(b.t, at(3), at(6), at(3)>>linux.PageShift) }},
	{"overlap", func(b *breaker) { b.plain.SetRange(b.t, at(4)+8, at(6), at(4)>>linux.PageShift) }},
	{"map-count", func(b *breaker) { b.mm.AddMapCount(b.t, 1) }},
	{"total-vm", func(b *breaker) { b.plain.SetFlags(b.t, b.plain.Flags(b.t)|linux.VMExec) }},
	{"total-vm", func(b *breaker) { b.mm.AddLocked(b.t, 1) }},
	{"commit-charge", func(b *breaker) { b.mm.AddCharged(1) }},
	{"detached-in-tree", func(b *breaker) {
		b.replace(b.m.VMAs.Alloc(b.t, &b.mm.MMLock, at(4), at(6), at(4)>>linux.PageShift, 0))
	}},
	{"wrong-mm", func(b *breaker) {
		other, err := b.m.NewMM(b.t, "other")
		b.do(err)
		b.replace(b.m.VMAs.Alloc(b.t, &other.MMLock, at(4), at(6), at(4)>>linux.PageShift, 0))
	}},
	{"flags", func(b *breaker) { b.plain.SetFlags(b.t, b.plain.Flags(b.t)&^linux.VMMayRead) }},
	{"unfaulted-pgoff", func(b *breaker) { b.plain.SetRange(b.t, at(4), at(6), 0) }},
	{"anon-vma-chain", func(b *breaker) { b.anon.SetChain(b.t, nil) }},
	{"anon-vma-chain", func(b *breaker) { b.anon.AnonPeek().LinksPeek()[0] = nil }},
	{"file-rmap", func(b *breaker) { b.mm.UnlinkFile(b.t, b.file) }},
	{"guard-marker", func(b *breaker) { b.anon.SetFlags(b.t, b.anon.Flags(b.t)&^linux.VMMaybeGuard) }},
	{"unreachable-anon-vma", func(b *breaker) { b.frame(0).Owner.Init(1 << 20) }},
	{"pte-outside-vma", func(b *breaker) { b.mm.StoreVMA(b.t, at(8), at(10), nil) }},
	{"writable-pte", func(b *breaker) { b.anon.SetFlags(b.t, b.anon.Flags(b.t)&^linux.VMWrite) }},
	{"writable-pte", func(b *breaker) { s := b.entry(8); s.Set(b.t, s.Peek()|pgtable.RW) }},
	{"pte-protection", func(b *breaker) { b.entry(0).Clear(b.t, pgtable.Present) }},
	{"zero-page", func(b *breaker) { s := b.entry(1); s.Set(b.t, s.Peek()|pgtable.RW) }},
	{"zero-page", func(b *breaker) { b.m.ForbidZeroPage = true }},
	{"page-index", func(b *breaker) { b.frame(0).Index.Init(7) }},
	{"wrong-file", func(b *breaker) { b.frame(8).Owner.Init(1 << 20) }},
	{"wrong-page", func(b *breaker) { b.frame(0).Kind.Init(phys.KindTable) }},
}

// TestEveryValidationSpeaks: whatever Validate looks at it finds when it is wrong.
func TestEveryValidationSpeaks(t *testing.T) {
	silent := map[string]bool{}
	for _, name := range check.Names(check.ByValidate) {
		silent[name] = true
	}
	for _, c := range breakTable {
		b := newBreaker(t)
		c.how(b)
		var said []string
		for _, v := range b.mm.Validate(b.t) {
			said = append(said, v.Oracle)
		}
		if !slices.Contains(said, c.oracle) {
			t.Errorf("%s: Validate says %q", c.oracle, said)
		}
		delete(silent, c.oracle)
		if err := b.m.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(silent) > 0 {
		t.Errorf("nothing is broken for %v", silent)
	}
}
