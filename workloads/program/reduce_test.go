package program

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// superfluous is the detach race among statements, rounds and tasks that it does not need.
const superfluous = `
init
	mmap A 4K rw private anon
	mmap B 8K rw shared anon
thread other
	madvise B 4K dontneed
	yield
thread reader * 2
	load B => any
	repeat 2
		lock A => any
thread writer
	mprotect B 4K r
	munmap A
	madvise B 4K dontneed
finally
	touch B+4K read
`

// TestShrinkDropsWhatIsNotNeeded: what is left of the scenario is the race, and the schedule alone brings it back.
func TestShrinkDropsWhatIsNotNeeded(t *testing.T) {
	s := Setting{Rules: "refcount-v6", Without: []string{"use-after-unlock", "lock-rule"}}
	r := exploreSource(t, superfluous, Options{Setting: s, Options: explore.Options{Strategy: explore.Random}})
	if len(r.Violations) == 0 {
		t.Fatalf("found %v", r.Broken())
	}
	v := r.Violations[0]
	want := []string{"thread other", "reader.1 load B", "all rounds but one around reader.2", "all tasks but 1 of thread reader",
		"writer.1 mprotect B 4K r", "writer.3 madvise B 4K dontneed", "finally", "init.2 mmap B 8K rw shared anon"}
	if !slices.Equal(v.Trace.Dropped, want) {
		t.Errorf("without %q", v.Trace.Dropped)
	}
	if to := v.Shrunk.To; v.Shrunk.From.Tasks != 4 || v.Shrunk.From.Statements != 9 || to.Tasks != 2 || to.Statements != 2 || to.Switches > 4 {
		t.Errorf("%s becomes %s", v.Shrunk.From, v.Shrunk.To)
	}
	schedule, err := explore.ParseSchedule(v.Schedule.String())
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReplayScenario(parse(t, superfluous), s, schedule)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Dropped, v.Trace.Dropped) || len(again.Trace.Steps) != v.Shrunk.To.Steps ||
		len(again.Trace.Violated) == 0 || again.Trace.Violated[0] != v.Violations[0] {
		t.Errorf("replayed without %q: %v after %d steps", again.Dropped, again.Trace.Violated, len(again.Trace.Steps))
	}
}

