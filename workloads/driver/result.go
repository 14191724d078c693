package driver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads"
)

// Result is what came of a run. Its JSON is what run --format json prints: docs/output.md names every key, and keys are only
// ever added.
type Result struct {
	Scenario string        `json:"scenario"`
	Title    string        `json:"-"`
	Rules    string        `json:"rules"`
	Machine  string        `json:"machine"` // settings that are not as usual, with commas between
	Seed     uint64        `json:"seed"`
	Tasks    int           `json:"tasks"` // of all threads
	Elapsed  time.Duration `json:"elapsed_ns"`
	CPUs     int           `json:"cpus"`      // that the tasks could use at once
	CPUShare float64       `json:"cpu_share"` // of the time of these, the part that was there for them
	CPUTime  time.Duration `json:"cpu_ns"`    // that this process used meanwhile; 0: not known

	Ops      Ops     `json:"ops"` // by kind, in the manual's order; kinds that did not run are left out
	Faults   Faults  `json:"faults"`
	Faulting Latency `json:"fault_latency"` // of single faults, on a sample
	Writing  Latency `json:"write_latency"` // of statements that take mmap_lock for writing
	Users    Users   `json:"vma_lock_users"`
	VMAs     VMAs    `json:"vmas"`
	Memory   Memory  `json:"memory"`

	Waits      []Wait       `json:"waits"`       // by what was waited for, the longest time first
	FaultTimes []FaultTime  `json:"fault_paths"` // of a sample of the faults
	Recorded   Recorded     `json:"-"`           // of a run with a Recorder
	Contention []Contention `json:"-"`           // the waits by where tasks were

	Unexpected      []Unexpected `json:"unexpected"` // the first ones
	UnexpectedTotal uint64       `json:"-"`          // all, repetitions included
	Violations      []Violation  `json:"violations"` // the first of each kind
	ViolationTotal  uint64       `json:"-"`          // all, repetitions included
	Interrupted     bool         `json:"interrupted"`
}

// OK tells that every result was as expected and no invariant was broken.
func (r *Result) OK() bool { return r.UnexpectedTotal == 0 && r.ViolationTotal == 0 }

// Op is what was measured of one kind of statement.
type Op struct {
	Kind   string `json:"-"`
	Count  uint64 `json:"count"`
	Errors Errors `json:"errors"` // by name
	// Latencies in nanoseconds, of the executions that were timed; 0 if none was.
	Mean uint64 `json:"-"`
	P50  uint64 `json:"p50_ns"`
	P99  uint64 `json:"p99_ns"`
	Max  uint64 `json:"max_ns"`
}

// Latency is how long something took that was timed so many times, in nanoseconds.
type Latency struct {
	Count uint64 `json:"count"`
	P50   uint64 `json:"p50_ns"`
	P99   uint64 `json:"p99_ns"`
	Max   uint64 `json:"max_ns"`
}

func latencyOf(h *histogram) Latency {
	if h == nil {
		return Latency{}
	}
	return Latency{Count: h.n, P50: h.quantile(0.50), P99: h.quantile(0.99), Max: h.max}
}

// Error counts the executions that gave an error: an errno, SEGV_MAPERR, SEGV_ACCERR or SIGBUS, or, in lower case, why a
// statement was not run.
type Error struct {
	Name  string
	Count uint64
}

// Faults counts page faults and how they were handled, with the kernel's names. Calls of madvise look a VMA up the same
// way and count in VMALockAbort and VMALockMiss, too.
type Faults struct {
	Total          uint64 `json:"total"`
	MmapLock       uint64 `json:"mmap_lock"`        // handled under mmap_lock
	VMALockSuccess uint64 `json:"vma_lock_success"` // handled under the VMA lock
	VMALockAbort   uint64 `json:"vma_lock_abort"`
	VMALockRetry   uint64 `json:"vma_lock_retry"`
	VMALockMiss    uint64 `json:"vma_lock_miss"`
	Segv           uint64 `json:"segv"`
	Sigbus         uint64 `json:"sigbus"`

	// Speculation has the counters of faults that go by a copy of their VMA, those that are not zero; nil: there was none.
	Speculation Errors `json:"speculation,omitempty"`
}

