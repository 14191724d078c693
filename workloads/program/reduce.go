package program

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"vmasim/explore"
	"vmasim/internal/suggest"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// cut is a part of a scenario that is left out: tasks of a thread, a whole block, a statement, or all rounds but one of the
// repeats around a statement.
type cut struct {
	block string // a thread's name, init or finally
	stmt  int    // its number in the block; 0: the block itself
	left  int    // how many tasks, or rounds, are left; 0: nothing
}

// String returns the printed form: -other, reader*2, -writer.3, writer.4*1.
func (c cut) String() string {
	what := c.block
	if c.stmt > 0 {
		what += "." + strconv.Itoa(c.stmt)
	}
	if c.left > 0 {
		return what + "*" + strconv.Itoa(c.left)
	}
	return "-" + what
}

// cutPrint joins the fingerprint of a scenario and what is left out of it: that of the scenario which remains.
func cutPrint(scenario string, cuts []cut) string {
	for _, c := range cuts {
		scenario += "," + c.String()
	}
	return scenario
}

// parseCuts reads what a joined fingerprint leaves out.
func parseCuts(print string) (cuts []cut, err error) {
	for _, text := range strings.Split(print, ",")[1:] {
		c, err := parseCut(text)
		if err != nil {
			return nil, fmt.Errorf("the schedule leaves out %s: %w", suggest.Quote(text), err)
		}
		cuts = append(cuts, c)
	}
	return cuts, nil
}

func parseCut(text string) (c cut, err error) {
	what, dropped := strings.CutPrefix(text, "-")
	what, left, some := strings.Cut(what, "*")
	block, stmt, inner := strings.Cut(what, ".")
	c.block = block
	if inner {
		c.stmt, err = strconv.Atoi(stmt)
	}
	if some && err == nil {
		c.left, err = strconv.Atoi(left)
	}
	if err != nil || dropped == some || some && c.left < 1 || inner && c.stmt < 1 {
		return c, errors.New("expected -BLOCK, THREAD*N, -BLOCK.STATEMENT or BLOCK.STATEMENT*1")
	}
	return c, nil
}

// numbered numbers the statements of each block as questions do.
func numbered(sc *workloads.Scenario) map[*workloads.Stmt]int {
	number := map[*workloads.Stmt]int{}
	for _, b := range blocks(sc) {
		for i, s := range leaves(b.Body) {
			number[s] = i + 1
		}
	}
	return number
}

// blocks returns the threads, then finally and init if they are there: the order in which they are made smaller.
func blocks(sc *workloads.Scenario) (all []*workloads.Block) {
	for _, th := range sc.Threads {
		all = append(all, &th.Block)
	}
	for _, b := range []*workloads.Block{sc.Finally, sc.Init} {
		if b != nil {
			all = append(all, b)
		}
	}
	return all
}

// leaves returns the statements that hold no others.
func leaves(body []*workloads.Stmt) (all []*workloads.Stmt) {
	for s := range workloads.Statements(body) {
		if s.Body == nil {
			all = append(all, s)
		}
	}
	return all
}

// edit leaves parts out of a scenario.
type edit struct {
	number  map[*workloads.Stmt]int
	dropped map[*workloads.Stmt]bool
	once    map[*workloads.Stmt]bool // repeats
	tasks   map[string]int           // left, by thread
	cuts    []cut                    // that make the same scenario: each once, in order
}

// reduced returns a scenario without some of its parts, and these in their printed order. The remainder shares its statements
// with the whole, and keeps the places of its threads, regions and barriers: a thread that is left out has no tasks. The
// error says that it is no scenario any more.
func reduced(sc *workloads.Scenario, number map[*workloads.Stmt]int, cuts []cut) (*workloads.Scenario, []cut, error) {
	if len(cuts) == 0 {
		return sc, nil, nil
	}
	e := &edit{number: number, dropped: map[*workloads.Stmt]bool{}, once: map[*workloads.Stmt]bool{}, tasks: map[string]int{}}
	for _, c := range cuts {
		if err := e.cut(sc, c); err != nil {
			return nil, nil, err
		}
	}
	out := e.apply(sc)
	for e.dropLonely(out) {
		out = e.apply(sc)
	}
	checked, err := workloads.Parse(sc.File, []byte(bareText(out)))
	if err != nil {
		return nil, nil, fmt.Errorf("without %s: %w", cutPrint("a part", e.cuts), err)
	}
	out.MMs = checked.MMs // which of them forks make may have changed
	return out, e.cuts, nil
}

