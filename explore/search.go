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

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// Options say how to search. The zero value is an exhaustive search on one core that stops at the first failure.
type Options struct {
	Strategy    Strategy      // "": the first of Strategies
	Preemptions int           // Bounded: the highest bound; 0: none
	Delays      int           // Delays: the highest bound; 0: none
	PCTDepth    int           // PCT: the depth of the bugs to be found; 0: 4
	Executions  int           // at most so many; 0: as many as it takes, for the random strategies 100 000
	States      int           // States, Stateful: at most so many are remembered, or a few more; 0: as many as there are
	Time        time.Duration // at most so long; 0: as long as it takes
	Depth       int           // an execution is cut off after so many steps; 0: DefaultDepth
	Seed        uint64        // of the random strategies
	Workers     int           // how many search side by side; 0: one
	KeepGoing   int           // stop after so many different failures; 0: one

	// Until, if it is not nil, says which failure ends the search before there are KeepGoing of them. Several workers call it.
	Until func(*Found) bool

	// Pass, if it is not nil, says which oracles' violations an execution goes on behind: they are noted, and do not end it.
	// Several workers call it.
	Pass func(oracle string) bool

	// From, if it is not nil, is how every execution begins: only what can come after it is searched, by DPOR, DFS, Bounded or Delays,
	// which then count what comes behind it.
	From *Schedule

	// Checkpoint is the name of what holds where the search stands, in Store; "": none. If it exists, the search goes on from there. It is
	// written now and then and when a limit stops the search, and removed when the search ends by itself. Limits count from
	// where the search goes on.
	Checkpoint string
	Store      Store // nil: Checkpoint is a file

	// Part, if it is not nil, is all that is searched. The checkpoint then stays when the search has ended, for [Merge], and a search that
	// goes on from such a one only reports what it holds.
	Part *Part

	Memory MemoryModel // what loads may see

	Choices   []task.Choice // what is decided besides scheduling; other choices are always 0
	MaxChosen int           // how many of an execution's choices may be other than 0; 0: one

	// Watch makes the oracle of one worker's executions; nil: none watches. Several workers call it.
	Watch func(report func(task.Violation)) Oracle
	// Record makes the trace of a replay; nil: one without names.
	Record *trace.Recorder

	Progress func(Progress) // called now and then
	Every    time.Duration  // how often; 0: once a second

	// Between, if it is not nil, is called before each execution, by every worker. Where nothing preempts a goroutine, as in wasm, it
	// lets others run: Progress, Time and what interrupts a search wait for it.
	Between func()

	split     bool          // into more than one shard
	aloneFor  int           // DPOR: after how many executions the search is divided; 0: aloneFor
	saveEvery time.Duration // how often a checkpoint is written; 0: saveInterval
	halt      *atomic.Bool  // set when the search is to end at once; nil: never
}

// DefaultDepth is after how many steps an execution is cut off. Programs worth exploring end after some hundred.
const DefaultDepth = 10_000

func (o *Options) depth() int {
	if o.Depth == 0 {
		return DefaultDepth
	}
	return o.Depth
}

// maxCut is how many executions in a row a search lets be cut off, where none has ended yet: all are too long.
const maxCut = 16

// Found is a failure that a search found.
type Found struct {
	Ending     Ending
	Violations []task.Violation // of the rules that the last step broke
	Passed     []Passed         // what the execution went on behind
	Blocked    []Blocked        // who could not go on
	Schedule   Schedule
	Execution  int  // the number of the execution, from 1
	Unstable   bool // the schedule did not fail in the same way a second time
}

// Passed is a broken rule behind which an execution went on.
type Passed struct {
	Step      int // in which it was found, counted from 1; 0: before the first
	Violation task.Violation
}

// Kind names what was violated: an oracle, or how the execution ended. A search shows one failure of each kind.
func (f *Found) Kind() string {
	if len(f.Violations) > 0 {
		return f.Violations[0].Oracle
	}
	return f.Ending.Oracle()
}

