package mm

import (
	"errors"
	"fmt"
	"slices"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/vma"
)

// piece is a range in which the address space was one area, or none, before a call, and is one, or none, after it.
type piece struct {
	start, end  uint64
	was, is     *area // nil: nothing is mapped
	named       bool  // the call was about it
	wasB4, isB4 *area // what lies right below it, of the same two
}

// judge compares the address space after a call with that before it.
func (c *call) judge(t *task.Task, err error) {
	name, leaves := callTable[c.op].name, leavesOf(c.op)
	w := walk{call: c}
	for p := &w.piece; w.next(); {
		if wrong := c.changed(p, err, leaves); wrong != "" {
			if err == nil {
				t.Violate("wrong-merge", "%s succeeds: %s at %#x: %s before, %s after", name, wrong, p.start, p.was.describe(), p.is.describe())
			} else {
				t.Violate("call-residue", "%s fails with %s: %s at %#x: %s before, %s after", name, reason(err), wrong, p.start, p.was.describe(), p.is.describe())
			}
			return
		}
		if err != nil {
			if wrong := c.cut(p, leaves); wrong != "" {
				t.Violate("call-residue", "%s fails with %s: %s at %#x", name, reason(err), wrong, p.start)
				return
			}
		}
	}
	if err == nil && callTable[c.op].joins == joinsAll && !c.partial {
		c.missedMerges(t)
	}
}

// reason returns the name of the errno that an error wraps.
func reason(err error) string {
	var e linux.Errno
	if errors.As(err, &e) {
		return linux.Name(e)
	}
	return err.Error()
}

// walk goes through the address space piece by piece, from below.
type walk struct {
	call *call
	i, j int    // where in before and after it is
	at   uint64 // where the next piece begins
	piece
}

// next finds the next piece in which something is or was mapped, and reports whether there is one.
func (w *walk) next() bool {
	for w.at < linux.TaskSize {
		w.wasB4, w.isB4 = w.was, w.is
		w.start, w.end, w.named = w.at, linux.TaskSize, false
		w.was, w.end = areaAt(w.call.before, &w.i, w.at, w.end)
		w.is, w.end = areaAt(w.call.after, &w.j, w.at, w.end)
		for _, s := range w.call.spans {
			switch {
			case w.at < s.start:
				w.end = min(w.end, s.start)
			case w.at < s.end:
				w.end, w.named = min(w.end, s.end), true
			}
		}
		if w.end <= w.at { // the VMAs are in no order: that is what Validate is for
			return false
		}
		w.at = w.end
		if w.was != nil || w.is != nil {
			return true
		}
	}
	return false
}

// areaAt returns the area at an address, nil for a hole, and where that ends, at the latest at end; n is where it looked last.
func areaAt(all []area, n *int, at, end uint64) (*area, uint64) {
	for *n < len(all) && all[*n].end <= at {
		*n++
	}
	switch {
	case *n == len(all):
		return nil, end
	case all[*n].start > at:
		return nil, min(end, all[*n].start)
	}
	return &all[*n], min(end, all[*n].end)
}

// changed says how a piece has become what it may not; "" if it has not.
func (c *call) changed(p *piece, err error, leaves residues) (wrong string) {
	switch mayChange := p.named && (err == nil || leaves&(leavesMoved|leavesEarlier) != 0); {
	case p.named && err == nil && p.is != nil && !c.stayed(p) && c.joinsInherited(p.is):
		return "what is new has joined a VMA that was inherited over fork"
	case (p.was == nil) != (p.is == nil):
		switch {
		case !p.named || callTable[c.op].keeps || err != nil && leaves&leavesMoved == 0 && (leaves&leavesHole == 0 || p.is != nil):
			return "what is mapped has changed"
		case p.is == nil || c.wants.end == 0:
			return ""
		}
		return c.unlikeWanted(p)
	case p.named && err == nil && c.wants.end != 0:
		return c.unlikeWanted(p)
	case !mayChange && (p.was.flags^p.is.flags)&^linux.VMSticky != 0:
		return "flags have changed"
	case mayChange && !callTable[c.op].keeps: // it has another life
		return ""
	case p.was.file != p.is.file || p.was.offsetAt(p.start) != p.is.offsetAt(p.start):
		return "what it maps has changed"
	case p.was.anonPgoff-p.was.start>>linux.PageShift != p.is.anonPgoff-p.is.start>>linux.PageShift:
		return "the offset of its anonymous pages has changed"
	case p.was.anon != p.is.anon && !(p.was.anon == nil && c.gained(p, leaves)), p.was.anon == p.is.anon && p.was.links != p.is.links && !p.grown():
		return "its anon_vma has changed"
	}
	return ""
}

