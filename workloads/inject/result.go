package inject

import (
	"fmt"
	"slices"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// Result is what came of a scenario in which everything failed once. Its JSON is what run --fail-each --format json prints: docs/output.md
// names every key.
type Result struct {
	Scenario string        `json:"scenario"`
	Title    string        `json:"-"`
	Rules    string        `json:"rules"`
	Machine  string        `json:"machine"`
	Seed     uint64        `json:"seed"`
	Elapsed  time.Duration `json:"elapsed_ns"`

	Statements  int        `json:"statements"` // performed one after the other, each pass of a loop anew
	Points      int        `json:"points"`     // at which something can fail
	Done        int        `json:"done"`       // of these, those that were made to
	Failures    []*Failure `json:"failures"`   // alike ones once, in the order of the statements
	Broken      []string   `json:"broken"`     // what is wrong though nothing fails
	Unexpected  []string   `json:"unexpected"` // statements that do not give what they state, though nothing fails: they are performed one after the other
	Stuck       bool       `json:"stuck"`      // the last performance did not end
	Interrupted bool       `json:"interrupted"`
}

// Failure is what came of a statement in which something failed.
type Failure struct {
	workloads.Pos
	Task      string      `json:"task"`
	Space     string      `json:"space"`
	Statement string      `json:"statement"`
	Fails     task.Choice `json:"fails"`  // alloc-fails, charge-fails or hook-fails
	In        string      `json:"in"`     // the kernel function in which it failed
	Gives     string      `json:"gives"`  // the statement
	Passed    bool        `json:"passed"` // it succeeds as it does without the failure
	Left      []string    `json:"left"`   // what is otherwise than before the statement
	Wrong     []string    `json:"wrong"`  // that may not be so, what is invalid, and what is left over in the end
	Times     int         `json:"times"`  // points at which the same came
}

// OK reports whether nothing is wrong.
func (r *Result) OK() bool { return len(r.Broken) == 0 && r.Wrong() == 0 && !r.Stuck }

// Wrong counts the points after whose failure something is wrong.
func (r *Result) Wrong() (n int) {
	for _, f := range r.Failures {
		if len(f.Wrong) > 0 {
			n += f.Times
		}
	}
	return n
}

// add notes what came of a failure, once for all alike.
func (r *Result) add(f *Failure) {
	f.Times = 1
	if i := slices.IndexFunc(r.Failures, f.alike); i >= 0 {
		r.Failures[i].Times++
		return
	}
	at := len(r.Failures)
	for at > 0 && slices.ContainsFunc(r.Failures[:at], f.ofStatement) && !f.ofStatement(r.Failures[at-1]) {
		at-- // a loop has come to the statement again
	}
	r.Failures = slices.Insert(r.Failures, at, f)
}

func (f *Failure) ofStatement(o *Failure) bool { return f.Pos == o.Pos && f.Task == o.Task }

func (f *Failure) alike(o *Failure) bool {
	return f.ofStatement(o) && f.Fails == o.Fails && f.In == o.In && f.Gives == o.Gives && f.Passed == o.Passed &&
		slices.Equal(f.Left, o.Left) && slices.Equal(f.Wrong, o.Wrong)
}

// note notes what came without a failure.
func (r *Result) note(plain *performance) {
	r.Statements, r.Broken = len(plain.turns), plain.broken
	for _, t := range plain.turns {
		r.Points += t.points
	}
	for _, u := range plain.unexpected {
		line := fmt.Sprintf("%v: %s: got %s, expected %s", u.stmt.Pos, interp.Stated(u.stmt), u.got, expected(u.stmt))
		if !slices.Contains(r.Unexpected, line) {
			r.Unexpected = append(r.Unexpected, line)
		}
	}
}

func expected(s *workloads.Stmt) string {
	if s.Expect == nil {
		return "ok"
	}
	return s.Expect.String()
}