// Key is the same for two failures if one may stand for the other: of the same kind, in the same statement, and with the same
// result seen.
func (f *Found) Key() string {
	key := f.Kind()
	if len(f.Violations) > 0 {
		for _, part := range []string{f.Violations[0].Stmt, f.Violations[0].Seen} {
			if part != "" {
				key += " " + part
			}
		}
	}
	return key
}

// standsFor reports whether showing f shows what g is: f has the same key, and leaves no task waiting but where g does.
func (f *Found) standsFor(g *Found) bool {
	return f.Key() == g.Key() && !slices.ContainsFunc(f.Blocked, func(b Blocked) bool {
		return !slices.ContainsFunc(g.Blocked, func(a Blocked) bool { return a.Op == b.Op && a.statement() == b.statement() })
	})
}

func (f *Found) String() string {
	if len(f.Violations) > 0 {
		return f.Violations[0].String()
	}
	return fmt.Sprintf("%s: %s", f.Ending, f.standstill())
}

// standstill says who cannot go on.
func (f *Found) standstill() string {
	if len(f.Blocked) == 0 {
		return fmt.Sprintf("the tasks have taken %d steps and come to no end", len(f.Schedule.Tasks))
	}
	return describeBlocked(f.Blocked)
}

// Report is what a search did, in all runs if it went on from a checkpoint.
type Report struct {
	Strategy         Strategy
	Complete         bool // nothing is left to be tried
	Stopped          bool // by a limit: there is more to be searched
	Enough           bool // what was found ended it
	Bound            int  // Bounded, Delays: the highest number of them that was searched in full; -1: none
	Executions       int
	Earlier          int                 // those of the executions that earlier runs did
	Redundant        int                 // executions given up because they repeat others
	States           int                 // States: how many there are
	Compared         int                 // States: how often it was looked at whether the same comes of the same state
	Unlike           int                 // States: how often it did not, so that the search is not complete
	Truncated        int                 // executions cut off
	Depth            int                 // after how many steps
	Steps            int                 // of the longest execution
	DistinctOutcomes map[string]int      // how many executions ended so
	First            map[string]Schedule // an execution that ended so, of each outcome: the first that was found
	Violations       []Found             // in the order in which they were found
	Passed           []Found             // what executions went on behind, one of each kind; each ends where it was found
	Elapsed          time.Duration
	Ops              [task.NumOps]uint64 // how often each operation was performed; 0: never reached
	Older            map[string]bool     // the loads that could have seen an older value, by name, and whether they did
}

// Search explores a program. It returns an error if the program cannot be run, not for failures it finds; an end of ctx
// stops it as a limit does. A [*CheckpointError] says that it cannot go on from a checkpoint.
func Search(ctx context.Context, p Program, o Options) (*Report, error) {
	info, err := strategyInfo(o.Strategy)
	if err != nil {
		return nil, err
	}
	o.Strategy = info.Name
	if err := o.checkFrom(p, &info); err != nil {
		return nil, err
	}
	if o.Part != nil {
		if err := o.Part.Fits(p, o); err != nil {
			return nil, err
		}
	}
	s := newSearch(p, o)
	defer s.close()
	if ended, err := s.resume(); err != nil || ended {
		return &s.report, err
	}
	if err := info.Name.Fits(o.Memory, o.Choices); err != nil {
		return nil, err
	}
	if o.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Time)
		defer cancel()
	}
	defer s.endWith(ctx)()
	stop := s.tick()
	err = s.phases(info)
	stop()
	if err != nil {
		return nil, err
	}
	s.report.Elapsed = s.elapsed()
	if err := s.confirm(); err != nil {
		return nil, err
	}
	return &s.report, s.keep()
}

// endWith makes the search stop when ctx ends, and returns what undoes that.
func (s *search) endWith(ctx context.Context) (forget func() bool) {
	s.o.halt.Store(ctx.Err() != nil)
	return context.AfterFunc(ctx, func() { s.o.halt.Store(true) })
}

