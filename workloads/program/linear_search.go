package program

import (
	"cmp"
	"slices"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/tree"
	"vmasim/workloads"
)

// history is what the statements of one execution did, to be explained.
type history struct {
	world  *world
	init   []*event
	events []*event     // as world.log
	before []statements // what has to come before each event
	likely []int        // the events in the order in which they ended
	final  [][]piece    // what each address space maps in the end; nil: it does not exist

	path        []point // so far
	first, last []int   // of each event's points, by place in the path; -1: none yet
	tries       int
	dead        map[digest]bool // the worlds from which no order goes on to the end
}

// point is a point of an event, or the half of one that only faults.
type point struct {
	event  int
	faults bool
}

type digest = [16]byte

// maxTries bounds a search. A history that it cannot decide counts as explained.
const maxTries = 50_000

// explain searches an order of the statements in which the sequential model gives the results of the execution.
func (w *world) explain(before []statements) (witness, bool) {
	h := &history{world: w, before: before, dead: map[digest]bool{}}
	for i := range w.log {
		h.likely = append(h.likely, i)
		h.first, h.last = append(h.first, -1), append(h.last, -1)
	}
	slices.SortFunc(h.likely, func(i, j int) int { return cmp.Compare(w.log[i].nth, w.log[j].nth) })
	h.resolve()
	for i := range w.mms {
		h.final = append(h.final, nil)
		for space := range w.spaces {
			if w.spaces[space].mm.Peek() == w.mms[i] {
				h.final[i] = w.pieces(space)
			}
		}
	}
	found := h.search()
	return witness{h.first, h.last}, found
}

// search reports whether some order explains the history.
func (h *history) search() bool {
	w := newSequential(h)
	for _, e := range h.init {
		res := more
		for res == more {
			res = w.step(e)
		}
		if res == refused {
			return false
		}
	}
	return h.complete(w, 0)
}

// complete completes the path. w is the world that it leads to, ended are the events whose last point it has. A search that
// goes straight to its end makes one world; where it goes back, it makes the world anew, and it tries nothing twice: different
// orders of the same points often lead to the same world.
func (h *history) complete(w *sequential, ended statements) bool {
	if h.tries++; h.tries > maxTries {
		return true
	}
	if ended == statements(1)<<len(h.events)-1 {
		return h.endsIn(w)
	}
	if len(h.dead) > 0 && h.dead[w.digest(ended)] {
		return false
	}
	for _, i := range h.likely {
		if ended.has(i) || h.before[i]&^ended != 0 {
			continue
		}
		for _, faults := range [...]bool{false, true} {
			if w == nil {
				w = h.replay()
			}
			next, now := w, ended
			switch h.step(next, point{i, faults}) {
			case refused:
				if !faults { // which changes nothing
					w = nil
				}
				continue
			case done:
				now |= 1 << i
			}
			w = nil
			first, last := h.first[i], h.last[i]
			if first < 0 {
				h.first[i] = len(h.path)
			}
			h.last[i] = len(h.path)
			h.path = append(h.path, point{i, faults})
			if h.complete(next, now) {
				return true
			}
			h.path = h.path[:len(h.path)-1]
			h.first[i], h.last[i] = first, last
		}
	}
	h.dead[h.replay().digest(ended)] = true
	return false
}

// step performs a point.
func (h *history) step(w *sequential, p point) progress {
	e := h.events[p.event]
	switch {
	case !p.faults:
		return w.step(e)
	case w.fault(e):
		return more
	}
	return refused
}

// replay makes the world that the path leads to.
func (h *history) replay() *sequential {
	w := newSequential(h)
	for _, e := range h.init {
		for w.step(e) == more {
		}
	}
	for _, p := range h.path {
		h.step(w, p)
	}
	return w
}

// digest tells worlds apart from which different things can happen.
func (w *sequential) digest(ended statements) digest {
	var models []*seqmodel.Model
	between := []any{ended, w.at, w.faults}
	for _, s := range w.spaces {
		if s == nil {
			models = append(models, nil, nil)
			continue
		}
		models = append(models, s.Model, s.old)
		if s.busy != nil {
			between = append(between, s.busy.index, s.left)
		}
	}
	return seqmodel.Digest(models, w.files, between...)
}

// resolve works out the arguments of the statements: what their expressions came to when they were performed.
func (h *history) resolve() {
	a := h.world
	h.init, h.events = make([]*event, len(a.prologue)), make([]*event, len(a.log))
	envs := map[*runner]*workloads.Env{a.setup: a.setup.block.NewEnv(a.p.plan.Seed, 0, nil)}
	for i := range a.prologue {
		h.init[i] = newEvent(&a.prologue[i], i, envs[a.setup])
	}
	for _, i := range h.likely {
		e := &a.log[i]
		if envs[e.runner] == nil {
			envs[e.runner] = e.runner.block.NewEnv(a.p.plan.Seed, e.runner.copy, a.regions)
		}
		h.events[i] = newEvent(e, len(h.init)+i, envs[e.runner])
	}
	accessed := h.accessed()
	for i, e := range h.events {
		if e != nil && e.accesses() && e.outcome.Kind == workloads.ResultSegvMaperr {
			e.unsteady = slices.DeleteFunc(slices.Clone(accessed), func(page uint64) bool { return !h.unsteady(i, page) })
		}
	}
	beside := slices.ContainsFunc(h.world.log, func(e entry) bool { return hasNoLock(e.stmt) })
	for _, e := range slices.Concat(h.init, h.events) {
		if e != nil && (e.Kind == workloads.KindMunmap || e.Kind == workloads.KindMadvise) {
			e.beside = beside
			e.pages = slices.DeleteFunc(slices.Clone(accessed), func(page uint64) bool {
				return page < e.addr || page-e.addr >= roundUp(e.size)
			})
		}
	}
}

