package program

import (
	"context"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

func TestQuestions(t *testing.T) {
	r := exploreSource(t, detachRace+`
exists reader.1 = ok
exists reader.1 = EAGAIN and writer.1 = ok
exists writer.1 = ENOMEM
never use-after-free
`, Options{})
	var got []string
	for _, o := range r.Observations {
		got = append(got, o.Answer())
	}
	if want := []string{"Sometimes", "Sometimes", "Never", "Never"}; !slices.Equal(got, want) {
		t.Errorf("answers %v, expected %v", got, want)
	}
	if !slices.Equal(r.Unmet, []string{"exists writer.1 = ENOMEM"}) || r.Verdict() != Violated || r.OK() {
		t.Errorf("unmet %q, verdict %s", r.Unmet, r.Verdict())
	}
	if o := r.Observations[0]; o.Positive == 0 || o.Negative == 0 || o.Positive+o.Negative != r.Search.Executions-r.Search.Redundant {
		t.Errorf("%+v of %d executions", o, r.Search.Executions)
	}
}

// TestQuestionsOfTheUnknown: where an oracle spoke that is switched off, an execution answers no question.
func TestQuestionsOfTheUnknown(t *testing.T) {
	sc, err := workloads.LoadBuiltin("reader-overflow")
	if err != nil {
		t.Fatal(err)
	}
	setting := Setting{Rules: "linux-6.18,-reader-limit", Without: []string{"refcount-overflow"}}
	r, err := Explore(t.Context(), sc, Options{Setting: setting})
	if err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for _, o := range r.Outcomes {
		if o.Text == unknownOutcome {
			unknown = o.Executions
		}
	}
	for _, o := range r.Observations {
		if strings.HasPrefix(o.Question, "exists") && (unknown == 0 || o.Positive+o.Negative != r.Search.Executions-r.Search.Redundant-unknown) {
			t.Errorf("%+v of %d executions, %d of them unknown", o, r.Search.Executions, unknown)
		}
	}
}

func TestAlways(t *testing.T) {
	r := exploreSource(t, detachRace+"always reader.1 = ok\n", Options{})
	if r.Verdict() != Violated || !slices.Equal(r.Broken(), []string{"always"}) {
		t.Fatalf("%s %v", r.Verdict(), r.Broken())
	}
	if m := r.Violations[0].Message(); !strings.Contains(m, "reader.1=EAGAIN") {
		t.Error(m)
	}
	if r := exploreSource(t, detachRace+"always writer.1 = ok\n", Options{}); r.Verdict() != Verified || r.Observations[0].Answer() != "Always" {
		t.Errorf("%s %+v", r.Verdict(), r.Observations)
	}
}

// TestStatedVerdicts: a search goes on until it finds what is stated, and says whether it did.
func TestStatedVerdicts(t *testing.T) {
	src := detachRace + "verdict refcount-v6 violation lock-left-held\nverdict linux-6.18 verified\nverdict linux-6.18,-detach-waits verified\n"
	for rules, ok := range map[string]bool{"refcount-v6": true, "linux-6.18": true, "linux-6.18,-detach-waits": false} {
		r := exploreSource(t, src, Options{Setting: Setting{Rules: rules}})
		if r.Stated == nil || r.OK() != ok {
			t.Errorf("%s: stated %v, verdict %s %v", rules, r.Stated, r.Verdict(), r.Broken())
		}
		if rules == "refcount-v6" && (len(r.Violations) != 1 || r.Violations[0].Oracle() != "lock-left-held") {
			t.Errorf("%s: shows %v", rules, r.Violations)
		}
	}
	if r := exploreSource(t, src, Options{Setting: Setting{Rules: "linux-6.18,+hole-first"}}); r.Stated != nil || !r.OK() {
		t.Errorf("nothing is stated: %v", r.Stated)
	}
}

func TestNotFoundIsNotVerified(t *testing.T) {
	r := exploreSource(t, detachRace+"verdict linux-6.18 verified\n", Options{Options: explore.Options{Executions: 3}})
	if r.Verdict() != NotFound || r.Search.Complete || !r.OK() {
		t.Errorf("%s, complete %v", r.Verdict(), r.Search.Complete)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Explore(ctx, parse(t, detachRace), Options{})
	if err != nil || !r.Interrupted || r.Verdict() != NotFound {
		t.Errorf("%+v %v", r, err)
	}
}

func TestNeverReached(t *testing.T) {
	r := exploreSource(t, "init\n\tmmap A 4K rw private anon\nthread a\n\ttouch A write => ok | SEGV\n", Options{})
	if want := []string{"vma_lock_abort", "vma_lock_miss", "a.1 = SEGV"}; !slices.Equal(slices.DeleteFunc(r.NeverReached, func(s string) bool { return s == "vma_lock_retry" }), want) {
		t.Errorf("never reached %q, expected %q", r.NeverReached, want)
	}
}

// TestWithout: an oracle that is switched off lets the search go on to what it hides.
func TestWithout(t *testing.T) {
	src := "init\n\tmmap A 4K rw private anon\nthread faulter\n\ttouch A write => ok | SEGV_MAPERR\nthread writer\n\tmunmap A\n"
	s := Setting{Rules: "linux-6.18,-retry-under-trylock"}
	if r := exploreSource(t, src, Options{Setting: s}); slices.Contains(r.Broken(), "deadlock") || r.Verdict() != Violated {
		t.Errorf("first found: %v", r.Broken())
	}
	s.Without = []string{"lock-order", "blocking-under-vma-lock"}
	r := exploreSource(t, src, Options{Setting: s})
	if !slices.Equal(r.Broken(), []string{"deadlock"}) {
		t.Fatalf("found %v", r.Broken())
	}
	if why := r.Violations[0].Trace.Blocked[0].Why; len(why) != 1 || !strings.HasPrefix(why[0], "writer holds mm.mmap_lock (write)") {
		t.Errorf("why: %q", why)
	}
	if cmd := r.ReplayCommand(&r.Violations[0].Schedule); !strings.HasPrefix(cmd, "vmasim replay --rules linux-6.18,-retry-under-trylock --without lock-order,blocking-under-vma-lock x.vma 'v2:") {
		t.Error(cmd)
	}
}

// TestReached: each way of joining VMAs, and what else is worth knowing of a search, is told by name; a scenario about merging in which
// nothing merges says so.
func TestReached(t *testing.T) {
	const area = "init\n\tmmap A 16K rw private anon\n\t"
	for _, c := range []struct{ name, source, reached, missed string }{
		{"a new range on the left", area + "munmap A+4K 12K\nthread a\n\tmmap 4K rw private anon at A+4K fixed\n", "merge-new-left", ""},
		{"on the right", area + "munmap A 12K\nthread a\n\tmmap 4K rw private anon at A+8K fixed\n", "merge-new-right", ""},
		{"on both sides", area + "munmap A+4K 4K\nthread a\n\tmmap 4K rw private anon at A+4K fixed\n", "merge-new-both", ""},
		{"a part to the left", area + "mprotect A 4K r\nthread a\n\tmprotect A+4K 4K r\n", "merge-part-left", ""},
		{"a part to the right", area + "mprotect A+12K 4K r\nthread a\n\tmprotect A+8K 4K r\n", "merge-part-right", ""},
		{"all to the left", area + "mprotect A+4K 12K r\nthread a\n\tmprotect A+4K 12K rw\n", "merge-whole-left", ""},
		{"all to the right", area + "mprotect A 8K r\nthread a\n\tmprotect A 8K rw\n", "merge-whole-right", ""},
		{"all to both", area + "mprotect A+4K 4K r\nthread a\n\tmprotect A+4K 4K rw\n", "merge-whole-both", ""},
		{"moved back", area + "mremap A+8K 8K to 8K at A+1M maymove fixed\nthread a\n\tmremap A+1M 8K to 8K at A+8K maymove fixed\n", "merge-moved-left", ""},
		{"nothing merges", area + "mprotect A 4K r\nthread a\n\tmprotect A 4K rwx\n", "", "merge"},
		{"cut in three", area + "touch A write\nthread a\n\tmprotect A+4K 4K r\n", "split-below split-above", ""},
		{"a downgrade", area + "touch A write\nthread a\n\tmunmap A\n", "downgrade", ""},
		{"none", "rules linux-6.18,-munmap-downgrade\n" + area + "touch A write\nthread a\n\tmunmap A\n", "", "downgrade"},
		{"attached again", "may alloc-fails\n" + area + "touch A write\nthread a\n\tmunmap A => ok | ENOMEM\n", "downgrade rollback-reattach", ""},
		{"a hole left", "may alloc-fails\n" + area + "touch A write\nthread a\n\tmmap 16K r private anon at A fixed => ok | ENOMEM\n", "rollback-hole", ""},
		{"nothing to take back", "may alloc-fails\n" + area + "munmap A\nthread a\n\tmmap 16K r private anon at A fixed => ok | ENOMEM\n", "", "rollback"},
		{"a writer waits", area + "touch A write\nthread a\n\tmprotect A r\nthread b\n\tlock A => ok | EAGAIN\n", "wait-readers", ""},
		{"nobody waits", area + "touch A write\nthread a\n\tmprotect A 4K r\nthread b\n\tlock A+16K => EAGAIN\n", "split-above", "wait-readers"},
		{"writers wait", area + "touch A write\nthread a\n\tmunmap A\nthread b\n\tmunmap A\n", "downgrade wait-write", "wait-readers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := exploreSource(t, c.source, Options{})
			if r.Verdict() != Verified {
				t.Fatalf("%s %v", r.Verdict(), r.Broken())
			}
			missed := slices.DeleteFunc(r.NeverReached, func(s string) bool { return strings.HasPrefix(s, "vma_lock_") })
			if got := strings.Join(r.Reached, " "); got != c.reached || strings.Join(missed, " ") != c.missed {
				t.Errorf("reached %q, never %q; expected %q, never %q", got, missed, c.reached, c.missed)
			}
		})
	}
}
