// Package program explores scenarios: it makes a scenario a [Program] whose interleavings package explore searches, lets the
// oracles of package check watch, answers the scenario's questions, and says what came of it in a [Result].
//
// An execution runs in a world: a machine with the scenario's address spaces, files and barriers, made by init and reused from
// one execution to the next (world.go, worldcache.go). The body of each task is a runner, which walks through its thread's
// statements; each one that ends adds an entry to the world's log. From the log and the memory at the end comes the outcome,
// which the questions are asked of and which is held against the sequential model (outcome.go, linear.go). A failing schedule is
// made smaller, by leaving parts of the scenario out (reduce.go), and run once more to be drawn.
package program

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/suggest"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/driver"
	"vmasim/workloads/interp"
)

// Program is a scenario under some rules, ready to be explored. Several workers may use it at once: above mu nothing changes once
// it is made.
type Program struct {
	scenario *workloads.Scenario        // what is explored
	given    *workloads.Scenario        // the scenario before anything was left out of it
	cuts     []cut                      // what was left out
	setting  Setting                    // under which it is explored
	memory   explore.MemoryModel        // what loads may see
	pass     func(oracle string) bool   // the oracles that an execution goes on behind; nil: none
	without  []string                   // oracles that are switched off
	plan     *driver.Plan               // the machine, the rules and how many tasks each thread has
	number   map[*workloads.Stmt]int    // the place of each statement in its block as given, from 1
	text     map[*workloads.Stmt]string // each statement as written, without expectation
	slots    []slot                     // where results are noted, by thread, copy and statement
	slotsOf  []int                      // the first slot of finally and of each task
	exits    bool                       // some statement takes an address space down
	draws    bool                       // some statement draws random numbers

	scenarioPrint, rulesPrint string // fingerprints, for schedules and checkpoints

	setups *sync.Map // from the task that sets a world up to its world; shared with smaller programs
	sound  *sound    // the rules under which the whole does not fail; shared with smaller programs

	mu       sync.Mutex            // guards the fields below, but for follow
	idle     []*world              // worlds that no worker uses
	worlds   []*world              // all worlds that were made
	outcomes map[string]*outcome   // those that executions had, by their text
	reached  map[task.Counter]bool // the branches that were taken
	points   task.Points           // the points that were come to
	follow   *recording            // follows the executions; nil but for a replay, which has one worker
}

// slot names one statement of one task.
type slot struct {
	name string // reader.1, reader/0.1
	stmt *workloads.Stmt
}

// Setting is under what a scenario is explored.
type Setting struct {
	Rules   string                     // in place of the scenario's; "" keeps them
	Machine []workloads.MachineSetting // in place of those that the scenario states
	Model   string                     // the memory model, in place of the scenario's; "" keeps it
	Without []string                   // oracles that are switched off

	// Show are the oracles that an execution goes on to, behind all others: in place of the scenario's show. [Any] is every
	// oracle: the first one ends it.
	Show         []string
	Consequences bool // go on behind the oracles of the lock discipline
}

// Any among [Setting].Show is every oracle.
const Any = "any"

// New makes a scenario a program. The error tells all mistakes, one a line.
func New(sc *workloads.Scenario, s Setting) (*Program, error) {
	return newReduced(sc.WithMachine(s.Machine), nil, s)
}

// newReduced makes a scenario without some of its parts a program.
func newReduced(given *workloads.Scenario, cuts []cut, s Setting) (*Program, error) {
	number := numbered(given)
	sc, cuts, err := reduced(given, number, cuts)
	if err != nil {
		return nil, err
	}
	opts := &driver.Options{Rules: s.Rules}
	if sc.Memory == nil {
		opts.Memory = defaultMemory
	}
	plan, err := driver.NewPlan(sc, opts)
	if err := errors.Join(err, sc.CheckNames(known()), bounded(sc), checkOracles(s.Without), checkShow(s.Show)); err != nil {
		return nil, err
	}
	p := &Program{
		scenario: sc, given: given, cuts: cuts, setting: s, without: s.Without, plan: plan, number: number, text: map[*workloads.Stmt]string{},
		setups: &sync.Map{}, sound: &sound{}, outcomes: map[string]*outcome{}, reached: map[task.Counter]bool{},
	}
	if p.memory, err = memoryOf(sc, &s); err != nil {
		return nil, err
	}
	p.pass = p.passes()
	p.addInit(sc.Init)
	p.addBlock(sc.Finally, "finally")
	for i, th := range sc.Threads {
		for n := range plan.Counts[i] {
			p.addBlock(&th.Block, th.Instance(n))
		}
	}
	p.scenarioPrint, p.rulesPrint = cutPrint(fingerprint(programText(given)), cuts), fingerprint(plan.Rules.String())
	return p, nil
}

