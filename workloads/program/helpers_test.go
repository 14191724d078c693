package program

import (
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

func parse(t testing.TB, src string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.Parse("x.vma", []byte(strings.ReplaceAll(src, "\t", "    ")))
	if err != nil {
		t.Fatal(err)
	}
	sc.Dir = "."
	return sc
}

// exploreSource explores a scenario on one core.
func exploreSource(t testing.TB, src string, o Options) *Result {
	t.Helper()
	r, err := Explore(t.Context(), parse(t, src), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// outcomes returns the texts of the outcomes, one a line.
func outcomes(r *Result) string {
	var b strings.Builder
	for _, o := range r.Outcomes {
		b.WriteString(o.Text + "\n")
	}
	return b.String()
}

// searched searches a scenario without oracles.
func searched(t testing.TB, p *Program, o explore.Options) *explore.Report {
	t.Helper()
	r, err := explore.Search(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newProgram(t testing.TB, src string, s Setting) *Program {
	t.Helper()
	p, err := New(parse(t, src), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
