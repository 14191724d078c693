package imports

import (
	"cmp"
	"slices"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// op is a call that waits for its place in the order that is searched: its lines, and what it does to the ranges that are taken.
type op struct {
	t          *task
	space      *space
	enters     *space // the address space that the task has come into before, nil: the same
	begin, end int    // the lines of the log, twice, so that faults have room between: another call that ended before this began comes before it
	text       string
	touch      string   // "": none
	children   []*space // that it has copied

	kind      workloads.Kind
	fails     bool
	addr, len uint64
	newLen    uint64 // mmap, mremap
	to        uint64 // where the mapping is then, or the heap ends
	old       uint64 // brk: where it ended
	flags     int
	huge      bool   // the kernel places it for huge pages, if there are any
	offset    uint64 // in its file
	file      *file  // that may be one whose huge pages decide, which is known when the log has ended; nil: none
}

// search writes the calls in an order in which each address comes out as it was recorded: one that respects which calls had ended before
// others began. It follows what the kernel would do, call by call: of the calls that may come next it prefers one whose address is
// right now, and goes back where none is.
func (im *importer) search(base uint64) {
	s := &searcher{base: base, queues: make([][]*op, len(im.all)), at: make([]int, len(im.all)), taken: map[*space]*ranges{}}
	for _, o := range im.ops {
		o.huge = o.huge || o.file != nil && !o.file.inMemory() && o.file.hasHuge(o.offset, o.len)
		s.queues[o.t.order.index] = append(s.queues[o.t.order.index], o)
	}
	for i, sp := range im.spaces {
		if sp.forked {
			continue
		}
		r := &ranges{}
		s.taken[sp] = r
		for _, b := range sp.before {
			r.add(b.start, b.end)
		}
		for j := range im.o.Maps {
			if a := &im.o.Maps[j]; i == 0 {
				start := a.Start
				if a.grows() {
					start -= linux.DefaultStackGuardGap
				}
				r.add(start, a.End)
			}
		}
	}
	order := s.run(len(im.ops))
	im.report.Searched, im.report.Unexplained = true, s.unexplained
	var last *op
	for _, o := range order {
		if last != nil && last.t != o.t {
			im.waits(o.t, last.t, last.t.stmts)
		}
		o.t.enters = cmp.Or(o.enters, o.t.enters)
		im.write(o.t, o.text)
		if o.touch != "" {
			im.write(o.t, o.touch)
		}
		last = o
	}
}

// searcher looks for an order of calls.
type searcher struct {
	base        uint64 // below it the kernel looks for room
	queues      [][]*op
	at          []int              // by queue: how many of its calls were taken
	taken       map[*space]*ranges // by address space; nil: it is not made yet
	order       []choice
	tries       int
	unexplained int
}

// choice is a call that was put behind those before it, and what else could have come there.
type choice struct {
	op     *op
	others []*op
	undo   []change
}

// change is what has to be put back: which parts of a range were taken.
type change struct {
	space      *space
	start, end uint64
	was        []span
	made       bool // the whole address space was made
}

// mostTries bounds how often the search goes back before it takes a call whose address it cannot explain.
const mostTries = 20_000

func (s *searcher) run(n int) (order []*op) {
	floor := 0 // choices below it stay
	for len(s.order) < n {
		if s.forward(s.candidates()) || s.back(floor) {
			continue
		}
		for len(s.order) > floor {
			s.undo()
		}
		for len(s.order) < n && s.forward(s.candidates()) {
		}
		if len(s.order) < n {
			next := s.candidates()
			s.unexplained++
			s.take(slices.MinFunc(next, func(a, b *op) int { return cmp.Compare(a.end, b.end) }), nil, nil)
		}
		floor, s.tries = len(s.order), 0
	}
	for _, c := range s.order {
		order = append(order, c.op)
	}
	return order
}

// head is the next call of a task; nil: it has none.
func (s *searcher) head(queue int) *op {
	if at := s.at[queue]; at < len(s.queues[queue]) {
		return s.queues[queue][at]
	}
	return nil
}

// candidates are the calls that may come next, those with the right address first, and of them those that have ended first.
func (s *searcher) candidates() (next []*op) {
	var first, second *op // the two heads that end first
	for i := range s.queues {
		switch h := s.head(i); {
		case h == nil:
		case first == nil || h.end < first.end:
			first, second = h, first
		case second == nil || h.end < second.end:
			second = h
		}
	}
	for i := range s.queues {
		h, soonest := s.head(i), first
		if h == first {
			soonest = second
		}
		if h != nil && (soonest == nil || soonest.end >= h.begin) {
			next = append(next, h)
		}
	}
	rank := func(o *op) int {
		if o.placed() {
			return 0
		}
		return 1
	}
	slices.SortFunc(next, func(a, b *op) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.end, b.end)) })
	return next
}

// placed reports whether the kernel has chosen the address of the call's mapping, so that the address tells of the order.
func (o *op) placed() bool {
	switch o.kind {
	case workloads.KindMmap:
		return !o.fails && o.addr == 0 && o.flags&(linux.MAP_FIXED|linux.MAP_32BIT) == 0
	case workloads.KindMremap:
		return !o.fails && o.flags&linux.MREMAP_FIXED == 0
	}
	return false
}

// forward takes the first of the candidates that can be explained.
func (s *searcher) forward(candidates []*op) bool {
	for i, o := range candidates {
		if undo, ok := s.perform(o); ok {
			s.take(o, candidates[i+1:], undo)
			return true
		}
	}
	return false
}

func (s *searcher) take(o *op, others []*op, undo []change) {
	s.order = append(s.order, choice{o, others, undo})
	s.at[o.t.order.index]++
}

// undo takes the last choice back, and returns it.
func (s *searcher) undo() choice {
	last := s.order[len(s.order)-1]
	s.order = s.order[:len(s.order)-1]
	s.at[last.op.t.order.index]--
	for _, c := range slices.Backward(last.undo) {
		if c.made {
			s.taken[c.space] = nil
			continue
		}
		r := s.taken[c.space]
		r.remove(c.start, c.end)
		for _, w := range c.was {
			r.add(w.start, w.end)
		}
	}
	return last
}

// back takes back the last choice for which there was another, and takes that. It reports false if there is none above floor, or it has
// tried too often.
func (s *searcher) back(floor int) bool {
	for len(s.order) > floor && s.tries < mostTries {
		s.tries++
		if s.forward(s.undo().others) {
			return true
		}
	}
	return false
}
