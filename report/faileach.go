package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"vmasim/internal/task"
	"vmasim/internal/wrap"
	"vmasim/workloads/inject"
)

// FailureFormats returns the formats of what came of letting everything fail once; the first is the default.
func FailureFormats() []Format[*inject.Result] {
	return []Format[*inject.Result]{
		{"text", "a readable table", newFailures},
		{"json", "one JSON object a line for each scenario", func(w io.Writer, _ Look) func(*inject.Result) error {
			encoder := encoderTo(w)
			return func(r *inject.Result) error {
				out := *r
				out.Failures, out.Broken, out.Unexpected = nil, listed(out.Broken), listed(out.Unexpected)
				for _, f := range r.Failures {
					f := *f
					f.Left, f.Wrong = listed(f.Left), listed(f.Wrong)
					out.Failures = append(out.Failures, &f)
				}
				out.Failures = listed(out.Failures)
				return encoder.Encode(&out)
			}
		}},
	}
}

func newFailures(w io.Writer, look Look) func(*inject.Result) error {
	between := ""
	return func(r *inject.Result) error {
		_, err := io.WriteString(w, between+failuresText(r, look))
		between = "\n"
		return err
	}
}

// failedWords name what fails.
var failedWords = map[task.Choice]string{task.AllocFails: "allocation", task.ChargeFails: "charge", task.HookFails: "hook"}

func failuresText(r *inject.Result, look Look) string {
	var b strings.Builder
	look.line(&b, named(r.Scenario, r.Title))
	look.line(&b, fmt.Sprintf("rules %s, seed %d; %s, one after the other; %s at which something can fail", r.Rules, r.Seed,
		plural(uint64(r.Statements), "statement"), plural(uint64(r.Points), "point")))
	if r.Machine != "" {
		look.line(&b, "machine "+r.Machine)
	}
	for _, u := range r.Unexpected {
		b.WriteString("\n" + strings.TrimSuffix(wrap.Text("note: without a failure, "+u, look.width(), "  "), "\n"))
	}
	if len(r.Unexpected) > 0 {
		b.WriteString("\n")
	}
	if len(r.Failures) > 0 {
		b.WriteString("\n" + failureTable(r).set(look, 0, 1, 2, 4, 5))
	}
	var tail strings.Builder
	for _, f := range r.Failures {
		for _, wrong := range f.Wrong {
			fmt.Fprintf(&tail, "\nwrong: %s: %s of %s fails: %s", f.Pos, failedWords[f.Fails], f.In, wrong)
		}
	}
	for _, wrong := range r.Broken {
		fmt.Fprintf(&tail, "\nwrong without a failure: %s", wrong)
	}
	if !r.OK() {
		tail.WriteString("\n")
	}
	tail.WriteString("\n" + failuresVerdict(r) + "\n")
	return b.String() + wrap.Text(tail.String(), look.width(), "  ")
}

// failureTable has a line for each failure, by statement.
func failureTable(r *inject.Result) table {
	t := table{{"statement", "fails", "in", "points", "gives", "what stays changed"}}
	last := ""
	for _, f := range r.Failures {
		statement := f.Task + ": " + f.Statement
		if statement == last {
			statement = ""
		} else {
			last = statement
		}
		left := "nothing"
		switch {
		case f.Passed:
			left = "goes on: " + strings.Join(f.Left, "; ")
			if len(f.Left) == 0 {
				left = "goes on"
			}
		case len(f.Left) > 0:
			left = strings.Join(f.Left, "; ")
		}
		if len(f.Wrong) > 0 {
			left += "  WRONG"
		}
		t = append(t, []string{statement, failedWords[f.Fails], f.In, count(uint64(f.Times)), f.Gives, left})
	}
	return t
}

func failuresVerdict(r *inject.Result) string {
	var words []string
	switch {
	case r.Interrupted:
		words = append(words, fmt.Sprintf("interrupted: %s of %s have failed", count(uint64(r.Done)), plural(uint64(r.Points), "point")))
	case r.Stuck:
		words = append(words, fmt.Sprintf("given up: %s of %s have failed", count(uint64(r.Done)), plural(uint64(r.Points), "point")))
	}
	if n := r.Wrong(); n > 0 {
		words = append(words, fmt.Sprintf("FAIL: after %s something is wrong", plural(uint64(n), "failure")))
	} else if len(r.Broken) > 0 {
		words = append(words, "FAIL: something is wrong without a failure")
	} else {
		words = append(words, fmt.Sprintf("ok: after each of %s all is valid, nothing leaks, and only what may stay changed does", plural(uint64(r.Done), "failure")))
	}
	return strings.Join(slices.Compact(words), "; ")
}

// FailureProgress words how far letting everything fail is, in one line.
func FailureProgress(scenario string, done, all int) string {
	return fmt.Sprintf("%s: %s of %s have failed", scenario, count(uint64(done)), plural(uint64(all), "point"))
}
