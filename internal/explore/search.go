package explore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vmasim/internal/task"
)

// Options say how to search. The zero value is an exhaustive search on one core that stops at the first failure.
type Options struct {
	Strategy    Strategy      // "": the first of Strategies
	Preemptions int           // Bounded: the highest bound; 0: none
	PCTDepth    int           // PCT: the depth of the bugs to be found; 0: 4
	Executions  int           // at most so many; 0: as many as it takes, for the random strategies 100 000
	Time        time.Duration // at most so long; 0: as long as it takes
	Depth       int           // an execution is cut off after so many steps; 0: it counts as a livelock after 10 000
	Seed        uint64        // of the random strategies
	Workers     int           // how many search side by side; 0: one
	KeepGoing   int           // stop after so many different failures; 0: one

	Choices   []task.Choice // what is decided besides scheduling; other choices are always 0
	MaxChosen int           // how many of an execution's choices may be other than 0; 0: one

	// Watch makes a watcher of one execution, or, if it is a Restarter, of one worker's executions. Several workers call it.
	Watch func(report func(task.Violation)) Watcher

	Progress func(Progress) // called now and then
	Every    time.Duration  // how often; 0: once a second
}

// Progress is how far a search is.
type Progress struct {
	Executions int
	Rate       float64 // executions a second
	Elapsed    time.Duration
	Parts      int // of the search, that are done
}

// Found is a failure that a search found.
type Found struct {
	Ending     Ending
	Violations []task.Violation // of the rules that the last step broke
	Blocked    []Blocked        // who could not go on
	Schedule   Schedule
	Execution  int  // the number of the execution, from 1
	Unstable   bool // the schedule did not fail in the same way a second time
}

// Key is the same for failures of the same kind.
func (f *Found) Key() string {
	if len(f.Violations) > 0 {
		return f.Violations[0].Oracle
	}
	return f.Ending.String()
}

func (f *Found) String() string {
	if len(f.Violations) > 0 {
		return f.Violations[0].String()
	}
	return fmt.Sprintf("%s: %s", f.Ending, describeBlocked(f.Blocked))
}

// Report is what a search did.
type Report struct {
	Strategy         Strategy
	Complete         bool // nothing is left to be tried
	Bound            int  // Bounded: the highest number of preemptions that was searched in full; -1: none
	Executions       int
	Redundant        int            // executions given up because they repeat others
	States           int            // States: how many there are
	Truncated        int            // executions cut off
	Steps            int            // of the longest execution
	DistinctOutcomes map[string]int // how many executions ended so
	Violations       []Found        // in the order in which they were found
	Elapsed          time.Duration
	Ops              [task.NumOps]uint64 // how often each operation was performed; 0: never reached
}

// Search explores a program. It returns an error if the program cannot be run, not for failures it finds; an end of ctx
// stops it as a limit does.
func Search(ctx context.Context, p Program, o Options) (*Report, error) {
	info, err := strategyInfo(o.Strategy)
	if err != nil {
		return nil, err
	}
	if o.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Time)
		defer cancel()
	}
	s := newSearch(ctx, p, o)
	defer s.close()
	stop := s.progress()
	defer stop()
	if err := s.phases(info); err != nil {
		return nil, err
	}
	s.report.Strategy = info.Name
	s.report.Elapsed = time.Since(s.begun)
	return &s.report, s.confirm()
}

// search is a search in progress.
type search struct {
	ctx     context.Context
	o       Options
	program Program
	begun   time.Time
	workers []*executor

	started atomic.Int64 // executions, of all workers
	done    atomic.Int64 // parts

	mu     sync.Mutex
	parts  func() strategy
	taken  int             // parts
	merged int             // parts
	ready  map[int]*result // done, but not those before
	last   atomic.Int64    // parts after this one are of no use any more
	full   bool            // enough was found, or a limit was reached
	err    error
	report Report
}

// result is what came of one part.
type result struct {
	report Report
	cut    bool // it was not done to its end
}

func newSearch(ctx context.Context, p Program, o Options) *search {
	o.Workers = max(o.Workers, 1)
	o.KeepGoing = max(o.KeepGoing, 1)
	s := &search{ctx: ctx, o: o, program: p, begun: time.Now()}
	s.report.DistinctOutcomes = map[string]int{}
	s.report.Bound = -1
	for range o.Workers {
		s.workers = append(s.workers, newExecutor(p, &s.o))
	}
	return s
}

func (s *search) close() {
	for _, x := range s.workers {
		x.close()
	}
}

func (s *search) phases(info StrategyInfo) error {
	plan := info.plan(&s.o)
	for !s.full {
		parts, err := plan.phase(s.workers[0])
		if err != nil {
			return err
		}
		if parts == nil {
			break
		}
		s.runPhase(parts)
		if s.err != nil {
			return s.err
		}
		if b, ok := plan.(*bounded); ok && !s.full {
			s.report.Bound = b.bound
		}
	}
	for _, x := range s.workers {
		for op, n := range x.ops {
			s.report.Ops[op] += n
		}
	}
	s.report.Complete = !s.full && s.report.Truncated == 0 && plan.complete()
	return nil
}

// runPhase searches the parts of one phase.
func (s *search) runPhase(parts func() strategy) {
	s.parts, s.taken, s.merged, s.ready = parts, 0, 0, map[int]*result{}
	s.last.Store(1 << 62)
	var wg sync.WaitGroup
	for _, x := range s.workers {
		wg.Go(func() { s.work(x) })
	}
	wg.Wait()
	for _, i := range slices.Sorted(maps.Keys(s.ready)) { // behind a part that was never begun
		s.merge(s.ready[i])
	}
}

