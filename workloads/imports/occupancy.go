package imports

import (
	"slices"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// perform has a call change what is taken, and reports whether its address is the one that the kernel would choose now. If it is not,
// nothing has changed. It follows the kernel as far as addresses tell of the order: whether the whole is right is for the run to say.
func (s *searcher) perform(o *op) (undo []change, ok bool) {
	r := s.taken[o.space]
	if r == nil {
		return nil, false
	}
	set := func(start, end uint64, taken bool) {
		undo = append(undo, change{space: o.space, start: start, end: end, was: r.within(start, end)})
		if taken {
			r.add(start, end)
		} else {
			r.remove(start, end)
		}
	}
	for _, child := range o.children {
		copied := slices.Clone(*r)
		s.taken[child] = &copied
		undo = append(undo, change{space: child, made: true})
	}
	if o.fails {
		return undo, true
	}
	end := o.to + o.newLen
	switch o.kind {
	case workloads.KindMmap:
		if !o.fixed() && !s.chooses(r, o) {
			return nil, false
		}
		set(o.to, end, true)
	case workloads.KindMunmap:
		set(o.addr, o.addr+o.len, false)
	case workloads.KindMremap:
		switch {
		case o.to == o.addr && o.newLen > o.len && len(r.within(o.addr+o.len, end)) > 0, o.to != o.addr && o.placed() && !s.chooses(r, o):
			return nil, false
		case o.to == o.addr && o.newLen < o.len:
			set(end, o.addr+o.len, false)
		default:
			if o.to != o.addr && o.flags&linux.MREMAP_DONTUNMAP == 0 {
				set(o.addr, o.addr+o.len, false)
			}
			set(o.to, end, true)
		}
	case workloads.KindBrk:
		switch {
		case o.to > o.old && len(r.within(o.old, o.to)) > 0:
			return nil, false
		case o.to > o.old:
			set(o.old, o.to, true)
		case o.to < o.old:
			set(o.to, o.old, false)
		}
	}
	return undo, true
}

// fixed reports whether the address of a mapping was demanded.
func (o *op) fixed() bool {
	return o.flags&(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE|linux.MAP_32BIT) != 0
}

// chooses reports whether the kernel would place the mapping of a call where it has: at its hint if there is room, else in the highest
// hole, on a huge page's boundary if it may have huge pages.
func (s *searcher) chooses(r *ranges, o *op) bool {
	if o.kind == workloads.KindMmap && o.addr != 0 && len(r.within(o.addr, o.addr+o.newLen)) == 0 {
		return o.to == o.addr
	}
	if o.huge {
		if at, ok := r.highest(o.newLen+hugePage, s.base); ok {
			skip := (o.offset - at) % hugePage
			if skip == 0 {
				skip = hugePage
			}
			return o.to == at+skip
		}
	}
	at, ok := r.highest(o.newLen, s.base)
	return !ok || o.to == at
}

// highest returns the start of the highest hole of a length that ends by high.
func (r ranges) highest(length, high uint64) (uint64, bool) {
	for _, s := range slices.Backward(r) {
		if s.end <= high && high-s.end >= length {
			return high - length, true
		}
		high = min(high, s.start)
	}
	return high - length, high >= length+linux.DefaultMmapMinAddr
}

// within returns what of them lies in a range.
func (r ranges) within(start, end uint64) (parts []span) {
	at, _ := slices.BinarySearchFunc(r, start, func(s span, at uint64) int {
		if s.end <= at {
			return -1
		}
		return 1
	})
	for ; at < len(r) && r[at].start < end; at++ {
		parts = append(parts, span{max(start, r[at].start), min(end, r[at].end)})
	}
	return parts
}