// TestReduced checks what is left of a scenario, and that it is all said.
func TestReduced(t *testing.T) {
	const all = `
mm child
file f temp 8K
init
	mmap A 8K rw private anon
	fork child
thread a * 3
	barrier here
	choose
		touch A read
		2: touch A write
		repeat 2
			load A+4K
			store A+4K 1
thread b in child
	mmap B 4K r shared file f
	barrier here
	in main
		touch B read => any
	barrier there
thread c
	barrier there
	munmap A
always c.2 = ok
exists b.3 = SEGV
`
	for cuts, want := range map[string]string{
		",-c": `a*3: barrier here; choose; touch A read; 2: touch A write; repeat 2; load A+4K; store A+4K 1
b*1: mmap B 4K r shared file f; barrier here; in main; touch B read
cuts -b.4 -c; exists b.3 = SEGV`,
		",-b,-c.2,a*2": `a*2: barrier here; choose; touch A read; 2: touch A write; repeat 2; load A+4K; store A+4K 1
cuts a*2 -b -c; `,
		",a*1,-b,-a.2,-a.3": `a*1: choose; repeat 2; load A+4K; store A+4K 1
c*1: munmap A
cuts -a.1 -a.2 -a.3 a*1 -b -c.1; always c.2 = ok`,
		",a.5*1,-a.4": `a*3: barrier here; choose; touch A read; 2: touch A write; repeat 1; store A+4K 1
b*1: mmap B 4K r shared file f; barrier here; in main; touch B read; barrier there
c*1: barrier there; munmap A
cuts -a.4 a.5*1; always c.2 = ok; exists b.3 = SEGV`,
		",-init.2": `a*3: barrier here; choose; touch A read; 2: touch A write; repeat 2; load A+4K; store A+4K 1
b*1: mmap B 4K r shared file f; barrier here; in main; touch B read; barrier there
c*1: barrier there; munmap A
cuts -init.2; always c.2 = ok; exists b.3 = SEGV`,
		",-b.1":    `unknown region "B"`,
		",-init.1": `unknown region "A"`,
		",-a.6":    "does not have",
		",-d":      "does not have",
		",a":       "expected -BLOCK",
		",-a*2":    "expected -BLOCK",
		",a*0":     "expected -BLOCK",
		",-a.0":    "expected -BLOCK",
		",-a.x":    "expected -BLOCK",
		",":        "expected -BLOCK",
	} {
		sc := parse(t, all)
		list, err := parseCuts(cuts)
		if err == nil {
			sc, list, err = reduced(sc, numbered(sc), list)
		}
		if err != nil {
			if !strings.Contains(err.Error(), want) || strings.Contains(want, "\n") {
				t.Errorf("%s: %v", cuts, err)
			}
			continue
		}
		var got []string
		for _, th := range sc.Threads {
			var words []string
			for s := range workloads.Statements(th.Body) {
				s.Expect = nil
				words = append(words, s.String())
			}
			if th.Count > 0 {
				got = append(got, th.Name+"*"+strconv.Itoa(th.Count)+": "+strings.Join(words, "; "))
			}
		}
		var questions []string
		for _, q := range sc.Questions {
			questions = append(questions, q.String())
		}
		got = append(got, "cuts"+strings.ReplaceAll(cutPrint("", list), ",", " ")+"; "+strings.Join(questions, "; "))
		if strings.Join(got, "\n") != want {
			t.Errorf("%s leaves\n%s", cuts, strings.Join(got, "\n"))
		}
	}
}

// TestSmaller: every smaller program can be run, has what it is said to have, and is found again by its fingerprint.
func TestSmaller(t *testing.T) {
	p := newProgram(t, superfluous, Setting{})
	tasks, statements := p.Size()
	n := 0
	for smaller := range p.Smaller() {
		q := smaller.(*Program)
		n++
		print, _ := q.Fingerprints()
		if a, b := q.Size(); a > tasks || b > statements || len(q.Dropped()) == 0 {
			t.Errorf("%s: %d tasks, %d statements, without %q", print, a, b, q.Dropped())
		}
		if cuts, err := parseCuts(print); err != nil || !slices.Equal(cuts, q.cuts) {
			t.Errorf("%s: %v, %v", print, cuts, err)
		}
		searched(t, q, explore.Options{Executions: 3})
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
	// Three threads, two readers or one, finally, init; one statement of each but the last of a thread; the rounds; what is
	// left without A or B is no scenario.
	if n != 3+1+1+7+1 {
		t.Errorf("%d smaller programs", n)
	}
	if _, err := newReduced(p.given, []cut{{"other", 0, 0}, {"reader", 0, 0}, {"writer", 0, 0}}, Setting{}); err == nil || !strings.Contains(err.Error(), "without threads") {
		t.Errorf("without threads: %v", err)
	}
}

// TestSmallerWithBarriers: who is left at a barrier does not wait for those that are left out.
func TestSmallerWithBarriers(t *testing.T) {
	p := newProgram(t, `
init
	mmap A 4K rw private anon
thread a * 2
	barrier here
	touch A read
thread b
	touch A write
	barrier here
	barrier there
thread c
	barrier there
	yield
`, Setting{})
	n := 0
	for smaller := range p.Smaller() {
		n++
		q := smaller.(*Program)
		print, _ := q.Fingerprints()
		if r := searched(t, q, explore.Options{Executions: 500}); len(r.Violations) > 0 {
			t.Errorf("%s: %v", print, r.Violations[0].String())
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
	if n != 3+1+7 {
		t.Errorf("%d smaller programs", n)
	}
}