// newEvent resolves one statement. It returns nil for what changes nothing and has no result to be explained.
func newEvent(done *entry, index int, env *workloads.Env) *event {
	s := done.stmt
	e := &event{Stmt: s, index: index, space: done.space, made: done.made, outcome: done.outcome}
	switch s.Kind {
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore, workloads.KindLock, workloads.KindWalk,
		workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise:
	case workloads.KindFork:
		if e.made < 0 {
			return nil
		}
		return e
	default:
		return nil
	}
	if e.space < 0 || e.outcome.Kind == workloads.ResultErrno && e.outcome.Errno == 0 { // it could not be run
		return nil
	}
	for _, arg := range []struct {
		expr *workloads.Expr
		to   *uint64
	}{{s.Addr, &e.addr}, {s.Size, &e.size}, {s.Value, &e.value}, {s.Backing.Offset, &e.offset}} {
		if arg.expr != nil {
			*arg.to, _ = arg.expr.Eval(env) // which it did when it was performed
		}
	}
	switch {
	case s.Kind == workloads.KindMmap && s.Region != nil && e.outcome.Kind == workloads.ResultOK:
		env.Regions[s.Region.Index] = workloads.Region{Base: e.outcome.Value, Size: roundUp(e.size)}
	case e.ranges() && s.Size == nil:
		e.size = env.Regions[s.Addr.Region.Index].Size
	}
	return e
}

// accessed returns the pages that some access of a task reached for, in order.
func (h *history) accessed() (pages []uint64) {
	for _, e := range h.events {
		if e == nil || e.outcome.Kind == workloads.ResultErrno {
			continue
		}
		switch e.Kind {
		case workloads.KindTouch, workloads.KindLoad, workloads.KindStore, workloads.KindWalk:
			for page := pageOf(e.addr); page <= pageOf(e.addr+max(e.size, 1)-1); page += pageSize {
				pages = append(pages, page)
			}
		}
	}
	slices.Sort(pages)
	return slices.Compact(pages)
}

// piece is a range that is mapped alike. Which VMAs it is cut into depends on the anon_vmas of its pages, and racing first
// writes to neighbours give them different ones: where no order of the statements has the same VMAs, one may well have the
// same pieces.
type piece struct {
	start, end uint64
	perms      string
	file       int // by world.files; anonymous or shmem
	offset     uint64
}

// Backings of a piece that are no file of the scenario.
const (
	anonymous = -1
	shmem     = -2
)

// join adds the next VMA's piece.
func join(all []piece, p piece) []piece {
	if n := len(all) - 1; n >= 0 {
		last := &all[n]
		if last.end == p.start && last.perms == p.perms && last.file == p.file && last.offset+(last.end-last.start) == p.offset {
			last.end = p.end
			return all
		}
	}
	return append(all, p)
}

// pieces returns what an address space maps.
func (w *world) pieces(space int) []piece {
	all := []piece{}
	w.eachVMA(space, func(e tree.Entry) {
		_, _, pgoff, flags := e.VMA.Snapshot()
		file := e.VMA.FilePeek()
		p := piece{e.Start, e.End, flags.Perms(), anonymous, e.Start}
		if file != nil {
			p.file, p.offset = shmem, pgoff*pageSize
			if i := slices.Index(w.files, file); i >= 0 {
				p.file = i
			}
		}
		all = join(all, p)
	})
	return all
}

// pieces returns what an address space of the model maps.
func (w *sequential) pieces(s *modelSpace) []piece {
	all := []piece{}
	for _, r := range s.Maps() {
		p := piece{r.Start, r.End, perms(r), anonymous, r.Start}
		if r.File != nil {
			p.file, p.offset = shmem, r.Pgoff*pageSize
			if i := slices.Index(w.files, r.File); i >= 0 {
				p.file = i
			}
		}
		all = join(all, p)
	}
	return all
}

// perms prints rights as /proc/PID/maps does.
func perms(r seqmodel.Range) string {
	text := []byte("---p")
	for i, right := range [...]int{linux.PROT_READ, linux.PROT_WRITE, linux.PROT_EXEC} {
		if r.Prot&right != 0 {
			text[i] = "rwx"[i]
		}
	}
	if r.Shared {
		text[3] = 's'
	}
	return string(text)
}

// endsIn reports whether the world maps what was mapped in the end.
func (h *history) endsIn(w *sequential) bool {
	for i, want := range h.final {
		if want != nil && (w.spaces[i] == nil || !slices.Equal(w.pieces(w.spaces[i]), want)) {
			return false
		}
	}
	return true
}
