package mm

import (
	"slices"

	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// reading is what is known of a task that reads the layout, as far as is needed to judge what it tells: Documentation/filesystems/proc.rst
// promises that the addresses never go back, and that what is mapped at an address from beginning to end is told. Lines may overlap where a
// VMA has grown meanwhile.
//
// Its first look at the tree begins it, its last one ends it, and the stores to the tree come before or after these: the same in all orders of
// independent steps, as long as the tree has one leaf. A store to another leaf than the last one may come before or after; then less is demanded.
type reading struct {
	mm     *MM
	last   uint64 // where the last line ended
	untold []span // ranges that have been mapped all the time, and are in no line yet
}

// readings are those in progress in an address space.
type readings struct {
	all   []*reading
	going span // what a writer is about to take out of the tree, or has just taken out; empty: nothing
}

// startReading begins a reading, if the machine is asked to judge calls and one task runs at a time; else nil.
func (mm *MM) startReading(t *task.Task) *reading {
	if !mm.Machine.JudgeCalls || t.Observer == nil {
		return nil
	}
	r := &reading{mm: mm}
	mm.Tree.Ascend(&mm.Machine.unseen, 0, func(e tree.Entry) bool {
		r.untold = append(r.untold, span{e.Start, e.End})
		return true
	})
	mm.readings.all = append(mm.readings.all, r)
	return r
}

// tell judges a line. The reader has the VMA, or mmap_lock, read-locked, so no writer changes it or its entry.
func (r *reading) tell(t *task.Task, v *vma.VMA, start, end uint64) {
	if r == nil {
		return
	}
	if !r.mm.holds(tree.Entry{Start: start, End: end, VMA: v}) {
		t.Violate("torn-maps", "[%#x, %#x) is told, and no such VMA is in the tree", start, end)
	}
	if end <= r.last {
		t.Violate("torn-maps", "[%#x, %#x) is told behind what ends at %#x", start, end, r.last)
	}
	r.last = end
	r.untold = cutOut(r.untold, span{start, end})
}

// holds reports whether the tree has an entry, without announcing that it looks.
func (mm *MM) holds(want tree.Entry) (found bool) {
	mm.Tree.Ascend(&mm.Machine.unseen, want.Start, func(e tree.Entry) bool {
		found = e == want
		return false
	})
	return found
}

// end judges the whole, in the step of the last look.
func (r *reading) end(t *task.Task) {
	if r == nil {
		return
	}
	if going := r.mm.readings.going; going.start < going.end && !r.mm.covers(going) { // the store has been made
		r.untold = cutOut(r.untold, going)
	}
	for _, s := range r.untold {
		t.Violate("torn-maps", "[%#x, %#x) was mapped all the time, and is not told", s.start, s.end)
	}
}

// covers reports whether the tree has an entry in a range, likewise.
func (mm *MM) covers(s span) (found bool) {
	mm.Tree.Ascend(&mm.Machine.unseen, s.start, func(e tree.Entry) bool {
		found = e.Start < s.end
		return false
	})
	return found
}

// stop ends the reading.
func (r *reading) stop() {
	if r != nil {
		r.mm.readings.all = slices.DeleteFunc(r.mm.readings.all, func(o *reading) bool { return o == r })
	}
}

// erase takes a range out of the tree, and what readers have to tell with it. The caller holds mmap_lock for writing.
func (mm *MM) erase(t *task.Task, start, end uint64) {
	judged := mm.Machine.JudgeCalls && t.Observer != nil
	if judged {
		mm.readings.going = span{start, end}
	}
	mm.vmi.Store(t, start, end, nil)
	if judged {
		for _, r := range mm.readings.all {
			r.untold = cutOut(r.untold, span{start, end})
		}
		mm.readings.going = span{}
	}
}

// cutOut returns what is left of ranges when one is cut out.
func cutOut(all []span, gone span) (left []span) {
	for _, s := range all {
		if below := (span{s.start, min(s.end, gone.start)}); below.start < below.end {
			left = append(left, below)
		}
		if above := (span{max(s.start, gone.end), s.end}); above.start < above.end {
			left = append(left, above)
		}
	}
	return left
}