func faultsOf(c *task.Counters) Faults {
	return Faults{
		Total:          c[task.PgFault],
		MmapLock:       c[task.PgFaultMmapLock],
		VMALockSuccess: c[task.VMALockSuccess],
		VMALockAbort:   c[task.VMALockAbort],
		VMALockRetry:   c[task.VMALockRetry],
		VMALockMiss:    c[task.VMALockMiss],
		Segv:           c[task.FaultSegv],
		Sigbus:         c[task.FaultSigbus],
		Speculation:    speculationOf(c),
	}
}

func speculationOf(c *task.Counters) (moved Errors) {
	for _, counter := range task.Speculation() {
		if n := c[counter]; n > 0 {
			moved = append(moved, Error{counter.String(), n})
		}
	}
	return moved
}

// Users counts how users of the VMA lock other than faults have fared. Linux counts none of it.
type Users struct {
	NextRetry      uint64 `json:"next_vma_retry"`
	NextFallback   uint64 `json:"next_vma_fallback"`
	AdviceVMALock  uint64 `json:"madvise_vma_lock"`
	AdviceMmapLock uint64 `json:"madvise_mmap_lock"`
}

func usersOf(c *task.Counters) Users {
	return Users{
		NextRetry:      c[task.NextVMARetry],
		NextFallback:   c[task.NextVMAFallback],
		AdviceVMALock:  c[task.AdviceVMALock],
		AdviceMmapLock: c[task.AdviceMmapLock],
	}
}

// VMAs tells about the VMAs of all address spaces, at the end of the scenario, before the rest is torn down.
type VMAs struct {
	MapCount     int    `json:"map_count"`     // mapped at the end
	Allocated    uint64 `json:"allocated"`     // in the whole run
	Reused       uint64 `json:"reused"`        // of these, in the memory of one that was freed
	GracePeriods uint64 `json:"grace_periods"` // of RCU, that have ended
	Bytes        int    `json:"bytes"`         // of one VMA, with its lock
}

// Memory tells about page frames, at the same moment.
type Memory struct {
	ArenaBytes  uint64 `json:"arena_bytes"`
	FramesInUse int    `json:"frames_in_use"`
	FramesPeak  int    `json:"frames_peak"`
}

// Unexpected is a statement that gave a result that it does not state.
type Unexpected struct {
	workloads.Pos
	Stmt     string `json:"statement"` // as it is written, without its expectation
	Got      string `json:"got"`
	Expected string `json:"expected"`
	Task     string `json:"task"`
	Count    uint64 `json:"count"`
}

// String is "file:line:column: touch A: got SEGV_MAPERR, expected ok (faulter/1, 3 times)". Layouts stand below each other.
func (u *Unexpected) String() string {
	var where []string
	if u.Task != "" {
		where = append(where, u.Task)
	}
	if u.Count > 1 {
		where = append(where, fmt.Sprintf("%d times", u.Count))
	}
	note := ""
	if len(where) > 0 {
		note = " (" + strings.Join(where, ", ") + ")"
	}
	if !strings.Contains(u.Got+u.Expected, "\n") {
		return fmt.Sprintf("%s: %s: got %s, expected %s%s", u.Pos, u.Stmt, u.Got, u.Expected, note)
	}
	below := func(lines string) string { return strings.ReplaceAll("\n"+lines, "\n", "\n    ") }
	return fmt.Sprintf("%s: %s: got another layout than expected%s\n  expected:%s\n  got:%s",
		u.Pos, u.Stmt, note, below(u.Expected), below(u.Got))
}

// Violation is a broken rule of the protocol, and how often it was broken.
type Violation struct {
	task.Violation
	Count uint64 `json:"count"`
}

// maxListed bounds the unexpected results and the violations that a Result lists.
const maxListed = 16

// ops turns the statistics of all kinds into what is reported.
func ops(stats *[workloads.NumKinds]opStats) (all []Op) {
	for kind := range stats {
		s := &stats[kind]
		if s.count == 0 {
			continue
		}
		op := Op{Kind: workloads.Kind(kind).String(), Count: s.count}
		for _, e := range s.errors {
			op.Errors = append(op.Errors, Error{e.label, e.n})
		}
		slices.SortFunc(op.Errors, func(a, b Error) int { return cmp.Compare(a.Name, b.Name) })
		if h := s.duration; h != nil {
			op.Mean, op.P50, op.P99, op.Max = h.mean(), h.quantile(0.50), h.quantile(0.99), h.max
		}
		all = append(all, op)
	}
	return all
}
