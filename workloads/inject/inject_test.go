package inject

import (
	"context"
	"strings"
	"testing"
	"time"

	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

func parse(t *testing.T, text string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func options(rules string) Options {
	return Options{Options: driver.Options{Rules: rules, Memory: 8 << 20}}
}

func run(t *testing.T, sc *workloads.Scenario, rules string) *Result {
	t.Helper()
	r, err := Run(context.Background(), sc, options(rules))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// builtIn are the litmus tests and the exhibits of the museum.
func builtIn(t *testing.T) (all []*workloads.Scenario) {
	var names []string
	for _, info := range workloads.Litmus() {
		names = append(names, info.Name)
	}
	for _, bug := range workloads.Bugs() {
		names = append(names, bug.Name)
	}
	for _, name := range names {
		loaded, err := workloads.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, loaded...)
	}
	return all
}

// TestBuiltIn: under the rules of each generation nothing is wrong after any failure in any litmus test and any exhibit of the museum.
func TestBuiltIn(t *testing.T) {
	generations := rules.Generations()
	if testing.Short() { // the others are the README's test command's
		generations = generations[:1]
	}
	for _, g := range generations {
		name, points := g.Name, 0
		for _, sc := range builtIn(t) {
			r := run(t, sc, name)
			points += r.Points
			for _, f := range r.Failures {
				if len(f.Wrong) > 0 {
					t.Errorf("%s, %s: %s fails in %s, gives %s: %s", name, sc.Name, f.Statement, f.In, f.Gives, strings.Join(f.Wrong, "; "))
				}
			}
			if !r.OK() || r.Done != r.Points {
				t.Errorf("%s, %s: %d of %d points, broken %q", name, sc.Name, r.Done, r.Points, r.Broken)
			}
		}
		if t.Logf("%s: %d points", name, points); points < 900 {
			t.Errorf("%s: no more than %d points", name, points)
		}
	}
}

// TestKernelFacts: nothing is wrong after any failure in the scenarios that restate the kernel's own tests.
func TestKernelFacts(t *testing.T) {
	if testing.Short() {
		t.Skip("there are some thousand points")
	}
	all, err := workloads.Load("../../testdata/kernel", nil)
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, sc := range all {
		ctx, cancel := context.WithCancel(context.Background())
		o := options("")
		o.Progress = func(_, all int) {
			if all > 300 {
				cancel() // they take as long as all others together
			}
		}
		r, err := Run(ctx, sc, o)
		if cancel(); err != nil {
			t.Fatal(err)
		}
		points += r.Done
		for _, f := range r.Failures {
			if len(f.Wrong) > 0 {
				t.Errorf("%s:%d: %s fails in %s, gives %s: %s", sc.Name, f.Line, f.Statement, f.In, f.Gives, strings.Join(f.Wrong, "; "))
			}
		}
	}
	if t.Logf("%d points", points); points < 2000 {
		t.Errorf("%d points", points)
	}
}

// TestMoveOfSeveral: where the second of several VMAs that are moved cannot be, it gives back no charge but its own, which is none here.
func TestMoveOfSeveral(t *testing.T) {
	r := run(t, parse(t, `init
    mmap A 8K rw private anon at 0x200000004000 fixed
    mmap 8K r private anon at A+8K fixed
    mremap A 16K to 16K at A+64K maymove fixed dontunmap
`), "")
	if !r.OK() {
		t.Errorf("%+v", r.Failures)
	}
}

// TestRulesAboutFailures: without a rule that is about failures, letting everything fail once shows it.
func TestRulesAboutFailures(t *testing.T) {
	for rule, text := range map[string]string{
		"uncharge-failed": "init\n    mmap A 8K rw private anon\n",
		"reattach":        "init\n    mmap A 16K rw private anon\n    munmap A+4K 4K\n",
		"undo-merge":      "init\n    mmap A 8K rw private anon\n    touch A write\n    mmap 4K rw private anon at A-8K fixed\n    mmap 4K rw private anon at A-4K fixed\n",
		"hook-last":       "file D memory 16K hooks\ninit\n    mmap A 8K rw shared file D\n",
	} {
		if r := run(t, parse(t, text), ""); !r.OK() {
			t.Errorf("%s: wrong though the rule is there: %+v", rule, r.Failures)
		}
		if r := run(t, parse(t, text), "linux-6.18,-"+rule); r.OK() || r.Wrong() == 0 {
			t.Errorf("%s: without it nothing is wrong", rule)
		}
	}
}

// TestLeft: what stays changed is told.
func TestLeft(t *testing.T) {
	r := run(t, parse(t, `# Traces.
mm child
file D memory 32K hooks
init
    mmap A 16K rw private anon
    touch A 16K write
thread t
    mprotect A+4K 4K r
    madvise A+8K 8K guard_install
    mremap A 4K to 4K at A+12K fixed maymove
    mmap 4K rw shared file D at A+12K fixed
    mlock A+8K 8K
    fork child
finally
    munmap A+8K 8K
`), "")
	if !r.OK() {
		t.Fatalf("%+v", r)
	}
	for statement, want := range map[string]string{
		"mprotect A+4K 4K r":                       "cut at A+4K",
		"mremap A 4K to 4K at A+12K maymove fixed": "A+12K to A+16K is not mapped",
		"mmap 4K rw shared file D at A+12K fixed":  "A+12K to A+16K is not mapped",
		"fork child":        "",
		"touch A 16K write": "A to A+16K has an anon_vma",
	} {
		found := false
		for _, f := range r.Failures {
			found = found || f.Statement == statement && (strings.Contains(strings.Join(f.Left, "; "), want) || want == "" && f.Left == nil)
		}
		if !found {
			t.Errorf("%s: nothing leaves %q: %+v", statement, want, r.Failures)
		}
	}
	fails := map[task.Choice]bool{}
	for _, f := range r.Failures {
		if fails[f.Fails] = true; f.In == "" || f.Times == 0 || f.Gives == "" || f.Line == 0 {
			t.Errorf("%+v: something is not said", f)
		}
	}
	for _, c := range failing {
		if !fails[c] {
			t.Errorf("no %s", c)
		}
	}
}

// TestWithoutFailure: what is wrong or unexpected though nothing fails is told, too.
func TestWithoutFailure(t *testing.T) {
	r := run(t, parse(t, "init\n    mmap A 8K rw private anon\n    mprotect A 4K r => ENOMEM\n"), "")
	if !r.OK() || len(r.Unexpected) != 1 || !strings.Contains(r.Unexpected[0], "got ok, expected ENOMEM") {
		t.Errorf("unexpected: %q", r.Unexpected)
	}
	sc, err := workloads.Load("move-charge", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, sc[0], ""); len(r.Broken) == 0 || r.OK() {
		t.Errorf("nothing is wrong without the rule: %+v", r)
	}
}

// TestInterrupted: what was found before an interrupt is there.
func TestInterrupted(t *testing.T) {
	sc := parse(t, "init\n    mmap A 1M rw private anon\n    touch A 1M write\n")
	ctx, cancel := context.WithCancel(context.Background())
	o := options("")
	o.Progress = func(done, all int) {
		if done == 5 {
			cancel()
		}
	}
	r, err := Run(ctx, sc, o)
	if err != nil || !r.Interrupted || r.Done != 5 || len(r.Failures) == 0 || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
	cancel()
	if r, err := Run(ctx, sc, options("")); err != nil || !r.Interrupted || r.Done != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestStuck: a performance that does not end is given up, and told.
func TestStuck(t *testing.T) {
	o := options("")
	o.patience = time.Nanosecond
	r, err := Run(context.Background(), parse(t, "init\n    mmap A 64M rw private anon\n    repeat 2000\n        touch A write\n        madvise A 4K dontneed\n"), o)
	if err != nil || !r.Stuck || r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
	f := &failure{turn: 1, k: 2}
	if got := f.stuck().Wrong[0]; !strings.Contains(got, "point 3 of its statement 2") {
		t.Errorf("%q", got)
	}
}

// TestBadScenario: a scenario that cannot be run is refused.
func TestBadScenario(t *testing.T) {
	if _, err := Run(context.Background(), parse(t, "rules linux-9\ninit\n    yield\n"), Options{}); err == nil {
		t.Error("rules that do not exist are taken")
	}
}
