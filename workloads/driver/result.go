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

// Result is what came of a run.
type Result struct {
	Scenario string
	Title    string
	Rules    string
	Machine  string // settings that are not as usual, with commas between
	Seed     uint64
	Tasks    int // of all threads
	Elapsed  time.Duration

	Ops    []Op // by kind, in the manual's order; kinds that did not run are left out
	Faults Faults
	VMAs   VMAs
	Memory Memory

	Unexpected      []Unexpected // the first ones
	UnexpectedTotal uint64       // all, repetitions included
	Violations      []Violation  // the first of each kind
	ViolationTotal  uint64       // all, repetitions included
	Interrupted     bool
}

// OK tells that every result was as expected and no invariant was broken.
func (r *Result) OK() bool { return r.UnexpectedTotal == 0 && r.ViolationTotal == 0 }

// Op is what was measured of one kind of statement.
type Op struct {
	Kind   string
	Count  uint64
	Errors []Error // by name
	// Latencies in nanoseconds, of the executions that were timed; 0 if none was.
	Mean, P50, P99, Max uint64
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
	Total          uint64
	MmapLock       uint64 // handled under mmap_lock
	VMALockSuccess uint64 // handled under the VMA lock
	VMALockAbort   uint64
	VMALockRetry   uint64
	VMALockMiss    uint64
	Segv           uint64
	Sigbus         uint64
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
	}
}

// VMAs tells about the VMAs of all address spaces, at the end of the scenario, before the rest is torn down.
type VMAs struct {
	MapCount     int    // mapped at the end
	Allocated    uint64 // in the whole run
	Reused       uint64 // of these, in the memory of one that was freed
	GracePeriods uint64 // of RCU, that have ended
}

// Memory tells about page frames, at the same moment.
type Memory struct {
	ArenaBytes  uint64
	FramesInUse int
	FramesPeak  int
}

// Unexpected is a statement that gave a result that it does not state.
type Unexpected struct {
	Pos      workloads.Pos
	Stmt     string // as it is written, without its expectation
	Got      string
	Expected string
	Task     string
	Count    uint64
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
	Count uint64
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
