package program

import (
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/task"
)

const detachRace = `
init
	mmap A 4K rw private anon
thread reader
	lock A => ok | EAGAIN
thread writer
	munmap A
`

func TestRefusesWhatDoesNotEnd(t *testing.T) {
	for src, want := range map[string]string{
		"init\n\tmmap A 4K rw private anon\nthread a\n\tfor 1s\n\t\ttouch A read\n":                                "for cannot be explored",
		"init\n\tmmap A 4K rw private anon\nthread b\n\tyield\nthread a background\n\tforever\n\t\ttouch A read\n": "forever cannot be explored",
		"init\n\tmmap A 4K rw private anon\n":                                                                      "without threads",
		"may fail-somehow\ninit\n\tmmap A 4K rw private anon\nthread a\n\ttouch A read\n":                          "fail-somehow",
		"init\n\tmmap A 4K rw private anon\nthread a\n\ttouch A read\nverdict refcount-v9 verified\n":              "refcount-v9",
	} {
		if _, err := New(parse(t, src), Setting{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", src, err, want)
		}
	}
	if _, err := New(parse(t, detachRace), Setting{Without: []string{"lock-oder"}}); err == nil || !strings.Contains(err.Error(), "lock-order") {
		t.Errorf("unknown oracle: %v", err)
	}
}

// TestInitMustGiveWhatItStates: a mistake there is the scenario's.
func TestInitMustGiveWhatItStates(t *testing.T) {
	_, err := Explore(t.Context(), parse(t, "init\n\tmmap A 4K rw private anon\n\tmunmap A+1 4K\nthread a\n\ttouch A read\n"), Options{})
	if err == nil || !strings.Contains(err.Error(), "x.vma:3:5: munmap A+1 4K: got EINVAL") {
		t.Errorf("got %v", err)
	}
}

// TestOutcomes checks what executions end in against what is obvious.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"a fault beside munmap": {`
init
	mmap A 8K rw private anon
thread reader
	load A => 0 | SEGV_MAPERR
thread writer
	munmap A 4K
`, "reader.1=0; writer.1=ok; main: A+4K..A+8K rw-p anon\nreader.1=SEGV_MAPERR; writer.1=ok; main: A+4K..A+8K rw-p anon\n"},
		"copies of a thread": {`
init
	mmap A 8K rw private anon
thread t * 2
	mprotect A+4K*$i 4K r
`, "t/0.1=ok; t/1.1=ok; main: A..A+8K r--p anon\n"},
		"results by statement, loops, finally": {`
init
	mmap A 4K rw private anon
thread t
	repeat 2
		store A 7
	load A => 7
finally
	load A => 7
`, "finally.1=7; t.1=ok; t.1=ok; t.2=7; main: A..A+4K rw-p anon\n"},
		"a barrier": {`
init
	mmap A 4K rw private anon
thread a
	store A 1
	barrier done
thread b
	barrier done
	load A => 1
`, "a.1=ok; a.2=ok; b.1=ok; b.2=1; main: A..A+4K rw-p anon\n"},
		"a thread in a forked address space": {`
mm child
init
	mmap A 4K rw private anon
	store A 1
thread forker
	fork child
	store A 2
thread late in child
	load A => 1
`, "forker.1=ok; forker.2=ok; late.1=1; main: A..A+4K rw-p anon; child: A..A+4K rw-p anon\n"},
		"another address space that ends": {`
mm other
thread a
	in other
		mmap A 4K rw private anon
	exit other
thread b
	yield
`, "a.1=ok; a.2=ok; b.1=ok; main: empty; other: does not exist\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := exploreSource(t, c.src, Options{})
			if r.Verdict() != Verified {
				t.Errorf("verdict %s %v: %v", r.Verdict(), r.Broken(), r.Search.Violations)
			}
			if got := outcomes(r); got != c.want {
				t.Errorf("got\n%sexpected\n%s", got, c.want)
			}
		})
	}
}

// TestBarrierDeadlock: a task that never comes is a deadlock, unless it has ended.
func TestBarrierDeadlock(t *testing.T) {
	r := exploreSource(t, `
thread a
	barrier one
	barrier two
thread b
	barrier two
	barrier one
`, Options{})
	if r.Verdict() != Violated || r.Broken()[0] != "deadlock" {
		t.Fatalf("%s %v", r.Verdict(), r.Broken())
	}
	if v := r.Violations[0]; len(v.Trace.Blocked) != 2 || v.Trace.Blocked[0].Cell != "barrier one" {
		t.Errorf("blocked: %+v", v.Trace.Blocked)
	}
}

// TestUnexpectedResult: what a statement does not state is a violation.
func TestUnexpectedResult(t *testing.T) {
	r := exploreSource(t, "init\n\tmmap A 4K rw private anon\nthread reader\n\tload A => 0\nthread writer\n\tmunmap A\n", Options{})
	if r.Verdict() != Violated || r.Violations[0].Oracle() != resultOracle {
		t.Fatalf("%s %v", r.Verdict(), r.Broken())
	}
	if m := r.Violations[0].Message(); m != "x.vma:4:5: load A: got SEGV_MAPERR, expected 0" {
		t.Error(m)
	}
}

// TestStrategiesAgree compares the outcomes of partial-order reduction with those of plain depth-first search.
func TestStrategiesAgree(t *testing.T) {
	for name, src := range map[string]string{"detach": detachRace, "two writers": `
init
	mmap A 8K rw private anon
thread a
	munmap A 4K
thread b
	load A => 0 | SEGV_MAPERR
`} {
		t.Run(name, func(t *testing.T) {
			o := explore.Options{Strategy: explore.DFS, Executions: 20_000}
			plain := searched(t, newProgram(t, src, Setting{}), o)
			reduced := searched(t, newProgram(t, src, Setting{}), explore.Options{})
			if !reduced.Complete {
				t.Error("the reduced search did not finish")
			}
			for text := range plain.DistinctOutcomes {
				if reduced.DistinctOutcomes[text] == 0 {
					t.Errorf("partial-order reduction misses %s", text)
				}
			}
		})
	}
}

// TestEveryExecutionStartsAlike: what an execution left behind must not show in the next one. A random search of a program
// that breaks its machine now and then must find the same as one that begins anew.
func TestEveryExecutionStartsAlike(t *testing.T) {
	find := func(first int) string {
		p := newProgram(t, detachRace, Setting{Rules: "refcount-v6"})
		searched(t, p, explore.Options{Strategy: explore.Random, Executions: first, KeepGoing: 100, Watch: p.Watch})
		r := searched(t, p, explore.Options{Strategy: explore.Random, Seed: 5, Executions: 400, KeepGoing: 100, Watch: p.Watch})
		var b strings.Builder
		for _, f := range r.Violations {
			b.WriteString(f.Schedule.String() + " " + f.Key() + "\n")
		}
		return b.String()
	}
	if one, other := find(1), find(500); one == "" || one != other {
		t.Errorf("first\n%s\nthen\n%s", one, other)
	}
}

func TestChoices(t *testing.T) {
	src := "may alloc-fails\ninit\n\tmmap A 4K rw private anon\nthread writer\n\tmunmap A => ok | ENOMEM\n\tmmap 4K r private anon => ok | ENOMEM\n"
	r := exploreSource(t, src, Options{})
	if !strings.Contains(outcomes(r), "writer.2=ENOMEM") || len(r.Choices) != 1 || r.Choices[0] != task.AllocFails {
		t.Errorf("choices %v, outcomes\n%s", r.Choices, outcomes(r))
	}
	without := exploreSource(t, strings.TrimPrefix(src, "may alloc-fails\n"), Options{})
	if strings.Contains(outcomes(without), "ENOMEM") {
		t.Errorf("nothing may fail, and something does:\n%s", outcomes(without))
	}
}

func TestFingerprints(t *testing.T) {
	print := func(src, rules string) string {
		s, r := newProgram(t, src, Setting{Rules: rules}).Fingerprints()
		return s + " " + r
	}
	base := print(detachRace, "")
	if print(detachRace+"never wrong-vma\n", "") != base {
		t.Error("a question changes no schedule")
	}
	if print(detachRace, "refcount-v6") == base || print(strings.Replace(detachRace, "munmap A", "munmap A 4K", 1), "") == base {
		t.Error("other rules or another program must have another fingerprint")
	}
}
