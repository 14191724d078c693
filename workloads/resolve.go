package workloads

import (
	"maps"
	"slices"

	"vmasim/internal/linux"
	"vmasim/internal/suggest"
)

// resolve turns every name of the scenario into its index and reports what
// cannot be meant. Only nonsense is a mistake: an unaligned munmap is a fair
// question to a kernel.
func resolve(p *parser) {
	r := &resolver{parser: p, found: map[*Block]map[string]*Stmt{}}
	r.markForked()
	var shared *scope
	if b := p.sc.Init; b != nil {
		shared = r.block(b, nil, 0)
	}
	for i, t := range p.sc.Threads {
		r.thread(t, i, shared)
	}
	if b := p.sc.Finally; b != nil {
		r.block(b, shared, 1)
	}
	r.checkForeground()
	r.checkBarriers()
	r.afters()
	// Where lines are missing, the count of statements is off.
	sound := len(p.errs) == 0
	for _, q := range p.sc.Questions {
		r.question(q, shared, sound)
	}
}

type resolver struct {
	*parser
	scope    *scope
	current  *Block
	within   *Thread                     // nil in init and finally
	barriers []Ref                       // first mention of each
	found    map[*Block]map[string]*Stmt // see bindings
}

// scope is the regions a block can name.
type scope struct {
	names  []string
	index  map[string]int // in names
	bound  []Pos
	shared int // how many of them are init's
}

func newScope(shared *scope) *scope {
	s := &scope{index: map[string]int{}}
	if shared != nil {
		s.names, s.bound, s.index = slices.Clone(shared.names), slices.Clone(shared.bound), maps.Clone(shared.index)
		s.shared = len(s.names)
	}
	return s
}

// block resolves a block's statements and gives the regions it has bound.
func (r *resolver) block(b *Block, shared *scope, stream uint64) *scope {
	r.scope, r.current, b.stream = newScope(shared), b, stream
	r.body(b.Body)
	b.Regions = r.scope.names
	return r.scope
}

func (r *resolver) thread(t *Thread, i int, shared *scope) {
	for _, other := range r.sc.Threads[:i] {
		if other.Name == t.Name && !r.broken[t.Name] {
			r.duplicate("thread", Ref{Pos: t.Pos, Name: t.Name}, other.Pos)
			break
		}
	}
	r.mm(&t.MM)
	r.checkStart(t)
	r.within = t
	r.block(&t.Block, shared, 2+uint64(i))
	r.within = nil
}

func (r *resolver) body(body []*Stmt) {
	for _, s := range body {
		r.statement(s)
		r.body(s.Body)
	}
}

func (r *resolver) statement(s *Stmt) {
	r.expr(s.Addr, wantAddress)
	r.expr(s.Size, wantSize)
	r.expr(s.Value, wantAnything)
	r.expr(s.NewSize, wantSize)
	r.expr(s.To, wantAddress)
	r.backing(&s.Backing)
	if s.MM != nil {
		r.mm(s.MM)
	}
	if s.Barrier != nil {
		r.barrier(s.Barrier)
	}
	for _, a := range s.Picture {
		r.area(a)
	}
	r.expect(s.Expect, s)
	if s.Region != nil {
		r.bind(s.Region)
	}
	r.checkStatement(s)
}

func (r *resolver) checkStatement(s *Stmt) {
	if s.Size == nil && slices.Contains(s.Spec().args, argRest) && s.Addr.Op != ExprBase {
		r.errs.addf(s.Addr.Pos, "%v needs a size behind %v, expected one: only a whole region goes without", s.Kind, s.Addr)
	}
	switch s.Kind {
	case KindMmap:
		const pool = linux.MAP_HUGETLB | linux.MAP_NORESERVE
		if s.Backing.File == nil && s.Flags&pool == pool {
			r.errs.addf(s.Pos, "hugetlb with noreserve maps huge pages, which are not modelled, expected one of them")
		}
	case KindTouch:
		if s.Size != nil && s.Size.isConst() && s.Size.Value == 0 {
			r.errs.addf(s.Size.Pos, "touch of size 0 touches nothing, expected a positive size")
		}
	case KindForever:
		if !r.within.Background && !r.broken[r.within.Name] {
			r.errs.addf(s.Pos, "forever never ends in thread %q, expected it in a thread marked background", r.within.Name)
		}
	}
}

func (r *resolver) backing(b *Backing) {
	r.expr(b.Offset, wantSize)
	if b.File == nil {
		return
	}
	if b.File.Index = slices.IndexFunc(r.sc.Files, func(f *File) bool { return f.Name == b.File.Name }); b.File.Index >= 0 {
		return
	}
	names := make([]string, len(r.sc.Files))
	for i, f := range r.sc.Files {
		names[i] = f.Name
	}
	r.lookup(b.File, names, "file", "a file declared by file NAME …")
}