// unlikeWanted says how a piece that was to be mapped is otherwise than asked for.
func (c *call) unlikeWanted(p *piece) string {
	switch w := &c.wants; {
	case (w.flags^p.is.flags)&^linux.VMSticky != 0:
		return "flags are not those asked for"
	case w.file != p.is.file || w.offsetAt(p.start) != p.is.offsetAt(p.start):
		return "it is not mapped what was asked for"
	}
	return ""
}

// joinsInherited reports whether an area holds what the call was to map and a VMA beside that, inherited over fork, whose anon_vmas
// what was mapped did not have: vma_had_uncowed_parents keeps them apart.
func (c *call) joinsInherited(is *area) bool {
	if c.op != callMmap && c.op != callBrk && c.op != callMremap || is.links < 2 {
		return false
	}
	for i := range c.before {
		b := &c.before[i]
		if b.links > 1 && b.anon == is.anon && c.reachesBeyond(max(b.start, is.start), min(b.end, is.end)) {
			return c.op != callMremap || !c.movesWith(b.anon)
		}
	}
	return false
}

// stayed reports whether a piece lies where an mremap of several VMAs had nothing to move to: it unmaps only the places of what it moves.
func (c *call) stayed(p *piece) bool {
	if c.op != callMremap || len(c.spans) < 2 || p.was == nil {
		return false
	}
	from, to := c.spans[0], c.spans[1]
	if p.start < to.start || to.end < p.end {
		return false
	}
	start, end := p.start-to.start+from.start, p.end-to.start+from.start
	return !slices.ContainsFunc(c.before, func(a area) bool { return a.start < end && start < a.end })
}

// reachesBeyond reports whether a part of [start, end) is none of what the call was about.
func (c *call) reachesBeyond(start, end uint64) bool {
	for n := 0; n < len(c.spans) && start < end; n++ {
		for _, s := range c.spans {
			if s.start <= start && start < s.end {
				start = s.end
			}
		}
	}
	return start < end
}

// movesWith reports whether what an mremap moved or made longer had an anon_vma.
func (c *call) movesWith(anon *vma.AnonVMA) bool {
	from := c.spans[0]
	return slices.ContainsFunc(c.before, func(a area) bool { return a.anon == anon && a.start < from.end && from.start < a.end })
}

// gained reports whether a piece that had no anon_vma may have the one it has now: because the call makes one, or by a merge, which is
// refused where it would be inherited over fork, unless a VMA grows into it.
func (c *call) gained(p *piece, leaves residues) bool {
	return c.extended(p) || p.is.links == 1 && (leaves&leavesFaulted != 0 || c.faults && p.named || p.grown() || leaves&leavesMoved != 0 && c.reaches(p.is) || c.movedBeside(p))
}

// movedBeside reports whether the call moved a part of the area that the piece was in to right beside that area, or over an end of it.
// Until the old place was unmapped, all of it and what lies beyond were one: copy_vma merges a VMA that is not faulted in with itself.
func (c *call) movedBeside(p *piece) bool {
	if c.op != callMremap || len(c.spans) < 2 {
		return false
	}
	from, to := c.spans[0], c.spans[1]
	return p.was.start <= from.start && from.start < p.was.end && to.start <= p.was.end && p.was.start <= to.end
}

// extended reports whether the call made a VMA longer in place, and so took in the area that the piece was in: vma_merge_extend, which
// compares the anon_vma of the neighbour alone.
func (c *call) extended(p *piece) bool {
	at := c.spans[0].start
	return c.op == callMremap && p.was.start > at && p.is.start <= at && at < p.is.end
}

