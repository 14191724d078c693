package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"vmasim/explore"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// exploreBuiltin explores a built-in scenario; what depends on the machine is fixed.
func exploreBuiltin(t *testing.T, name string, s program.Setting) *program.Result {
	t.Helper()
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := program.Explore(t.Context(), sc, program.Options{Setting: s})
	if err != nil {
		t.Fatal(err)
	}
	// How much there was to search is no matter of the report's.
	r.Search.Elapsed, r.Search.Executions, r.Search.Redundant, r.Search.Steps = 10*time.Millisecond, 1234, 5, 67
	r.Oracles = r.Oracles[:10]
	for i := range r.Outcomes {
		r.Outcomes[i].Executions = i + 1
	}
	for i := range r.Observations {
		o := &r.Observations[i]
		o.Positive, o.Negative = min(o.Positive, 1), min(o.Negative, 1)
	}
	return r
}

// TestExploreReports compares whole reports with those in testdata/explore. The commands are
// FORMAT scenario=NAME [rules=SPEC] [without=(ORACLES)] [full].
func TestExploreReports(t *testing.T) {
	datadriven.Walk(t, "testdata/explore", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			f, err := FormatByName(ExploreFormats(), d.Cmd)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			var name string
			var s program.Setting
			d.ScanArgs(t, "scenario", &name)
			for _, arg := range d.CmdArgs {
				switch arg.Key {
				case "rules":
					s.Rules = strings.Join(arg.Vals, ",")
				case "without":
					s.Without = arg.Vals
				}
			}
			var b strings.Builder
			if err := f.New(&b, Look{Full: d.HasArg("full")})(exploreBuiltin(t, name, s)); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return b.String()
		})
	})
}

// TestExploreJSON: formats for programs tell of the first violation, the same whether it was found or replayed.
func TestExploreJSON(t *testing.T) {
	r := exploreBuiltin(t, "detach-race", program.Setting{})
	found := decoded(t, exploreFormats[1].New, r)
	if found["verdict"] != "violation" || found["oracle"] != "lock-left-held" || found["as_stated"] != true || found["executions"] != 1234.0 {
		t.Errorf("%v", found)
	}
	sc, err := workloads.LoadBuiltin("lock-order")
	if err != nil {
		t.Fatal(err)
	}
	s := program.Setting{Without: []string{"lock-order", "blocking-under-vma-lock"}, Show: []string{program.Any}}
	r = exploreBuiltin(t, sc.Name, s)
	again, err := program.ReplayScenario(sc, s, r.Violations[0].Schedule)
	if err != nil {
		t.Fatal(err)
	}
	found = decoded(t, exploreFormats[1].New, r)
	replayed := decoded(t, ReplayFormats()[1].New, again)
	for _, key := range []string{"oracle", "message", "schedule", "trace", "finally"} {
		if !reflect.DeepEqual(replayed[key], found[key]) {
			t.Errorf("%s: %v was replayed, %v found", key, replayed[key], found[key])
		}
	}
	if found["oracle"] != "deadlock" {
		t.Errorf("%v", found["oracle"])
	}
}

// decoded returns what a format for programs writes.
func decoded[R any](t *testing.T, format func(io.Writer, Look) func(R) error, r R) (object map[string]any) {
	t.Helper()
	var b bytes.Buffer
	if err := format(&b, Look{})(r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestExploreEvents(t *testing.T) {
	r := exploreBuiltin(t, "detach-race", program.Setting{})
	var b strings.Builder
	if err := ExploreFormats()[2].New(&b, Look{})(r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != len(r.Violations[0].Trace.Steps) {
		t.Errorf("%d lines of %d steps", len(lines), len(r.Violations[0].Trace.Steps))
	}
	for i, line := range lines {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Number != i+1 || e.Scenario != "detach-race" || len(e.Enabled) == 0 {
			t.Errorf("%s", line)
		}
	}
}

func TestFinishedLine(t *testing.T) {
	for _, c := range []struct {
		r    program.Result
		want string
	}{
		{program.Result{Search: explore.Report{Complete: true}}, "yes, every interleaving is covered"},
		{program.Result{Interrupted: true, Bounded: true, Search: explore.Report{Strategy: explore.Bounded, Bound: 1}}, "no, interrupted; all with at most 1 preemption are searched"},
		{program.Result{Bounded: true, Search: explore.Report{Strategy: explore.Bounded, Bound: -1}}, "no, it reached its limit; no bound is searched in full"},
		{program.Result{Bounded: true, Search: explore.Report{Strategy: explore.Delays, Bound: 2}}, "no, it reached its limit; all with at most 2 delays are searched"},
		{program.Result{Search: explore.Report{Strategy: explore.Random}}, "no, a random search never is"},
		{program.Result{Bounded: true, Search: explore.Report{Strategy: explore.States}}, "no, it reached its limit"},
		{program.Result{Bounded: true, Search: explore.Report{Strategy: explore.States, Compared: 9, Unlike: 2}},
			"no, of 9 states looked at twice 2 went on otherwise the second time; dpor needs no states"},
		{program.Result{Bounded: true, Search: explore.Report{Enough: true}}, "no, it stopped at what it found"},
	} {
		if got := finishedLine(&c.r); got != c.want {
			t.Errorf("%q, expected %q", got, c.want)
		}
	}
}

func TestReplayText(t *testing.T) {
	sc, err := workloads.LoadBuiltin("detach-race")
	if err != nil {
		t.Fatal(err)
	}
	r := exploreBuiltin(t, "detach-race", program.Setting{})
	schedule := r.Violations[0].Schedule
	for cut, want := range map[int]string{0: "LOCK-LEFT-HELD: ", 1: "the schedule ends after "} {
		short := schedule
		short.Tasks = short.Tasks[:len(short.Tasks)-cut]
		again, err := program.ReplayScenario(sc, program.Setting{}, short)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ReplayFormats() {
			var b strings.Builder
			if err := f.New(&b, Look{Full: true})(again); err != nil {
				t.Fatal(err)
			}
			if f.Name == "text" && !strings.Contains(b.String(), "\n"+want) {
				t.Errorf("no %q in\n%s", want, b.String())
			}
			if b.Len() == 0 {
				t.Errorf("%s prints nothing", f.Name)
			}
		}
	}
}

func TestExploreProgress(t *testing.T) {
	at := explore.Progress{Executions: 12345, Rate: 54321, Elapsed: 1500 * time.Millisecond, Bound: -1}
	begin := fmt.Sprintf("x: 1.5s, 12,345 executions, %s", rate(54321))
	for want, change := range map[string]func(*explore.Progress){
		"": func(*explore.Progress) {},
		", 2,000 open, about 5.2% done, ~1m2s left":    func(p *explore.Progress) { p.Open, p.Share, p.Left = 2000, 0.052, 62*time.Second },
		", 1 preemption, 3 open, about 52% of it done": func(p *explore.Progress) { p.Counted, p.Bound, p.Open, p.Share = "preemption", 1, 3, 0.52 },
		", 77 states, 4 open":                          func(p *explore.Progress) { p.States, p.Open = 77, 4 },
		", 2 delays":                                   func(p *explore.Progress) { p.Counted, p.Bound = "delay", 2 },
		", 4 open, less than 0.1% done":                func(p *explore.Progress) { p.Open, p.Share, p.Left = 4, 1e-6, 900*time.Hour },
		", ~30s left":                                  func(p *explore.Progress) { p.Left = 30 * time.Second },
	} {
		p := at
		change(&p)
		if got := ExploreProgress("x", p); got != begin+want {
			t.Errorf("%q, expected %q", got, begin+want)
		}
	}
}