// search is a search in progress. The workers share what mu guards, and the atomics.
type search struct {
	o       Options
	program Program
	begun   time.Time
	before  time.Duration // that earlier runs took
	workers []*Executor

	started atomic.Int64 // executions of this run, of all workers
	asked   atomic.Int64 // how often the workers were asked how far they are
	last    atomic.Int64 // the shards after this one are of no use any more

	mu      sync.Mutex
	plan    plan              // gives the phases
	phase   *phase            // that is being searched
	nth     int               // its number, from 0
	taken   int               // the shards before this one were given to workers
	merged  int               // the results of the shards before this one are in the report
	ready   map[int]*result   // of the shards that are done, or were stopped, and are not merged
	open    map[int]*standing // of shards that are not done: where they stand, as far as that was asked
	leftOut bool              // a shard of this phase left something out that another phase may search
	offset  int               // executions before this phase
	full    bool              // enough was found, or a limit was reached
	from    *checkpoint       // where an earlier run was stopped; nil once its phase is begun
	stand   *checkpoint       // where a limit has stopped this one
	err     error             // that ends the search
	report  Report            // of what is merged
}

func newSearch(p Program, o Options) *search {
	o.Workers = max(o.Workers, 1)
	o.KeepGoing = max(o.KeepGoing, 1)
	o.split, o.halt = o.Workers > 1 || o.Part != nil, &atomic.Bool{}
	s := &search{o: o, program: p, begun: time.Now()}
	s.report.Strategy, s.report.Depth = o.Strategy, o.depth()
	s.report.DistinctOutcomes, s.report.First = map[string]int{}, map[string]Schedule{}
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

func (s *search) elapsed() time.Duration { return s.before + time.Since(s.begun) }

// phases searches one phase after the other.
func (s *search) phases(info StrategyInfo) error {
	s.plan = planPart(&info, &s.o, s.report.Earlier)
	for s.from != nil || !s.full && s.plan.more(s.nth, s.leftOut) {
		phase, err := s.plan.phase(s.workers[0], s.nth)
		if err != nil {
			return err
		}
		if err := s.beginPhase(phase); err != nil {
			return err
		}
		if err := s.runPhase(); err != nil {
			return err
		}
	}
	s.report.Enough = s.enough(s.report.Violations)
	s.report.Complete = !s.full && !s.report.Enough && s.report.Truncated == 0 && s.plan.complete(s.leftOut)
	return nil
}

// beginPhase makes ready for the shards of a phase, some of which an earlier run may have searched.
func (s *search) beginPhase(ph *phase) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.from
	s.from = nil
	s.phase, s.taken, s.merged = ph, 0, 0
	s.ready, s.open = map[int]*result{}, map[int]*standing{}
	s.last.Store(1 << 62)
	if from != nil {
		return s.restore(from)
	}
	s.leftOut, s.offset = false, s.report.Executions
	return nil
}

// runPhase searches the shards of one phase.
func (s *search) runPhase() error {
	var wg sync.WaitGroup
	for _, x := range s.workers {
		wg.Go(func() { s.work(x) })
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enough(s.report.Violations) { // a shard that a limit stopped comes after them
		s.report.Stopped = false
	}
	if s.report.Stopped && s.o.Checkpoint != "" {
		s.stand = s.standing()
	}
	for i, at := range s.open { // an earlier run began with it, and this one did not come to it
		if s.ready[i] == nil && i >= s.merged {
			s.ready[i] = at.result
		}
	}
	for _, i := range slices.Sorted(maps.Keys(s.ready)) { // behind a shard that was stopped
		s.merge(s.ready[i])
	}
	if !s.full {
		if s.o.Strategy.Counts() != "" {
			s.report.Bound = s.nth
		}
		s.nth++
	}
	return s.err
}

func (s *search) work(x *Executor) {
	for {
		part, i, r := s.nextShard()
		if part == nil {
			return
		}
		err := s.searchShard(x, part, i, r)
		s.deliver(i, r, err)
	}
}

// nextShard returns the next shard to be searched, with the result of an earlier run in it.
func (s *search) nextShard() (shard, int, *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ready[s.taken] != nil || s.taken < s.merged {
		s.taken++
	}
	if s.full || s.err != nil || int64(s.taken) > s.last.Load() {
		return nil, 0, nil
	}
	i := s.taken
	part := s.phase.part(i)
	if part == nil {
		return nil, 0, nil
	}
	s.taken++
	at := s.open[i]
	if at == nil {
		return part, i, newResult()
	}
	if at.saved != nil {
		if s.err = part.restore(at.saved); s.err != nil {
			return nil, 0, nil
		}
	}
	return part, i, at.result.clone()
}

// deliver takes in what came of shard i, after all those before it.
func (s *search) deliver(i int, r *result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.err = err
		return
	}
	if r.stopped {
		s.full, s.report.Stopped = true, true
	} else {
		delete(s.open, i)
		s.phase.done += s.phase.weight(i)
	}
	s.ready[i] = r
	for r := s.ready[s.merged]; r != nil && !r.stopped; r = s.ready[s.merged] {
		s.merge(r)
		delete(s.ready, s.merged)
		s.merged++
	}
}