// lookup finds the index of a name, or complains.
func (r *resolver) lookup(ref *Ref, names []string, what, hint string) {
	ref.Index = slices.Index(names, ref.Name)
	if ref.Index < 0 && !r.broken[ref.Name] {
		r.errs.addf(ref.Pos, "%s", suggest.Unknown(what, ref.Name, names, hint))
	}
}

func (r *resolver) mm(ref *Ref) {
	names := make([]string, len(r.sc.MMs))
	for i, m := range r.sc.MMs {
		names[i] = m.Name
	}
	r.lookup(ref, names, "address space", "")
}

func (r *resolver) barrier(ref *Ref) {
	ref.Index = slices.Index(r.sc.Barriers, ref.Name)
	if ref.Index < 0 {
		ref.Index = len(r.sc.Barriers)
		r.sc.Barriers = append(r.sc.Barriers, ref.Name)
		r.barriers = append(r.barriers, *ref)
	}
}

// checkBarriers reports barriers that no other thread comes to: mostly a slip in
// the name.
func (r *resolver) checkBarriers() {
	for i, ref := range r.barriers {
		if r.sc.Parties(i) > 1 || r.broken[ref.Name] {
			continue
		}
		others := slices.Delete(slices.Clone(r.sc.Barriers), i, i+1)
		if near := suggest.Nearest(ref.Name, others); near != "" {
			r.errs.addf(ref.Pos, "only one task comes to barrier %q, did you mean %q?", ref.Name, near)
		} else {
			r.errs.addf(ref.Pos, "only one task comes to barrier %q, expected it in another thread too", ref.Name)
		}
	}
}

// bind gives a region its index. Init's regions are shared by all tasks, so
// nothing else may bind their names; a task's own may be bound again.
func (r *resolver) bind(ref *Ref) {
	s := r.scope
	index, known := s.index[ref.Name]
	ref.Index = index
	switch {
	case !known:
		ref.Index = len(s.names)
		s.index[ref.Name] = ref.Index
		s.names, s.bound = append(s.names, ref.Name), append(s.bound, ref.Pos)
	case r.current == r.sc.Init || ref.Index < s.shared:
		r.errs.addf(ref.Pos, "region %q is already bound in line %d, expected another name, or no name and at %s fixed",
			ref.Name, s.bound[ref.Index].Line, ref.Name)
	}
}

func (r *resolver) markForked() {
	for _, b := range r.sc.Blocks() {
		for s := range Statements(b.Body) {
			if s.Kind != KindFork {
				continue
			}
			if s.MM.Name == MainMM {
				r.errs.addf(s.MM.Pos, "fork cannot make %s, which exists from the start, expected another address space", MainMM)
			}
			for _, m := range r.sc.MMs[1:] {
				m.Forked = m.Forked || m.Name == s.MM.Name
			}
		}
	}
}

// checkStart reports a thread that could never start: its address space must be
// made by init or by another thread.
func (r *resolver) checkStart(t *Thread) {
	if t.MM.Index < 0 || !r.sc.MMs[t.MM.Index].Forked {
		return
	}
	for _, b := range r.sc.Blocks() {
		if b == &t.Block || b == r.sc.Finally {
			continue
		}
		for s := range Statements(b.Body) {
			if s.Kind == KindFork && s.MM.Name == t.MM.Name {
				return
			}
		}
	}
	r.errs.addf(t.MM.Pos, "thread %q could never start, expected a fork %s in init or in another thread", t.Name, t.MM.Name)
}

func (r *resolver) checkForeground() {
	threads := r.sc.Threads
	if len(threads) > 0 && !slices.ContainsFunc(threads, func(t *Thread) bool { return !t.Background }) {
		r.errs.addf(threads[0].Pos, "every thread is marked background, expected one whose end ends the run")
	}
}

func (r *resolver) question(q *Question, shared *scope, sound bool) {
	names := make([]string, len(r.sc.Threads))
	for i, t := range r.sc.Threads {
		names[i] = t.Name
	}
	r.scope = newScope(shared)
	for _, term := range q.Terms {
		r.lookup(&term.Thread, names, "thread", "a thread of the file")
		if sound && term.Thread.Index >= 0 {
			r.term(term, r.sc.Threads[term.Thread.Index])
		}
	}
}

func (r *resolver) term(term *Term, t *Thread) {
	switch s := t.Statement(term.Stmt); {
	case s == nil:
		r.errs.addf(term.Pos, "thread %q has no statement %d, expected one counted from 1, not counting repeat and the like", t.Name, term.Stmt)
	case s.Spec().Results == 0:
		r.errs.addf(term.Pos, "statement %d of thread %q is %v, which has no result, expected one that has", term.Stmt, t.Name, s.Kind)
	default:
		r.expect(term.Result, s)
	}
}