// cut marks what a cut leaves out.
func (e *edit) cut(sc *workloads.Scenario, c cut) error {
	i := slices.IndexFunc(blocks(sc), func(b *workloads.Block) bool { return b.Name == c.block })
	if i < 0 {
		return fmt.Errorf("the schedule leaves out %s, which the scenario does not have", c)
	}
	b := blocks(sc)[i]
	switch s := b.Statement(c.stmt); {
	case c.stmt > 0 && s == nil:
		return fmt.Errorf("the schedule leaves out %s, which the scenario does not have", c)
	case c.stmt > 0 && c.left > 0:
		for outer := range workloads.Statements(b.Body) {
			if outer.Kind == workloads.KindRepeat && slices.Contains(leaves(outer.Body), s) {
				e.once[outer] = true
			}
		}
	case c.stmt > 0:
		e.dropped[s] = true
	case c.left > 0:
		e.tasks[c.block] = c.left
	default:
		for _, s := range leaves(b.Body) {
			e.dropped[s] = true
		}
	}
	return nil
}

// apply returns the scenario without what is marked.
func (e *edit) apply(sc *workloads.Scenario) *workloads.Scenario {
	out := *sc
	e.cuts, out.Threads, out.Questions = nil, nil, nil
	for _, th := range sc.Threads {
		less := *th
		e.block(&less.Block)
		if left, ok := e.tasks[th.Name]; ok && left < th.Count && len(less.Body) > 0 {
			less.Count = left
			e.cuts = append(e.cuts, cut{th.Name, 0, left})
		}
		if len(less.Body) == 0 {
			less.Count = 0
		}
		out.Threads = append(out.Threads, &less)
	}
	for _, b := range []**workloads.Block{&out.Finally, &out.Init} {
		if *b != nil {
			less := **b
			*b = &less
			e.block(*b)
		}
	}
	for _, q := range sc.Questions {
		if !slices.ContainsFunc(q.Terms, func(t *workloads.Term) bool {
			return e.dropped[sc.Threads[t.Thread.Index].Statement(t.Stmt)]
		}) {
			out.Questions = append(out.Questions, q)
		}
	}
	return &out
}

// block leaves out what is marked of one block.
func (e *edit) block(b *workloads.Block) {
	before := len(e.cuts)
	if b.Body = e.body(b.Name, b.Body); len(b.Body) == 0 {
		e.cuts = append(e.cuts[:before], cut{b.Name, 0, 0})
	}
}

func (e *edit) body(block string, body []*workloads.Stmt) []*workloads.Stmt {
	less := []*workloads.Stmt{}
	for _, s := range body {
		if s.Body == nil {
			if e.dropped[s] {
				e.cuts = append(e.cuts, cut{block, e.number[s], 0})
			} else {
				less = append(less, s)
			}
			continue
		}
		c := *s
		if c.Body = e.body(block, s.Body); len(c.Body) == 0 {
			continue
		}
		if e.once[s] && s.Count > 1 {
			c.Count = 1
			e.cuts = append(e.cuts, cut{block, e.number[leaves(c.Body)[0]], 1})
		}
		less = append(less, &c)
	}
	return less
}

// dropLonely marks the statements that no other task comes to any more, or that wait for what is left out, and reports whether there
// are any.
func (e *edit) dropLonely(sc *workloads.Scenario) bool {
	found := false
	left := make([]bool, len(sc.Awaited))
	for _, th := range sc.Threads {
		for _, s := range leaves(th.Body) {
			if s.Awaited != 0 && th.Count > 0 {
				left[s.Awaited-1] = true
			}
		}
	}
	for _, th := range sc.Threads {
		for _, s := range leaves(th.Body) {
			if s.Barrier != nil && th.Count > 0 && sc.Parties(s.Barrier.Index) == 1 {
				e.dropped[s], found = true, true
			}
			if s.After != nil && th.Count > 0 && !left[s.After.Milestone] {
				e.dropped[s], found = true, true
			}
		}
	}
	return found
}