// addInit takes in init, whose results are not noted.
func (p *Program) addInit(b *workloads.Block) {
	p.addBlock(b, "init")
	p.slots, p.slotsOf = nil, nil
}

// addBlock takes in the statements of one task. Those that hold others have no result.
func (p *Program) addBlock(b *workloads.Block, name string) {
	p.slotsOf = append(p.slotsOf, len(p.slots))
	if b == nil {
		return
	}
	p.draws = p.draws || b.Generators > 0
	for s := range workloads.Statements(b.Body) {
		p.exits = p.exits || s.Kind == workloads.KindExit
		p.draws = p.draws || s.Kind == workloads.KindChoose
		if s.Body == nil {
			p.text[s] = interp.Stated(s)
			p.slots = append(p.slots, slot{fmt.Sprintf("%s.%d", name, p.number[s]), s})
		}
	}
}

// known are the names that a scenario may use.
func known() workloads.Names {
	names := workloads.Names{Oracles: allOracles(), Model: func(name string) error {
		_, err := explore.ParseMemoryModel(name)
		return err
	}}
	for _, c := range allChoices() {
		names.Choices = append(names.Choices, string(c))
	}
	return names
}

// allOracles returns the names of all oracles.
func allOracles() []string { return check.Names(^check.Source(0)) }

func checkOracles(names []string) error {
	var errs []error
	for _, name := range names {
		if all := allOracles(); !slices.Contains(all, name) {
			errs = append(errs, errors.New(suggest.Unknown("oracle", name, all, "one that vmasim oracles lists")))
		}
	}
	return errors.Join(errs...)
}

// oracles returns the names of those that are not switched off.
func (p *Program) oracles() []string {
	return slices.DeleteFunc(allOracles(), func(name string) bool { return !p.watches(name) })
}

// byWay returns the names of the oracles that judge by how an execution came to a step, where a strategy does not go on twice from one state.
func (p *Program) byWay(s explore.Strategy) (names []string) {
	if !s.Remembers() {
		return nil
	}
	return slices.DeleteFunc(p.oracles(), func(name string) bool {
		info, err := check.Lookup(name)
		return err != nil || !info.ByWay()
	})
}

// watches reports whether an oracle judges executions.
func (p *Program) watches(oracle string) bool {
	return !slices.Contains(p.without, oracle) && !(p.memory.Weak() && oracle == linearOracle)
}

// allChoices returns what can be decided besides scheduling.
func allChoices() (all []task.Choice) {
	for _, c := range task.Choices() {
		all = append(all, c.Name)
	}
	return all
}

// memoryOf returns the memory model of a scenario in a setting.
func memoryOf(sc *workloads.Scenario, s *Setting) (explore.MemoryModel, error) {
	name := s.Model
	if name == "" && sc.Model != nil {
		name = sc.Model.Name
	}
	if name == "" {
		return explore.MemoryModel{}, nil
	}
	return explore.ParseMemoryModel(name)
}

// choices returns those that the scenario asks for.
func (p *Program) choices() (cs []task.Choice) {
	for _, c := range p.scenario.May {
		if c := task.Choice(c.Name); c != task.StaleWalk || !p.memory.Weak() { // the memory model supplies what the walk reads
			cs = append(cs, c)
		}
	}
	return cs
}

// offers reports whether the scenario asks for a choice.
func (p *Program) offers(c task.Choice) bool { return slices.Contains(p.choices(), c) }

