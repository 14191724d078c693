package program

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// TestReplay: a failing schedule fails in the same way in a program of its own, as in a fresh process.
func TestReplay(t *testing.T) {
	s := Setting{Rules: "refcount-v6"}
	r := exploreSource(t, detachRace, Options{Setting: s, Options: explore.Options{KeepGoing: 5}})
	if len(r.Violations) < 2 {
		t.Fatalf("found only %v", r.Broken())
	}
	for _, v := range r.Violations {
		schedule, err := explore.ParseSchedule(v.Schedule.String())
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReplayScenario(parse(t, detachRace), s, schedule)
		if err != nil {
			t.Fatal(err)
		}
		if again.Ending != v.Ending || len(again.Trace.Violated) == 0 || again.Trace.Violated[0] != v.Violations[0] {
			t.Errorf("%s: %s %v, found was %v", v.Schedule.String(), again.Ending, again.Trace.Violated, v.Violations)
		}
	}
}

func TestReplayRefuses(t *testing.T) {
	p := newProgram(t, detachRace, Setting{})
	scenario, rules := p.Fingerprints()
	parsed := func(text string) explore.Schedule {
		s, err := explore.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := p.Replay(parsed("v2:0:" + rules + ":A1")); err == nil {
		t.Error("another scenario's schedule is replayed")
	} else if _, ok := errors.AsType[*explore.FingerprintError](err); !ok {
		t.Error(err)
	}
	trace, err := p.Replay(parsed("v2:" + scenario + ":" + rules + ":A1000"))
	if err != nil {
		t.Fatal(err)
	}
	if d := trace.Diverged; d == nil || d.Step < 5 || len(trace.Steps) != d.Step-1 {
		t.Errorf("diverged %v after %d steps", trace.Diverged, len(trace.Steps))
	}
}

// TestTraceNames checks the words that a recording finds for cells and values, on a schedule without switches.
func TestTraceNames(t *testing.T) {
	p := newProgram(t, "init\n\tmmap A 4K rw private anon\nthread writer\n\tmunmap A\n\tmmap 4K r private anon at A fixed\nthread reader\n\tlock A => ok | EAGAIN\n", Setting{})
	r := searched(t, p, explore.Options{Executions: 1})
	if r.Executions != 1 {
		t.Fatal("no execution")
	}
	scenario, rules := p.Fingerprints()
	s, err := explore.ParseSchedule("v2:" + scenario + ":" + rules + ":A" + "90")
	if err != nil {
		t.Fatal(err)
	}
	trace, err := p.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	var cells, notes []string
	for _, s := range trace.Steps {
		cells = append(cells, s.Op.String()+" "+s.Cell+" "+s.Was+" "+s.Is)
		notes = append(notes, s.Notes...)
	}
	for _, want := range []string{
		"do_raw_write_seqcount_begin mm.mm_lock_seq 2 3",
		"WRITE_ONCE vma#1.vm_lock_seq 1 3",
		"__refcount_dec_and_test vma#1.vm_refcnt 1 0",
		"down_write_killable mm.mmap_lock  ",
	} {
		if !slices.Contains(cells, want) && !strings.HasPrefix(want, "down_write") {
			t.Errorf("no step %q in\n%s", want, strings.Join(cells, "\n"))
		}
	}
	if !slices.Contains(notes, "vma#1 is freed") || !slices.Contains(notes, "vma#2 is born in the memory of vma#1") {
		t.Errorf("notes %q", notes)
	}
	if len(trace.Before) != 1 || !slices.Equal(trace.Before[0].Lines, []string{"A..A+4K rw-p anon"}) {
		t.Errorf("before: %v", trace.Before)
	}
	if !slices.Equal(trace.Tasks, []string{"writer", "reader"}) || trace.Steps[0].Statement != "munmap A" {
		t.Errorf("tasks %v, first statement %q", trace.Tasks, trace.Steps[0].Statement)
	}
}

// TestReplayOfOutcomes: the execution that stands for an outcome ends in it, and its trace shows the address spaces that the outcome has.
func TestReplayOfOutcomes(t *testing.T) {
	for _, text := range []string{detachRace, "init\n    mmap A 24K rw private anon\n\nthread a\n    munmap A 8K\n\nthread b\n    mprotect A 12K r => ok | ENOMEM\n"} {
		r := exploreSource(t, text, Options{Setting: Setting{Rules: "linux-6.18"}})
		if len(r.Outcomes) < 2 {
			t.Fatalf("outcomes %v", r.Outcomes)
		}
		for _, o := range r.Outcomes {
			again, err := ReplayScenario(parse(t, text), Setting{Rules: "linux-6.18"}, o.First)
			if err != nil {
				t.Fatal(err)
			}
			left := "empty"
			if lines := again.After[0].Lines; len(lines) > 0 {
				left = strings.Join(lines, ", ")
			}
			if again.Outcome != o.Text || !strings.HasSuffix(o.Text, "main: "+left) {
				t.Errorf("%s: %q, where the address space is %s, expected %q", &o.First, again.Outcome, left, o.Text)
			}
		}
	}
}

// TestEffectiveOrder: a step of a trace has the order with which it was performed.
func TestEffectiveOrder(t *testing.T) {
	sc, err := workloads.LoadBuiltin("ref-acquire")
	if err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]task.Order{"linux-6.18,-ref-acquire": task.Relaxed, "linux-6.18": task.Acquire} {
		s := Setting{Rules: spec, Model: "views"}
		r, err := Explore(t.Context(), sc, Options{Setting: s, Options: explore.Options{Executions: 100}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReplayScenario(sc, s, r.Outcomes[0].First)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(again.Steps, func(st trace.Step) bool { return st.Op == task.OpRefIncNotZeroLimitedAcquire })
		if i < 0 || again.Steps[i].Order != want {
			t.Errorf("%s: step %d of %d, expected one that is %s", spec, i, len(again.Steps), want)
		}
	}
}
