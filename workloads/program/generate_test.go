package program

import (
	"context"
	"strings"
	"testing"
	"time"
)

// hunted draws programs and explores them.
func hunted(t *testing.T, ctx context.Context, o GenerateOptions) *Generated {
	t.Helper()
	h, err := NewHunt(o)
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.Run(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func generateOptions(with, against string, programs int) GenerateOptions {
	o := GenerateOptions{Against: against, Programs: programs}
	o.Rules = with
	return o
}

// TestGenerate: a rule taken away is found to be missed, and put back it is found to be there. The same program is found with any number
// of workers, and what is written shows what is said of it.
func TestGenerate(t *testing.T) {
	for _, c := range []struct {
		with, against string
		change        Change
	}{
		{"linux-6.18,-detach-waits", "linux-6.18", ChangeNew},
		{"linux-6.18", "linux-6.18,-lock-grown", ChangeGone},
	} {
		o := generateOptions(c.with, c.against, 100)
		g := hunted(t, t.Context(), o)
		d := g.Difference
		if d == nil || d.Change != c.change || g.Worse() != (c.change == ChangeNew) || g.Counts[c.change] != 1 || g.Done < d.Program || g.Both > 0 {
			t.Errorf("%s against %s: %+v", c.with, c.against, g)
			continue
		}
		o.Workers = 3
		if other := hunted(t, t.Context(), o).Difference; other == nil || other.Text != d.Text {
			t.Errorf("%s against %s: not the same with more workers: %+v", c.with, c.against, other)
		}
		wrong, right := exploreSource(t, d.Text, Options{Setting: Setting{Rules: c.with}}), exploreSource(t, d.Text, Options{Setting: Setting{Rules: c.against}})
		if c.change == ChangeGone {
			wrong, right = right, wrong
		}
		if wrong.Verdict() != Violated || !wrong.OK() || wrong.Stated == nil || right.Verdict() != Verified || right.Stated == nil {
			t.Errorf("%s against %s: %s and %s:\n%s", c.with, c.against, wrong.Verdict(), right.Verdict(), d.Text)
		}
	}
}

// TestGenerateOutcomes: where nothing is violated, outcomes that only one side has are a difference, for nothing the worse.
func TestGenerateOutcomes(t *testing.T) {
	const programs = 150
	g := hunted(t, t.Context(), generateOptions("linux-6.18,+undo-split", "linux-6.18", programs))
	d := g.Difference // a call that fails at its second split
	if d == nil || d.Change != ChangeOther || d.Worse || g.Worse() || g.Done != programs || g.Differing < g.Counts[ChangeOther] {
		t.Fatalf("%+v, %+v", g, d)
	}
	pair, err := Compare(t.Context(), parse(t, d.Text), Options{Setting: Setting{Rules: "linux-6.18,+undo-split"}}, "linux-6.18")
	if err != nil || pair.Change != ChangeOther || len(pair.Outcomes.With)+len(pair.Outcomes.Against) == 0 {
		t.Errorf("what was written: %+v, %v\n%s", pair, err, d.Text)
	}
}

// TestGenerateFindsNothing: programs that do not differ say so, and are counted with what they came to.
func TestGenerateFindsNothing(t *testing.T) {
	g := hunted(t, t.Context(), generateOptions("linux-6.18,-one-step-write-lock", "linux-6.18", 20))
	if g.Difference != nil || g.Worse() || g.Done != 20 || g.Counts[ChangeNone]+g.Counts[ChangeOpen] != 20 || g.Reached["wait-write"] == 0 || g.Executions < 20*2*50 {
		t.Errorf("%+v", g)
	}
	for _, name := range g.NeverReached() {
		if g.Reached[name] != 0 {
			t.Errorf("%s is reached, and is not", name)
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if g := hunted(t, done, generateOptions("linux-6.18,-one-step-write-lock", "linux-6.18", 20)); !g.Interrupted || g.Done != 0 {
		t.Errorf("interrupted: %+v", g)
	}
	o := generateOptions("linux-6.18,-one-step-write-lock", "linux-6.18", 1_000_000)
	o.Time = 50 * time.Millisecond
	if g := hunted(t, t.Context(), o); !g.TimedOut || g.Interrupted || g.Elapsed > 10*time.Second {
		t.Errorf("out of time: %+v", g)
	}
}

func TestNewHuntRefuses(t *testing.T) {
	for want, o := range map[string]GenerateOptions{
		"unknown rule":   generateOptions("linux-6.18,-detach-wait", "linux-6.18", 1),
		"unknown oracle": {Against: "linux-6.18", Options: Options{Setting: Setting{Rules: "refcount-v6", Without: []string{"leek"}}}},
	} {
		if _, err := NewHunt(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}

// TestGenerateDropsDeclarations: what a smaller program can do without is not declared any more, and what it needs still is.
func TestGenerateDropsDeclarations(t *testing.T) {
	h, err := NewHunt(generateOptions("linux-6.18,-lock-grown", "linux-6.18", 1))
	if err != nil {
		t.Fatal(err)
	}
	sc := parse(t, "mm child\nfile F memory 4K\nfile G memory 4K\nlimit vma_refs 2\nmay alloc-fails\ninit\n    mmap A 8K rw private file F\n"+
		"thread mover\n    mmap 4K rw private file F +8K at A+8K fixed\n    mremap A 8K to 8K at A+16M fixed maymove => any\n")
	less, err := h.trial(t.Context(), 1).undeclared(sc, "linux-6.18,-keep-charge", "commit-charge")
	if err != nil {
		t.Fatal(err)
	}
	if text := less.String(); !strings.HasPrefix(text, "file F memory 4K\n\ninit\n") {
		t.Errorf("left:\n%s", text)
	}
}