func (s *search) work(x *executor) {
	for {
		part, i := s.take()
		if part == nil {
			return
		}
		r, err := s.searchPart(x, part, i)
		s.deliver(i, r, err)
	}
}

func (s *search) take() (strategy, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full || s.err != nil || int64(s.taken) > s.last.Load() {
		return nil, 0
	}
	part := s.parts()
	s.taken++
	return part, s.taken - 1
}

// deliver takes in what came of part i, after all those before it.
func (s *search) deliver(i int, r *result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done.Add(1)
	if err != nil {
		s.err = err
		return
	}
	s.ready[i] = r
	for s.ready[s.merged] != nil {
		s.merge(s.ready[s.merged])
		delete(s.ready, s.merged)
		s.merged++
	}
}

// merge adds the report of the next part, unless enough was found before.
func (s *search) merge(r *result) {
	if len(s.report.Violations) >= s.o.KeepGoing {
		return
	}
	before := s.report.Executions
	s.report.Executions += r.report.Executions
	s.report.Redundant += r.report.Redundant
	s.report.Truncated += r.report.Truncated
	s.report.States += r.report.States
	s.report.Steps = max(s.report.Steps, r.report.Steps)
	for o, n := range r.report.DistinctOutcomes {
		s.report.DistinctOutcomes[o] += n
	}
	for _, f := range r.report.Violations {
		f.Execution += before
		s.report.note(f, s.o.KeepGoing)
	}
	s.full = s.full || r.cut || len(s.report.Violations) >= s.o.KeepGoing
}

// note adds a failure of a new kind, and reports whether that makes enough of them.
func (r *Report) note(f Found, enough int) bool {
	if len(r.Violations) < enough && !slices.ContainsFunc(r.Violations, func(o Found) bool { return o.Key() == f.Key() }) {
		r.Violations = append(r.Violations, f)
	}
	return len(r.Violations) >= enough
}

// searchPart searches one part to its end, or until there is a reason to stop.
func (s *search) searchPart(x *executor, part strategy, index int) (*result, error) {
	r := &result{report: Report{DistinctOutcomes: map[string]int{}}}
	x.use(part)
	for part.next() {
		if s.stop(index) {
			r.cut = true
			return r, nil
		}
		e, err := x.run()
		if err != nil {
			return nil, err
		}
		if r.count(x, e, part) >= s.o.KeepGoing {
			s.enough(index)
			r.cut = true
			return r, nil
		}
	}
	if d, ok := part.(*states); ok {
		r.report.States = len(d.seen)
	}
	return r, nil
}

// stop reports whether a limit is reached, or what the part finds is of no use.
func (s *search) stop(index int) bool {
	n := s.started.Add(1)
	if s.o.Executions > 0 && n > int64(s.o.Executions) {
		s.started.Add(-1)
		return true
	}
	return int64(index) > s.last.Load() || n%16 == 0 && s.ctx.Err() != nil
}

// enough says that parts after this one need not be searched.
func (s *search) enough(index int) {
	for {
		last := s.last.Load()
		if int64(index) >= last || s.last.CompareAndSwap(last, int64(index)) {
			return
		}
	}
}

// count takes one execution in, and returns how many failures there are.
func (r *result) count(x *executor, e *execution, part strategy) int {
	rep := &r.report
	rep.Executions++
	rep.Steps = max(rep.Steps, e.steps)
	if d, ok := part.(*dfs); ok && d.known() {
		return len(rep.Violations)
	}
	switch {
	case e.ending == Redundant:
		rep.Redundant++
	case e.ending == Truncated:
		rep.Truncated++
	case e.ending == Finished:
		rep.DistinctOutcomes[e.outcome]++
	case e.ending.Failed():
		f := x.found(e)
		f.Execution = rep.Executions
		rep.note(f, len(rep.Violations)+1)
	}
	return len(rep.Violations)
}

// found describes the failure of the execution just run.
func (x *executor) found(e *execution) Found {
	f := Found{Ending: e.ending, Violations: e.violations, Blocked: e.blocked, Schedule: x.trail.clone()}
	if fp, ok := x.program.(Fingerprinter); ok {
		f.Schedule.Scenario, f.Schedule.Rules = fp.Fingerprints()
	}
	return f
}

// Fingerprinter is a [Program] that knows its schedules from those of others.
type Fingerprinter interface {
	// Fingerprints identify the scenario and the rules, by letters and digits.
	Fingerprints() (scenario, rules string)
}

// confirm runs every failing schedule once more.
func (s *search) confirm() error {
	for i := range s.report.Violations {
		f := &s.report.Violations[i]
		again, err := rerun(s.workers[0], &f.Schedule)
		if err != nil {
			return fmt.Errorf("run %s again: %w", strings.TrimSpace(f.Schedule.String()), err)
		}
		f.Unstable = again.Key() != f.Key()
	}
	return nil
}

// progress calls back now and then until the returned function is called.
func (s *search) progress() (stop func()) {
	if s.o.Progress == nil {
		return func() {}
	}
	every := s.o.Every
	if every <= 0 {
		every = time.Second
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				n, d := int(s.started.Load()), time.Since(s.begun)
				s.o.Progress(Progress{Executions: n, Rate: float64(n) / d.Seconds(), Elapsed: d, Parts: int(s.done.Load())})
			}
		}
	}()
	return func() { close(quit); <-gone }
}
