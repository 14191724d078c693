package explore

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

const (
	// maxTasks is how many tasks a program can have. A vector clock of so many fills one cache line, and each step copies some;
	// no search exhausts the interleavings of more.
	maxTasks = 16
	// maxValues is how many values a choice can have: as many as a taskSet has bits, which is what the rest of them is kept in.
	maxValues = 32
)

// Pending is the operation that a task performs next.
type Pending struct {
	Task  int         // its place in [World.Tasks]
	Event *task.Event // nil: the task has ended
	who   *task.Task
}

// state is an execution between two steps, as a strategy sees it.
type state struct {
	tasks   int               // how many there are
	pending [maxTasks]Pending // by task
	enabled taskSet           // the tasks that can go on
	last    int               // the task that took the last step; -1: none yet
	steps   int               // taken so far
	weak    bool              // loads may see older values: who takes a lock learns what its holders knew
	binds   bool              // what has begun to wait for a grace period matters to the read sections that begin later
	agreed  bool              // all full barriers are in one order
	// locals is [World].Locals.
	locals func(i int, e *task.Event) (number uint64, live int)
	untold func(add func(uint64)) bool // [World].Rest, with what the oracle remembers
	past   func(over bool) uint64      // [World].Past
	halt   *atomic.Bool                // set when no more is wanted of the execution; nil: never
}

// preempts reports whether a step of task i takes the turn from one that could go on.
func (s *state) preempts(i int) bool {
	return s.last >= 0 && s.last != i && s.enabled.has(s.last)
}

// stay returns the task of the set that goes on with the fewest switches.
func (s *state) stay(among taskSet) int {
	if s.last >= 0 && among.has(s.last) {
		return s.last
	}
	return among.first()
}

// taskSet is a set of tasks by their place in the world.
type taskSet uint32

func (s taskSet) has(i int) bool { return s>>i&1 != 0 }
func (s taskSet) first() int     { return bits.TrailingZeros32(uint32(s)) }
func (s taskSet) len() int       { return bits.OnesCount32(uint32(s)) }

// nth returns the n-th task of the set, from 0. Few tasks are chosen among by no branch: a random n makes each a wrong guess.
func (s taskSet) nth(n int) int {
	for ; n >= 4; n-- {
		s &= s - 1
	}
	var from [4]taskSet
	from[0] = s
	from[1] = s & (s - 1)
	from[2] = from[1] & (from[1] - 1)
	from[3] = from[2] & (from[2] - 1)
	return from[n&3].first()
}

// redundant is what pick returns when every way to go on has been gone elsewhere.
const redundant = -1

// strategy decides schedules, one execution after the other.
type strategy interface {
	// next makes ready for another execution and reports whether there is one.
	next() bool
	// pick returns which of the enabled tasks, of which there is at least one, takes the next step.
	pick(s *state) int
	// choose decides a choice of task i among n alternatives, at least two.
	choose(s *state, i, n int) int
	// ended says how the execution ended, before anything is cleared away.
	ended(s *state, how Ending)
	// tracker returns who is to be told of each step; nil: the strategy decides without.
	tracker() tracker
}

// untracked is the part of a strategy that need not be told of each step.
type untracked struct{}

func (untracked) tracker() tracker { return nil }

// shard is a strategy that searches one part of the schedules. Its executions are numbered from 0 and depend on nothing but
// the program and the part.
type shard interface {
	strategy
	// rewinds returns a function that makes ready for the execution again that the shard is ready for now, and takes back what
	// that execution has added, which was not finished.
	rewinds() func()
	// known reports whether the execution just run was counted in an earlier phase.
	known() bool
	// leftOut reports whether the shard, being done, has left something out that the next phase searches.
	leftOut() bool
	// limited reports whether next has refused another execution only because enough were asked for.
	limited() bool
	// states returns how many states there are, of a search that counts them.
	states() int
	// compared returns how often a search that counts states looked at whether the same comes of the same state, and how often it did not.
	compared() (states, unlike int)

	// save returns where the shard stands, for JSON: next was called, and the execution that it made ready for was not run.
	save() any
	// restore makes the next call of next make ready for that execution. The shard is one that was just made.
	restore(saved []byte) error
	// share says how much of the shard is done, from 0 to 1, and how many alternatives are known and were not tried.
	share() (done float64, open int)
	// weigh says how much of the search the shard is likely to be.
	weigh() float64
}

