package compare

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

func loaded(tb testing.TB, name string) *workloads.Scenario {
	tb.Helper()
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		tb.Fatal(err)
	}
	return sc
}

// broken returns the first run found that breaks a scenario under its rules.
func broken(tb testing.TB, sc *workloads.Scenario, spec string) (explore.Schedule, bool) {
	tb.Helper()
	r, err := program.Explore(tb.Context(), sc, program.Options{Setting: program.Setting{Rules: spec}, Options: explore.Options{Time: 5 * time.Second}})
	if err != nil {
		tb.Fatal(err)
	}
	if len(r.Violations) == 0 {
		return explore.Schedule{}, false
	}
	return r.Violations[0].Found.Schedule, true
}

// checkRows: every step of each side stands in one row, in order, and what stands beside each other is the same task's.
func checkRows(tb testing.TB, p *trace.Pair) {
	tb.Helper()
	a, b := 0, 0
	for _, r := range p.Rows {
		if r.With > 0 {
			if a++; r.With != a {
				tb.Fatalf("step %d of the run stands where %d should", r.With, a)
			}
		}
		if r.Against > 0 {
			if b++; r.Against != b {
				tb.Fatalf("step %d of the other side stands where %d should", r.Against, b)
			}
		}
		of := max(r.With, r.Late)
		if of > 0 && r.Against > 0 {
			s, o := p.With.Steps[of-1], p.Against.Steps[r.Against-1]
			if s.Task != o.Task || s.Statement != o.Statement {
				tb.Errorf("%s %s stands beside %s %s", s.Task, s.Statement, o.Task, o.Statement)
			}
		}
	}
	if a != len(p.With.Steps) || b != len(p.Against.Steps) {
		tb.Fatalf("%d of %d and %d of %d steps stand in rows", a, len(p.With.Steps), b, len(p.Against.Steps))
	}
	for _, q := range p.Partings {
		if q.Row > len(p.Rows) || q.Text == "" {
			tb.Errorf("%+v", q)
		}
	}
}

// under compares the run that breaks a scenario under its own rules with others.
func under(tb testing.TB, name, against string) *trace.Pair {
	tb.Helper()
	sc := loaded(tb, name)
	schedule, ok := broken(tb, sc, "")
	if !ok {
		tb.Fatalf("%s is not broken under its rules", name)
	}
	calls := 0
	p, err := Under(sc, program.Setting{}, schedule, against, func() { calls++ })
	if err != nil {
		tb.Fatal(err)
	}
	if calls == 0 {
		tb.Error("nothing was called between runs")
	}
	checkRows(tb, p)
	return p
}

// TestDetachRace: the race of version 6 under what was merged: munmap waits for the reader, and nothing is left held.
func TestDetachRace(t *testing.T) {
	p := under(t, "detach-race", "linux-6.18")
	if len(p.Partings) != 2 {
		t.Fatalf("%+v", p.Partings)
	}
	wait, end := p.Partings[0], p.Partings[1]
	if !strings.HasPrefix(wait.Text, "behind step 33: writer waits in vma_mark_detached under linux-6.18 (reader holds vma#1 (reference), taken in vma_start_read)") ||
		!strings.HasPrefix(wait.Because, "because of rule detach-waits, which linux-6.18 has and refcount-v6 has not: vma_mark_detached waits for readers") ||
		wait.Rules != "linux-6.18,-detach-waits" {
		t.Errorf("%+v", wait)
	}
	if !strings.HasPrefix(end.Text, "step 34: under refcount-v6 the run breaks lock-left-held: ") || end.Rules != "linux-6.18,-detach-waits,-settle-before-put" {
		t.Errorf("%+v", end)
	}
	if !strings.HasPrefix(p.Ends[0], "breaks lock-left-held") || !strings.HasPrefix(p.Ends[1], "finishes: reader.1=EAGAIN; writer.1=ok") {
		t.Errorf("%q", p.Ends)
	}
}

// TestRuleIsFound: where a scenario has one rule taken away, that one is found to be what each parting comes of.
func TestRuleIsFound(t *testing.T) {
	for _, c := range []struct{ name, rule, text string }{
		{"flag-and-count", "one-step-read-lock", "reader waits in lock_mm_and_find_vma under linux-6.18"},
		{"put-to-zero", "detach-waits", "writer waits in vma_mark_detached"},
		{"fork-link", "link-when-made", "forker goes on with write vma#2.vm_flags in dup_mmap under"},
		{"announce-late", "announce-before-look", "the run ends in a lost wake-up"},
		{"merge-undo", "undo-merge", "the run breaks call-residue"}, // an allocation fails in it
	} {
		p := under(t, c.name, "linux-6.18")
		if len(p.Partings) == 0 || !strings.Contains(p.Partings[0].Text, c.text) {
			t.Errorf("%s: %+v", c.name, p.Partings)
		}
		for _, q := range p.Partings {
			if !strings.HasPrefix(q.Because, "because of rule "+c.rule+", which ") || q.Rules != "linux-6.18,-"+c.rule {
				t.Errorf("%s: %s: %s", c.name, q.Text, q.Because)
			}
		}
	}
}

