package mm

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// Validate checks the whole address space and returns what is wrong with it: what validate_mm checks, and the pages. The
// caller holds mmap_lock, for writing or for reading after its own downgrade; faults under VMA locks may be going on.
func (mm *MM) Validate(t *task.Task) []task.Violation {
	c := checker{mm: mm, t: t, walker: t}
	c.tree()
	c.pages()
	return c.wrong
}

// validateTree checks what only the holder of mmap_lock for writing changes: the tree, what its VMAs say of themselves and the sums.
// It announces nothing, and what other tasks do meanwhile makes no difference to it.
func (mm *MM) validateTree(t *task.Task) []task.Violation {
	c := checker{mm: mm, t: t, walker: &mm.Machine.unseen, treeOnly: true}
	c.tree()
	return c.wrong
}

// checker collects what is wrong. It reads without announcing where it can: a check is no part of the protocol.
type checker struct {
	mm       *MM
	t        *task.Task
	walker   *task.Task // whose the walk of the tree is
	treeOnly bool       // what faults under VMA locks may be changing is left out
	wrong    []task.Violation
}

func (c *checker) fail(oracle, format string, args ...any) {
	c.wrong = append(c.wrong, task.Violation{Oracle: oracle, Message: fmt.Sprintf(format, args...), Task: c.t.Name})
}

// tree checks each VMA against the tree, and the sums.
func (c *checker) tree() {
	count, last := 0, uint64(0)
	var stat VMStat
	var locked, accounted uint64
	c.mm.Tree.Ascend(c.walker, 0, func(e tree.Entry) bool {
		count++
		start, end, _, flags := e.VMA.Snapshot()
		stat.account(flags, (end-start)>>linux.PageShift)
		if flags&linux.VMLocked != 0 {
			locked += (end - start) >> linux.PageShift
		}
		if flags&linux.VMAccount != 0 {
			accounted += (end - start) >> linux.PageShift
		}
		if e.Start != start || e.End != end {
			c.fail("tree-range", "the tree holds [%#x, %#x) for VMA [%#x, %#x)", e.Start, e.End, start, end)
		}
		if start >= end || start < last || offsetInPage(start|end) != 0 {
			c.fail("overlap", "VMA [%#x, %#x) is empty, unaligned or overlaps the one before, which ends at %#x", start, end, last)
		}
		last = end
		c.vma(e.VMA, start, end)
		return true
	})
	if n := c.mm.mapCount.Peek(); n != count {
		c.fail("map-count", "map_count is %d, the tree holds %d VMAs", n, count)
	}
	if s := c.mm.stat.Peek(); s != stat {
		c.fail("total-vm", "the counts of pages are %+v, the VMAs have %+v", s, stat)
	}
	if n := c.mm.lockedVM.Peek() - c.mm.residue.locked; n != locked {
		c.fail("total-vm", "locked_vm is %d pages, the VMAs have %d", n, locked)
	}
	if n := c.mm.charged; n != accounted {
		c.fail("commit-charge", "%d pages are charged, the VMAs with VM_ACCOUNT have %d", n, accounted)
	}
}

func (c *checker) vma(v *vma.VMA, start, end uint64) {
	file, anon, mm := v.FilePeek(), v.AnonPeek(), v.MMPeek()
	_, _, pgoff, flags := v.Snapshot()
	if !v.Alive() {
		c.fail("use-after-free", "the tree holds a freed VMA at %#x", start)
	}
	if v.DetachedPeek() {
		c.fail("detached-in-tree", "VMA [%#x, %#x) is in the tree, and is detached", start, end)
	}
	if mm != &c.mm.MMLock {
		c.fail("wrong-mm", "VMA [%#x, %#x) belongs to another mm", start, end)
	}
	if flags&linux.VMAccessFlags&^(flags>>4) != 0 {
		c.fail("flags", "VMA [%#x, %#x) has rights that it may not have: %s", start, end, flags)
	}
	if c.treeOnly {
		return
	}
	if file == nil && anon == nil && pgoff != start>>linux.PageShift && !c.mm.residue.pgoff {
		c.fail("unfaulted-pgoff", "unfaulted anonymous VMA at %#x has page offset %#x", start, pgoff)
	}
	if file != nil && anon == nil && c.mm.Rules.Has(rules.AnonOffsets) && v.AnonPgoffPeek() != start>>linux.PageShift {
		c.fail("unfaulted-pgoff", "unfaulted VMA of a file at %#x has page offset %#x for anonymous pages", start, v.AnonPgoffPeek())
	}
	if c.linked(v, file) != (file != nil) {
		c.fail("file-rmap", "VMA %#x is not in the reverse map of its file", start)
	}
	if anon != nil {
		c.chain(v, anon, start)
	}
}

// linked reports whether v is in a file's reverse map. Its neighbours there may be another address space's.
func (c *checker) linked(v *vma.VMA, file *phys.File) bool {
	if file != nil {
		file.IMmap.DownRead(c.t)
		defer file.IMmap.UpRead(c.t)
	}
	return v.Mapping().Linked()
}