// merge adds what came of the next shard, unless enough was found before.
func (s *search) merge(r *result) {
	if s.enough(s.report.Violations) || s.err != nil {
		return
	}
	before := s.report.Executions
	s.report.add(&r.report)
	s.leftOut = s.leftOut || r.leftOut
	for _, f := range r.report.Violations {
		f.Execution += before
		s.note(&s.report, f)
	}
	for _, f := range r.report.Passed {
		f.Execution += before
		s.report.passOver(f)
	}
	s.full = s.full || s.enough(s.report.Violations)
}

// add adds up all that can be added.
func (r *Report) add(o *Report) {
	r.Executions += o.Executions
	r.Redundant += o.Redundant
	r.Truncated += o.Truncated
	r.States += o.States
	r.Compared += o.Compared
	r.Unlike += o.Unlike
	r.Steps = max(r.Steps, o.Steps)
	for outcome, n := range o.DistinctOutcomes {
		if r.DistinctOutcomes[outcome] == 0 {
			r.First[outcome] = o.First[outcome]
		}
		r.DistinctOutcomes[outcome] += n
	}
	for op, n := range o.Ops {
		r.Ops[op] += n
	}
	r.addOlder(o.Older)
}

// enough reports whether the failures are as many as were asked for, or the one that was.
func (s *search) enough(found []Found) bool {
	return len(found) >= s.o.KeepGoing || slices.ContainsFunc(found, func(f Found) bool { return s.wanted(&f) })
}

func (s *search) wanted(f *Found) bool { return s.o.Until != nil && s.o.Until(f) }

// note adds a failure if it is of a new kind, or the one wanted.
func (s *search) note(r *Report, f Found) {
	if s.wanted(&f) || !slices.ContainsFunc(r.Violations, func(o Found) bool { return o.Kind() == f.Kind() }) {
		r.Violations = append(r.Violations, f)
	}
}

// take takes in an execution that has failed, or gone on behind something.
func (s *search) take(r *Report, f Found) {
	for _, p := range f.Passed {
		r.passOver(Found{Ending: Violated, Violations: []task.Violation{p.Violation}, Schedule: f.Schedule.UpTo(p.Step), Execution: f.Execution})
	}
	switch {
	case !f.Ending.Failed():
	case s.o.Pass != nil && s.o.Pass(f.Kind()): // it cannot go on behind a deadlock
		r.passOver(f)
	default:
		s.note(r, f)
	}
}

// passOver notes what was passed over, if it is of a new kind.
func (r *Report) passOver(f Found) {
	if !slices.ContainsFunc(r.Passed, func(o Found) bool { return o.Kind() == f.Kind() }) {
		r.Passed = append(r.Passed, f)
	}
}

// confirm runs every failing schedule once more, by itself: what an oracle said may rest on earlier executions.
func (s *search) confirm() error {
	s.workers[0].halt = nil // all that is wanted
	for i := range s.report.Violations {
		f := &s.report.Violations[i]
		again, err := rerun(s.workers[0], &f.Schedule)
		if err != nil {
			return fmt.Errorf("run %s again: %w", strings.TrimSpace(f.Schedule.String()), err)
		}
		if f.Unstable = again.Key() != f.Key(); !f.Unstable {
			f.Violations = again.Violations
		}
	}
	return nil
}
