package program

import (
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// isSound checks that what is left of a litmus scenario fails for the reason for which the whole one does: it is verified
// under the rules that verify that.
func isSound(t *testing.T, sc *workloads.Scenario, v *Violation) {
	t.Helper()
	cuts, err := parseCuts(v.Schedule.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	for _, verdict := range sc.Verdicts {
		if !verdict.Verified() {
			continue
		}
		p, err := newReduced(sc, cuts, Setting{Rules: verdict.Rules})
		if err != nil {
			t.Fatal(err)
		}
		r := searched(t, p, explore.Options{Watch: p.Watch, Choices: p.choices()})
		if !r.Complete || len(r.Violations) > 0 {
			t.Errorf("%s without %q: not verified under %s: %v", sc.Name, v.Trace.Dropped, verdict.Rules, r.Violations)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestShrinkKeepsTheRace: a reduced program fails as the whole one does, not because it lacks what it needs.
func TestShrinkKeepsTheRace(t *testing.T) {
	for name, c := range map[string]struct {
		source, seen string
		dropped      []string
	}{
		"classroom": {`
init
    mmap A 4K rw private anon
thread w
    store A 3
    load A => 3
thread r
    store A 5
`, "load A: got 5, expected 3", nil},
		"mprotect": {`
init
    mmap A 16K none private anon
thread w
    mprotect A rw
    touch A write
    munmap A
thread r
    mprotect A r => ok | ENOMEM
    mprotect A rw => ok | ENOMEM
`, "touch A write: got SEGV_ACCERR, expected ok", []string{"w.3 munmap A", "r.2 mprotect A rw"}},
	} {
		r := exploreSource(t, c.source, Options{})
		if len(r.Violations) != 1 {
			t.Fatalf("%s: found %v", name, r.Broken())
		}
		v := r.Violations[0]
		if v.Shrunk == nil || v.Shrunk.To.Tasks != 2 || v.Shrunk.To.Switches != 2 || !strings.HasSuffix(v.Message(), c.seen) {
			t.Errorf("%s: %s after %v", name, v.Message(), v.Shrunk)
		}
		if strings.Join(v.Trace.Dropped, "; ") != strings.Join(c.dropped, "; ") {
			t.Errorf("%s: without %q", name, v.Trace.Dropped)
		}
	}
}

// TestSoundRules: a smaller scenario is held against the rules for which the whole is stated to be verified, and against the
// default ones if a search of the whole finds nothing.
func TestSoundRules(t *testing.T) {
	const stated = "verdict linux-6.18 verified\nverdict refcount-v6 violation lock-left-held\nverdict linux-6.18,-settle-before-put verified\n"
	for _, c := range []struct {
		source, rules string
		want          []string
	}{
		{detachRace, "refcount-v6", []string{"linux-6.18"}},
		{detachRace, "linux-6.18", nil},
		{detachRace + stated, "refcount-v6", []string{"linux-6.18", "linux-6.18,-settle-before-put"}},
		{detachRace + stated, "linux-6.18", []string{"linux-6.18,-settle-before-put"}},
		{strings.Replace(detachRace, "munmap A", "munmap A => EINVAL", 1), "refcount-v6", nil}, // fails under the default rules, too
	} {
		p := newProgram(t, c.source, Setting{Rules: c.rules})
		if got := p.soundRules(t.Context()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, expected %q", c.rules, got, c.want)
		}
		n := 0
		for q := range p.Sound(t.Context()) {
			if got := q.(*Program).Rules(); got != c.want[n] {
				t.Errorf("%s: a program under %s, expected %s", c.rules, got, c.want[n])
			}
			n++
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		}
		if n != len(c.want) {
			t.Errorf("%s: %d programs", c.rules, n)
		}
	}
}

// TestForkParentKeepsItsTasks: the first bug of per-VMA locks takes a writer, a fork and a copy.
func TestForkParentKeepsItsTasks(t *testing.T) {
	sc, err := workloads.LoadBuiltin("fork-parent")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Explore(t.Context(), sc, Options{Options: explore.Options{Strategy: explore.POS, Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Violations) == 0 {
		t.Fatal("the random search has missed it")
	}
	if v := r.Violations[0]; v.Shrunk == nil || v.Shrunk.To.Tasks != 3 || v.Shrunk.To.Switches < 3 {
		t.Errorf("%s: %v without %q", v.Message(), v.Shrunk, v.Trace.Dropped)
	}
}