// exhaustive is what shards have in common that end by themselves and leave nothing out.
type exhaustive struct{}

func (exhaustive) known() bool   { return false }
func (exhaustive) leftOut() bool { return false }
func (exhaustive) limited() bool { return false }
func (exhaustive) states() int   { return 0 }

func (exhaustive) compared() (states, unlike int) { return 0, 0 }

// tracker is told of each step.
type tracker interface {
	// announced says that task i has a new pending operation, or has ended.
	announced(s *state, i int)
	// performed gives the operation of a step with the values seen and left.
	performed(s *state, i int, e *task.Event)
	// lived says that in this step an object of the given size began its life, or, with size 0, ended it.
	lived(s *state, i int, base unsafe.Pointer, size uintptr)
	// stepped says that the step is complete. broke: it broke a rule, so nothing comes after it.
	stepped(s *state, i int, broke bool)
}

// mind is a strategy that follows what tasks remember: see [task.Mind].
type mind interface {
	mark(i int) int
	keep(i, mark int, what uint64)
	forget(base unsafe.Pointer, size uintptr)
}

// Strategy names a way to search.
type Strategy string

// The strategies.
const (
	DPOR     Strategy = "dpor"
	DFS      Strategy = "dfs"
	States   Strategy = "states"
	Stateful Strategy = "stateful"
	Bounded  Strategy = "bounded"
	Delays   Strategy = "delays"
	Random   Strategy = "random"
	PCT      Strategy = "pct"
	POS      Strategy = "pos"
)

// StrategyInfo describes a strategy.
type StrategyInfo struct {
	Name     Strategy
	Doc      string
	Finishes bool                               // it ends when every schedule has been tried or found equal to one that was
	Resumes  bool                               // it can go on from a checkpoint
	Counts   string                             // of what it searches with at most one, two and so on, in the singular; "": of nothing
	plan     func(o *Options, earlier int) plan // earlier: executions of earlier runs
}

// Strategies lists the strategies, the default first.
func Strategies() []StrategyInfo {
	return []StrategyInfo{
		{DPOR, "every interleaving, leaving out those that only exchange independent steps (source sets, sleep sets)", true, true, "", planDPOR},
		{DFS, "every interleaving, depth first", true, true, "", planDFS},
		{States, "every interleaving, depth first, up to states where the search has been (hashed)", true, false, "", planStates},
		{Stateful, "every interleaving, leaving out what dpor does, up to states where the search has been (hashed)", true, false, "", planStateful},
		{Bounded, "every interleaving with at most 0, 1, 2, … preemptions", true, true, "preemption", planBounded},
		{Delays, "every interleaving with at most 0, 1, 2, … delays of a scheduler that lets tasks go on in turn", true, true, "delay", planDelays},
		{Random, "the next task drawn evenly from those that can go on", false, true, "", planRandom(newRandom)},
		{PCT, "random priorities with depth-1 random changes: finds a bug of that depth with known probability", false, true, "", planRandom(newPCT)},
		{POS, "random priorities of operations, drawn anew after a race", false, true, "", planRandom(newPOS)},
	}
}

func strategyInfo(name Strategy) (StrategyInfo, error) {
	var names []string
	for _, s := range Strategies() {
		if s.Name == name || name == "" {
			return s, nil
		}
		names = append(names, string(s.Name))
	}
	slices.Sort(names)
	return StrategyInfo{}, fmt.Errorf("unknown strategy %q; there are %s", name, strings.Join(names, ", "))
}

// Remembers reports whether a search goes on from no state twice. It cannot tell states apart by what tasks may still see, as they could
// where loads are early.
func (name Strategy) Remembers() bool { return name == States || name == Stateful }

// Fits reports why the strategy cannot search where loads are early, if so.
func (name Strategy) Fits(m MemoryModel, choices []task.Choice) error {
	switch {
	case !name.Remembers():
		return nil
	case slices.Contains(choices, task.StaleWalk):
		return fmt.Errorf("strategy %s: what tasks may still see is no part of a state, so it cannot offer %s", name, task.StaleWalk)
	case m.Weak():
		return fmt.Errorf("strategy %s: what tasks may still see is no part of a state, so it cannot search under %s", name, m)
	}
	return nil
}

// Counts returns [StrategyInfo.Counts].
func (name Strategy) Counts() string {
	info, err := strategyInfo(name)
	if err != nil {
		return ""
	}
	return info.Counts
}