// bareText is the text of what remains, without what only a reader or a verdict needs.
func bareText(sc *workloads.Scenario) string {
	bare := *sc
	bare.Questions, bare.Verdicts, bare.Title, bare.Doc = nil, nil, "", ""
	bare.Threads = renumbered(&bare)
	bare.Threads = slices.DeleteFunc(bare.Threads, func(th *workloads.Thread) bool { return th.Count == 0 })
	for _, b := range []**workloads.Block{&bare.Init, &bare.Finally} {
		if *b != nil && len((*b).Body) == 0 {
			*b = nil
		}
	}
	return bare.String()
}

// Smaller implements [explore.Program].
func (p *Program) Smaller() iter.Seq[explore.Program] {
	return func(yield func(explore.Program) bool) {
		for _, more := range p.candidates() {
			q, err := newReduced(p.given, append(slices.Clone(p.cuts), more...), p.setting)
			if err != nil {
				continue // what remains is no scenario
			}
			q.setups, q.sound = p.setups, p.sound
			if !yield(q) {
				return
			}
		}
	}
}

// candidates returns what could be left out next.
func (p *Program) candidates() (all [][]cut) {
	tasks, _ := p.Size()
	for _, th := range p.scenario.Threads {
		if 0 < th.Count && th.Count < tasks {
			all = append(all, []cut{{th.Name, 0, 0}})
		}
		if th.Count > 1 {
			all = append(all, []cut{{th.Name, 0, th.Count - 1}})
		}
	}
	for i, b := range blocks(p.scenario) {
		if i >= len(p.scenario.Threads) && len(b.Body) > 0 {
			all = append(all, []cut{{b.Name, 0, 0}})
		}
		all = append(all, p.candidatesIn(b)...)
	}
	return all
}

// candidatesIn returns what could be left out of a block but all of it: blocks in it, all but one of what choose draws, single
// statements, and rounds.
func (p *Program) candidatesIn(b *workloads.Block) (larger [][]cut) {
	var single, rounds [][]cut
	drop := func(stmts []*workloads.Stmt) {
		larger = append(larger, p.cutsOf(b, stmts))
	}
	for s := range workloads.Statements(b.Body) {
		inner := leaves(s.Body)
		switch {
		case s.Body == nil:
			single = append(single, p.cutsOf(b, []*workloads.Stmt{s}))
		case len(inner) > 1:
			drop(inner)
		}
		if s.Kind == workloads.KindChoose && len(s.Body) > 1 {
			for _, choice := range s.Body {
				kept := leaves([]*workloads.Stmt{choice})
				drop(slices.DeleteFunc(slices.Clone(inner), func(s *workloads.Stmt) bool { return slices.Contains(kept, s) }))
			}
		}
		if s.Kind == workloads.KindRepeat && s.Count > 1 {
			rounds = append(rounds, []cut{{b.Name, p.number[inner[0]], 1}})
		}
	}
	whole := len(leaves(b.Body))
	parts := slices.DeleteFunc(append(larger, single...), func(cuts []cut) bool { return len(cuts) == whole })
	return append(parts, rounds...)
}

func (p *Program) cutsOf(b *workloads.Block, stmts []*workloads.Stmt) (cuts []cut) {
	for _, s := range stmts {
		cuts = append(cuts, cut{b.Name, p.number[s], 0})
	}
	return cuts
}

// Size implements [explore.Program].
func (p *Program) Size() (tasks, statements int) {
	for i, th := range p.scenario.Threads {
		tasks += p.plan.Counts[i]
		statements += p.plan.Counts[i] * len(leaves(th.Body))
	}
	return tasks, statements
}

// Dropped says what of the scenario as given the program goes without.
func (p *Program) Dropped() (words []string) {
	for _, c := range p.cuts {
		words = append(words, c.describe(p.given))
	}
	return words
}

func (c cut) describe(sc *workloads.Scenario) string {
	all := blocks(sc)
	i := slices.IndexFunc(all, func(b *workloads.Block) bool { return b.Name == c.block })
	switch {
	case c.stmt > 0 && c.left > 0:
		return fmt.Sprintf("all rounds but one around %s.%d", c.block, c.stmt)
	case c.stmt > 0:
		return fmt.Sprintf("%s.%d %s", c.block, c.stmt, interp.Stated(all[i].Statement(c.stmt)))
	case c.left > 0:
		return fmt.Sprintf("all tasks but %d of thread %s", c.left, c.block)
	case i < len(sc.Threads):
		return "thread " + c.block
	}
	return c.block
}
