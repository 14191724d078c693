package inject

import (
	"fmt"
	"iter"
	"slices"

	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// pagesOf lists the addresses of a range at which something may be known of contents: those of all pages that either state maps.
func pagesOf(start, end uint64, states ...*space) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		var all []uint64
		for _, s := range states {
			for addr := range s.pages {
				if start <= addr && addr < end {
					all = append(all, addr)
				}
			}
		}
		slices.Sort(all)
		for _, addr := range slices.Compact(all) {
			if !yield(addr) {
				return
			}
		}
	}
}

// may is what a call may leave when something in it fails, all rows of mm.Residues together.
func may(c *interp.Call) (all mm.Residue) {
	for _, r := range mm.Residues() {
		if slices.Contains(r.Calls, c.Kind.String()) {
			all.Drops, all.Moves, all.Source = all.Drops || r.Drops, all.Moves || r.Moves, all.Source || r.Source
		}
	}
	return all
}

// otherwise says in what is mapped, or in which contents, the state after a call in the address space of that number differs from that
// after the same one without a failure; "" for nothing.
func otherwise(space int, c *interp.Call, want, got state) string {
	allowed := may(c)
	for i := range want {
		if (want[i] == nil) != (got[i] == nil) {
			return "an address space is there, or is not"
		}
		if want[i] == nil {
			continue
		}
		for _, p := range pieces(want[i], got[i]) {
			if i == space && allowed.Source && p.was == nil && within(p.start, c.Addr, c.Len) {
				continue
			}
			if (p.was == nil) != (p.is == nil) {
				return fmt.Sprintf("[%#x, %#x) is mapped, or is not", p.start, p.end)
			}
			for addr := range pagesOf(p.start, p.end, want[i], got[i]) {
				if !want[i].reads(p.was, addr).same(got[i].reads(p.is, addr)) {
					return fmt.Sprintf("the page at %#x", addr)
				}
			}
		}
	}
	return ""
}

// lost says which contents a call that has failed may not have changed, in the address space of that number or another; "" for none. The
// oracles judge all else: VMAs call-residue, counts and charges those of mm.Validate.
func lost(space int, c *interp.Call, before, after state) string {
	allowed := may(c)
	for i := range before {
		if before[i] == nil || after[i] == nil {
			continue // that a space has come or gone is told by what it gave
		}
		here := i == space
		for _, p := range pieces(before[i], after[i]) {
			if p.was == nil || p.is == nil {
				continue
			}
			for addr := range pagesOf(p.start, p.end, before[i], after[i]) {
				if before[i].reads(p.was, addr).same(after[i].reads(p.is, addr)) {
					continue
				}
				switch {
				case here && allowed.Drops && within(addr, c.Addr, c.Len):
				case here && allowed.Moves && (within(addr, c.Addr, max(c.Len, c.NewLen)) || within(addr, c.NewAddr, c.NewLen)):
				default:
					return fmt.Sprintf("it fails, and the page at %#x has other contents", addr)
				}
			}
		}
	}
	if allowed.Moves {
		return lostOnTheWay(c, before[space], after[space])
	}
	return ""
}

// within reports whether an address lies in a range of whole pages.
func within(addr, start, length uint64) bool {
	return addr-start&^linux.PageMask < (start&linux.PageMask+length+linux.PageMask)&^linux.PageMask
}

// lostOnTheWay says which page of what was to be moved is neither where it was nor where it was to go; "" for none. Pages that
// were to be cut off may be gone already.
func lostOnTheWay(c *interp.Call, before, after *space) string {
	if before == nil || after == nil || c.Kind != workloads.KindMremap {
		return ""
	}
	length := min(c.Len, c.NewLen)
	for addr := range pagesOf(c.Addr, c.Addr+length, before) {
		was := before.at(addr)
		if was == nil || within(addr, c.NewAddr, c.NewLen) && c.Flags&linux.MREMAP_FIXED != 0 {
			continue
		}
		want := before.reads(was, addr)
		there := addr - c.Addr + c.NewAddr
		if is := after.at(addr); is != nil && after.reads(is, addr).same(want) {
			continue
		}
		if is := after.at(there); is != nil && after.reads(is, there).same(want) {
			continue
		}
		return fmt.Sprintf("it fails, and the page that was at %#x is lost", addr)
	}
	return ""
}
