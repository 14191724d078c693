package driver

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vmasim/workloads"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(t testing.TB, src string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.Parse("x.vma", []byte(strings.ReplaceAll(src, "\t", "    ")))
	if err != nil {
		t.Fatal(err)
	}
	sc.Dir = "."
	return sc
}

// runSource runs a scenario within a time that only a hang exceeds.
func runSource(t testing.TB, src string, opts Options) *Result {
	t.Helper()
	return runParsed(t, parse(t, src), opts)
}

func runParsed(t testing.TB, sc *workloads.Scenario, opts Options) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := Run(ctx, sc, opts)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("the run did not end by itself")
	}
	return r
}

// mustPass runs a scenario in which nothing may go wrong.
func mustPass(t testing.TB, src string, opts Options) *Result {
	t.Helper()
	r := runSource(t, src, opts)
	for i := range r.Unexpected {
		t.Error(r.Unexpected[i].String())
	}
	for _, v := range r.Violations {
		t.Error(v.Violation)
	}
	return r
}

// op finds what was measured of a kind of statement.
func op(r *Result, kind string) Op {
	for _, o := range r.Ops {
		if o.Kind == kind {
			return o
		}
	}
	return Op{}
}

func errorsOf(o Op, name string) uint64 {
	for _, e := range o.Errors {
		if e.Name == name {
			return e.Count
		}
	}
	return 0
}