// chain checks that an anon_vma and its VMA know each other.
func (c *checker) chain(v *vma.VMA, anon *vma.AnonVMA, start uint64) {
	root := anon.RootPeek()
	root.RWSem.DownRead(c.t)
	defer root.RWSem.UpRead(c.t)
	linked := false
	for l := v.ChainPeek(); l != nil; l = l.Next {
		linked = linked || l.Anon == anon
		if l.VMA != v || l.Slot >= len(l.Anon.LinksPeek()) || l.Anon.LinksPeek()[l.Slot] != l || !l.Anon.Alive() {
			c.fail("anon-vma-chain", "a link of VMA %#x is not in its anon_vma", start)
		}
	}
	if !linked {
		c.fail("anon-vma-chain", "VMA %#x is not linked to its own anon_vma", start)
	}
}

// pages checks each page-table entry against the VMA that it lies in.
func (c *checker) pages() {
	var v *vma.VMA
	_ = c.mm.Tables.Chunks(c.t, 0, linux.TaskSize, func(chunk pgtable.Chunk) error {
		chunk.Lock.Lock(c.t)
		defer chunk.Lock.Unlock(c.t)
		for i := chunk.Used(0); i < len(chunk.Entries); i = chunk.Used(i + 1) {
			pte := chunk.Entries[i].Peek()
			addr := chunk.Addr + uint64(i)<<linux.PageShift
			if v == nil || !v.Contains(c.t, addr) {
				if v = c.mm.Tree.Lookup(c.t, addr); v == nil {
					c.fail("pte-outside-vma", "a page is mapped at %#x, where no VMA is", addr)
					continue
				}
			}
			c.page(v, addr, pte)
		}
		return nil
	})
}

func (c *checker) page(v *vma.VMA, addr uint64, pte pgtable.PTE) {
	start, _, pgoff, flags := v.Snapshot()
	file, anon := v.FilePeek(), v.AnonPeek()
	if pte.Guard() {
		switch none := c.mm.Machine.NoMaybeGuard; {
		case none && anon == nil:
			c.fail("guard-marker", "the page at %#x is guarded, its VMA has no anon_vma", addr)
		case !none && flags&linux.VMMaybeGuard == 0:
			c.fail("guard-marker", "the page at %#x is guarded, its VMA has no VM_MAYBE_GUARD", addr)
		}
		return
	}
	if pte.Write() && flags&linux.VMWrite == 0 {
		c.fail("writable-pte", "the entry for %#x is writable, its VMA is %s", addr, flags.Perms())
	}
	if pte.Accessible() != flags.Accessible() {
		c.fail("pte-protection", "the entry for %#x is %#x, its VMA is %s", addr, uint64(pte), flags.Perms())
	}
	if pte.Special() {
		switch m := c.mm.Machine; {
		case m.ForbidZeroPage:
			c.fail("zero-page", "the entry for %#x maps the zero page, which this machine has not", addr)
		case pte.Write() || pte.PFN() != m.Mem.ZeroPage():
			c.fail("zero-page", "the entry for %#x maps the zero page as %#x", addr, uint64(pte))
		}
		return
	}
	page := c.mm.Machine.Mem.Page(pte.PFN())
	if page.Refcount.Peek() < 1 || int32(page.Mapcount.Peek()) < 1 {
		c.fail("use-after-free", "the page at %#x has %d references and %d mappings", addr, page.Refcount.Peek(), int32(page.Mapcount.Peek()))
	}
	index := pgoff + (addr-start)>>linux.PageShift
	if page.Kind.Peek() == phys.KindAnon {
		index = v.AnonPgoffPeek() + (addr-start)>>linux.PageShift
	}
	if got := page.Index.Peek(); got != index {
		c.fail("page-index", "the page at %#x has index %#x, its VMA gives %#x", addr, got, index)
	}
	switch kind := page.Kind.Peek(); kind {
	case phys.KindAnon:
		// /dev/zero, mapped shared without the right to write, is anonymous memory: of its own where the zero page is forbidden.
		shared := flags&linux.VMMayShare != 0 && (file == nil || !file.Zero())
		if shared || !c.reachable(v, page.Owner.Peek()) {
			c.fail("unreachable-anon-vma", "the page at %#x belongs to anon_vma %d, which its VMA is not linked to", addr, page.Owner.Peek())
		}
	case phys.KindFile:
		if file == nil || file.ID() != page.Owner.Peek() {
			c.fail("wrong-file", "the page at %#x belongs to file %d, which its VMA does not map", addr, page.Owner.Peek())
		}
		if pte.Write() && flags&linux.VMMayShare == 0 {
			c.fail("writable-pte", "a private mapping writes to the page cache at %#x", addr)
		}
	default:
		c.fail("wrong-page", "the entry for %#x maps a frame of kind %s", addr, kind)
	}
}

// reachable reports whether v is linked to the anon_vma with the given ID.
func (c *checker) reachable(v *vma.VMA, id uint32) bool {
	anon := v.AnonVMA(c.t) // a task that sees it sees the chain, which a fault may just have made
	if anon == nil {
		return false
	}
	for l := v.ChainPeek(); l != nil; l = l.Next {
		if l.Anon.ID == id {
			return true
		}
	}
	return false
}