// reaches reports whether an area lies where the call was about.
func (c *call) reaches(a *area) bool {
	return slices.ContainsFunc(c.spans, func(s span) bool { return s.start < a.end && a.start < s.end })
}

// grown reports whether the area that a piece is in now reaches further than the one that it was in.
func (p *piece) grown() bool { return p.is.start < p.was.start || p.is.end > p.was.end }

// cut says how the border at the beginning of a piece is one that a failed call may not leave or take away; "" if it is not.
func (c *call) cut(p *piece, leaves residues) string {
	if p.was == nil || p.is == nil || p.wasB4 == nil || p.isB4 == nil {
		return ""
	}
	apart, one := p.isB4 != p.is, p.wasB4 == p.was
	switch atEnd := c.atEnd(p.start); {
	case apart && one && !(atEnd && leaves&leavesCuts != 0 || leaves&leavesMoved != 0):
		return "a VMA is cut in two"
	case !apart && !one && !(leaves&leavesMoved != 0 || leaves&leavesEarlier != 0 && (p.named || atEnd)):
		return "two VMAs have become one"
	}
	return ""
}

// atEnd reports whether an address is an end of what the call is about.
func (c *call) atEnd(addr uint64) bool {
	for _, s := range c.spans {
		if addr == s.start || addr == s.end {
			return true
		}
	}
	return false
}

// missedMerges reports the first two neighbours that could be one VMA, and were not such neighbours already before the call.
func (c *call) missedMerges(t *task.Task) {
	n := 0
	for i := 1; i < len(c.after); i++ {
		a, b := &c.after[i-1], &c.after[i]
		if !couldBeOne(a, b) || c.wereApart(b.start, a.flags, &n) {
			continue
		}
		t.Violate("missed-merge", "%s leaves two VMAs that could be one: %s, %s", callTable[c.op].name, a.describe(), b.describe())
		return
	}
}

// wereApart reports whether two neighbours with these flags met at an address before the call and could have been one VMA: what an
// earlier call has left behind. n is where it looked last.
func (c *call) wereApart(at uint64, flags linux.VMFlags, n *int) bool {
	for *n < len(c.before) && c.before[*n].start < at {
		*n++
	}
	if *n == 0 || *n == len(c.before) {
		return false
	}
	a, b := &c.before[*n-1], &c.before[*n]
	return b.start == at && (b.flags^flags)&^linux.VMSticky == 0 && couldBeOne(a, b)
}

// couldBeOne reports whether the kernel makes two neighbours one VMA when a call touches them, as was found by experiment. It is stated
// here a second time, on purpose: the code that merges must not be its own judge.
func couldBeOne(a, b *area) bool {
	switch {
	case a.end != b.start || a.closes || b.closes || (a.flags|b.flags)&linux.VMSpecial != 0:
		return false
	case (a.flags^b.flags)&^linux.VMSticky != 0 || a.file != b.file || a.offsetAt(b.start) != b.pgoff || a.policy != b.policy:
		return false
	case a.file != nil && a.flags&(linux.VMShared|linux.VMMayWrite) == linux.VMMayWrite && a.anonPgoff-a.start>>linux.PageShift != b.anonPgoff-b.start>>linux.PageShift:
		return false
	case a.anon == b.anon:
		return true
	case a.anon == nil:
		return b.links == 1 // more: inherited over fork
	case b.anon == nil:
		return a.links == 1
	}
	return false
}

// offsetAt returns the page offset of an address in the area, or of the one right behind it.
func (a *area) offsetAt(addr uint64) uint64 { return a.pgoff + (addr-a.start)>>linux.PageShift }

func (a *area) describe() string {
	if a == nil {
		return "nothing"
	}
	text := fmt.Sprintf("[%#x, %#x) %s, flags %s, page offset %#x", a.start, a.end, a.flags.Perms(), a.flags, a.pgoff)
	if a.anon != nil {
		text += fmt.Sprintf(", anon_vma %d of %d", a.anon.ID, a.links)
	}
	return text
}
