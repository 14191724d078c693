package program

import (
	"slices"
	"strings"
	"testing"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/workloads"
)

func explorePutToZero(t *testing.T, s Setting) *Result {
	t.Helper()
	sc, err := workloads.LoadBuiltin("put-to-zero")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Explore(t.Context(), sc, Options{Setting: s})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Violations) != 1 {
		t.Fatalf("%+v: shows %d of %v", s, len(r.Violations), r.Broken())
	}
	if r.Fallback {
		s.Show = []string{Any}
	}
	replays(t, sc, s, r.Violations[0])
	return r
}

// TestPastTheFirstSymptom: an execution goes on behind the first symptom to the harm, and nothing of it is lost.
func TestPastTheFirstSymptom(t *testing.T) {
	for n, c := range []struct {
		setting Setting
		shows   string
		passes  []string // among others
		replay  string
	}{
		{Setting{}, "detached-in-tree", []string{"reader-left", "use-after-free", "deadlock"}, "vmasim replay put-to-zero 'v"},
		{Setting{Show: []string{Any}}, "reader-left", nil, "vmasim replay --until any put-to-zero 'v"},
		{Setting{Show: []string{"use-after-free"}}, "use-after-free", []string{"reader-left", "bad-free"}, "vmasim replay --until use-after-free put-to-zero 'v"},
		{Setting{Consequences: true}, "wrong-vma", []string{"reader-left"}, "vmasim replay --consequences put-to-zero 'v"},
		{Setting{Show: []string{"map-count"}}, "reader-left", []string{"reader-left"}, "vmasim replay --until any put-to-zero 'v"},
	} {
		if testing.Short() && n%2 != 0 {
			continue
		}
		r := explorePutToZero(t, c.setting)
		v := r.Violations[0]
		if c.setting.Consequences {
			if info, err := check.Lookup(v.Oracle()); err != nil || info.Discipline() {
				t.Errorf("%+v shows %s, which is a matter of lock discipline", c.setting, v.Oracle())
			}
		} else if v.Oracle() != c.shows {
			t.Errorf("%+v shows %s, expected %s", c.setting, v.Oracle(), c.shows)
		}
		for _, name := range c.passes {
			if !slices.Contains(r.PassedOver(), name) || !slices.Contains(r.Broken(), name) {
				t.Errorf("%+v passes over %v, expected %s, too", c.setting, r.PassedOver(), name)
			}
		}
		if line := r.ReplayCommand(&v.Schedule); !strings.HasPrefix(line, c.replay) {
			t.Errorf("%+v: %s", c.setting, line)
		}
		if r.Verdict() != Violated || r.Fallback != (c.shows == "reader-left" && c.passes != nil) {
			t.Errorf("%+v: %s, another is shown: %t", c.setting, r.Verdict(), r.Fallback)
		}
		wants := c.shows != "reader-left" && c.shows != "wrong-vma"
		if noted := slices.ContainsFunc(v.Trace.Passed, func(p trace.Passed) bool { return p.Violation.Oracle == "reader-left" && p.Step > 0 }); wants != noted && wants {
			t.Errorf("%+v: the precursor is not told: %+v", c.setting, v.Trace.Passed)
		}
	}
}

// TestPassedOverIsAViolation: what is gone on behind is no outcome, and what ends in nothing else is no success.
func TestPassedOverIsAViolation(t *testing.T) {
	src := "show leak\n" + detachRace
	r := exploreSource(t, src, Options{Setting: Setting{Rules: "linux-6.18,-detach-waits"}})
	if r.OK() || r.Verdict() != Violated || !r.Fallback || !slices.Contains(r.Broken(), "reader-left") {
		t.Errorf("%s %v", r.Verdict(), r.Broken())
	}
	all := 0
	for _, o := range r.Outcomes {
		all += o.Executions
	}
	if all >= r.Search.Executions-r.Search.Redundant {
		t.Errorf("%d outcomes of %d executions", all, r.Search.Executions)
	}
	if r := exploreSource(t, src, Options{Setting: Setting{Rules: "linux-6.18"}}); r.Verdict() != Verified || len(r.PassedOver()) > 0 {
		t.Errorf("%s %v", r.Verdict(), r.PassedOver())
	}
	if _, err := New(parse(t, src), Setting{Show: []string{"leek"}}); err == nil || !strings.Contains(err.Error(), `did you mean "leak"`) {
		t.Errorf("an unknown oracle: %v", err)
	}
}

// TestNoShrink shows a failure as it was found.
func TestNoShrink(t *testing.T) {
	o := Options{Setting: Setting{Rules: "refcount-v6"}, Options: explore.Options{Strategy: explore.Random}, NoShrink: true}
	r := exploreSource(t, detachRace, o)
	if len(r.Violations) == 0 {
		t.Fatalf("found %v", r.Broken())
	}
	if v := r.Violations[0]; v.Shrunk != nil || v.Schedule.String() != r.Search.Violations[0].Schedule.String() || len(v.Trace.Steps) != len(v.Schedule.Tasks) {
		t.Errorf("%v, %s", v.Shrunk, &v.Schedule)
	}
}

// TestFinally: finally is told as a part of its own, with what was found in it and whence its values come.
func TestFinally(t *testing.T) {
	r := exploreSource(t, `
init
	mmap A 4K rw private anon
	store A 1
thread w
	store A+8 7
finally
	load A
	load A+8 => 8
`, Options{})
	if len(r.Violations) != 1 {
		t.Fatalf("found %v", r.Broken())
	}
	trace := r.Violations[0].Trace
	f := trace.Finally
	if len(f) == 0 {
		t.Fatal("nothing is told of finally")
	}
	last := f[len(f)-1]
	if last.Text != "load A+8" || last.Result != "7" || len(last.Violations) != 1 || last.From == 0 || trace.Steps[last.From-1].Task != "w" {
		t.Errorf("%+v", f)
	}
	if len(trace.End) > 0 || len(trace.Start) > 0 {
		t.Errorf("%v, %v", trace.Start, trace.End)
	}
}