// bounded refuses what does not end by itself, or would not be the same each time.
func bounded(sc *workloads.Scenario) error {
	var errs []error
	refuse := func(pos workloads.Pos, what, expected string) {
		errs = append(errs, fmt.Errorf("%s: %s cannot be explored, expected %s", pos, what, expected))
	}
	check := func(b *workloads.Block) {
		if b == nil {
			return
		}
		for s := range workloads.Statements(b.Body) {
			if s.Kind == workloads.KindFor || s.Kind == workloads.KindForever {
				refuse(s.Pos, s.Kind.String(), "repeat N: only programs that end can be searched")
			}
		}
	}
	check(sc.Init)
	check(sc.Finally)
	for _, th := range sc.Threads {
		check(&th.Block)
	}
	if !slices.ContainsFunc(sc.Threads, func(th *workloads.Thread) bool { return th.Count > 0 }) {
		refuse(workloads.Pos{File: sc.File, Line: 1, Col: 1}, "a scenario without threads", "at least one thread")
	}
	for _, f := range sc.Files {
		if f.Path != "" && f.Mode != linux.O_RDONLY {
			refuse(f.Pos, "a writable real file", "a temporary one: each execution has to find the same bytes")
		}
	}
	return errors.Join(errs...)
}

// Fingerprints implements [explore.Program].
func (p *Program) Fingerprints() (scenario, rules string) { return p.scenarioPrint, p.rulesPrint }

// programText is what of a scenario decides which schedules it has: all but its rules, questions, verdicts and the schedule that it states.
func programText(sc *workloads.Scenario) string {
	bare := *sc
	bare.Rules, bare.Questions, bare.Verdicts, bare.Show, bare.Schedule, bare.Title, bare.Doc = nil, nil, nil, nil, nil, "", ""
	return bare.String()
}

func fingerprint(text string) string {
	h := fnv.New32a()
	h.Write([]byte(text))
	return fmt.Sprintf("%08x", h.Sum32())
}

// Rules returns the rules in force, as they are written.
func (p *Program) Rules() string { return p.plan.Rules.String() }

// config is how the machines of the program are made.
func (p *Program) config(report func(task.Violation)) mm.Config {
	cfg := p.plan.Config()
	cfg.Report, cfg.JudgeCalls, cfg.JudgeWalks = report, true, true
	cfg.EarlyGrace = p.offers(task.CallsEarly) || p.offers(task.GraceDelayed)
	cfg.LateGrace = !cfg.EarlyGrace
	cfg.ReadAround = phys.DefaultReadAhead // not the device's: a schedule is replayed elsewhere, too
	return cfg
}

// NewWorld implements [explore.Program].
func (p *Program) NewWorld(x *explore.Executor, report func(task.Violation)) (explore.World, error) {
	a, err := p.take(x)
	if err != nil {
		return nil, err
	}
	if err := a.begin(x, report); err != nil {
		return nil, fmt.Errorf("%s: %w", p.scenario.File, err)
	}
	return a, nil
}

// take returns a world that no other worker uses: the one that the worker had before, if there is one.
func (p *Program) take(x *explore.Executor) (*world, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		i := max(0, slices.IndexFunc(p.idle, func(w *world) bool { return w.executor == x }))
		a := p.idle[i]
		p.idle[i] = p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return a, nil
	}
	p.mu.Unlock()
	a, err := newWorld(p)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worlds = append(p.worlds, a)
	return a, nil
}

func (p *Program) release(w *world) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, w)
}

// Close implements [explore.Program]: it gives the memory of the machines back. No search may be running.
func (p *Program) Close() error {
	var errs []error
	for _, a := range p.worlds {
		p.setups.Delete(a.setup.Task)
		errs = append(errs, a.machine.Close())
	}
	p.worlds, p.idle = nil, nil
	return errors.Join(errs...)
}

// oneLine joins what is written on several lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// defaultMemory is the physical memory of a world whose scenario states none, in bytes: enough for what can be explored, little where a
// browser clears it for each world, and the same everywhere, as traces show the numbers of frames.
const defaultMemory = 8 << 20