// TestRulesAreEnough: under the rules that a parting is said to come of, it does not happen; under those of the other side it does.
func TestRulesAreEnough(t *testing.T) {
	sc := loaded(t, "guard-split")
	schedule, _ := broken(t, sc, "")
	p, err := Under(sc, program.Setting{}, schedule, "linux-6.18", nil)
	if err != nil || len(p.Partings) == 0 {
		t.Fatalf("%+v %v", p, err)
	}
	first := p.Partings[0]
	again, err := Under(sc, program.Setting{}, schedule, first.Rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	side := func(text string) string { return strings.ReplaceAll(text, again.Names[1], p.Names[1]) }
	if slices.ContainsFunc(again.Partings, func(q trace.Parting) bool { return side(q.Text) == first.Text }) {
		t.Errorf("under %s, too: %s", first.Rules, first.Text)
	}
}

// TestOtherLock: what comes of the lock itself is not blamed on a rule.
func TestOtherLock(t *testing.T) {
	p := under(t, "last-put", "linux-6.18")
	if len(p.Partings) == 0 {
		t.Fatal("they go the same way")
	}
	for _, q := range p.Partings {
		if q.Rules != "" || !strings.Contains(q.Because, "it comes of no rule") || !strings.Contains(q.Because, "a count whose last put frees the VMA under free-at-zero") {
			t.Errorf("%+v", q)
		}
	}
}

// TestLater: what a task could not do in its turn it does when it can, and the row says which step that is.
func TestLater(t *testing.T) {
	p := under(t, "flag-and-count", "linux-6.18")
	if !slices.ContainsFunc(p.Rows, func(r trace.Row) bool { return r.Late > 0 && p.Against.Steps[r.Against-1].Func == "do_user_addr_fault" }) {
		t.Error("nothing is done later")
	}
}

// TestUnfinished: a run that stands somewhere is followed to there, and no farther.
func TestUnfinished(t *testing.T) {
	sc := loaded(t, "detach-race")
	schedule, _ := broken(t, sc, "")
	p, err := Under(sc, program.Setting{}, schedule.UpTo(20), "linux-6.18", nil)
	if err != nil {
		t.Fatal(err)
	}
	checkRows(t, p)
	if len(p.Partings) > 0 || len(p.Against.Next) != 2 || p.Ends != [2]string{"stands behind step 20", "stands behind step 18"} {
		t.Errorf("%+v %q", p.Partings, p.Ends)
	}
}

// TestSameRules: there is nothing to compare.
func TestSameRules(t *testing.T) {
	sc := loaded(t, "detach-race")
	schedule, _ := broken(t, sc, "")
	for against, want := range map[string]string{"refcount-v6": "both sides have the rules refcount-v6", "linux-9": `"linux-9"`} {
		if _, err := Under(sc, program.Setting{}, schedule, against, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", against, err)
		}
	}
	if _, err := Under(sc, program.Setting{Rules: "linux-6.18"}, schedule, "refcount-v6", nil); err == nil {
		t.Error("a schedule of other rules is followed")
	}
}

func TestRuns(t *testing.T) {
	sc := loaded(t, "detach-race")
	first, _ := broken(t, sc, "")
	second := first.UpTo(8)
	for range 12 {
		second.Tasks = append(second.Tasks, first.Tasks[0])
	}
	p, err := Runs(sc, program.Setting{}, first, second.UpTo(12))
	if err != nil {
		t.Fatal(err)
	}
	checkRows(t, p)
	if len(p.Partings) != 1 || p.Partings[0].Row != 8 || p.Partings[0].Because != "" ||
		!strings.HasPrefix(p.Partings[0].Text, "step 9: in the first run comes writer with down_write mm.mmap_lock") {
		t.Errorf("%+v", p.Partings)
	}
	p, err = Runs(sc, program.Setting{}, first, first)
	if err != nil || len(p.Partings) > 0 {
		t.Errorf("a run beside itself: %+v %v", p.Partings, err)
	}
	p, err = Runs(sc, program.Setting{}, first.UpTo(8), first)
	if err != nil || len(p.Partings) != 1 || !strings.Contains(p.Partings[0].Text, "the first run stands behind step 8; in the second run comes writer") {
		t.Errorf("%+v %v", p.Partings, err)
	}
	second.Tasks = append(second.Tasks, 7)
	if _, err := Runs(sc, program.Setting{}, first, second); err == nil || !strings.HasPrefix(err.Error(), "the second run: the schedule does not fit: at step") {
		t.Errorf("%v", err)
	}
	if _, err := Runs(sc, program.Setting{}, second, first); err == nil || !strings.HasPrefix(err.Error(), "the first run: ") {
		t.Errorf("%v", err)
	}
}

// TestStateAt: behind the wait of munmap the count differs by the writer's flag, and what only one side has come to has no value on the other.
func TestStateAt(t *testing.T) {
	p := under(t, "detach-race", "linux-6.18")
	s := StateAt(p, p.Partings[0].Row)
	of := func(name string) *Cell {
		i := slices.IndexFunc(s.Cells, func(c Cell) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("no %s in %+v", name, s.Cells)
		}
		return &s.Cells[i]
	}
	if s.Steps != [2]int{33, 35} {
		t.Errorf("at %v", s.Steps)
	}
	if c := of("vma#1.vm_refcnt"); c.With != "1" || c.Against != "0x40000001" || !c.Differs {
		t.Errorf("%+v", c)
	}
	if c := of("vma#1.vm_lock_seq"); c.With != "3" || c.Differs {
		t.Errorf("%+v", c)
	}
	if c := of("mm.vma_writer_wait"); c.With != "" || c.Against == "" {
		t.Errorf("%+v", c)
	}
	if s := StateAt(p, 0); len(s.Cells) > 0 || s.Steps != [2]int{} || len(s.Spaces[0][0].Lines) != 1 {
		t.Errorf("before the first step: %+v", s)
	}
	if s := StateAt(p, 999); len(s.Spaces[0][0].Areas) != 1 || len(s.Spaces[1][0].Areas) != 0 {
		t.Errorf("at the end: %+v", s.Spaces)
	}
}
