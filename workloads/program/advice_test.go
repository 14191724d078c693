package program

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/explore"
	"vmasim/workloads"
)

// tooLarge is a scenario that is not searched in a minute.
func tooLarge(t *testing.T) *workloads.Scenario {
	sc := parse(t, `init
	mmap A 8K rw private anon
thread reader * 2
	load A => any
	store A+4K 1 => any
thread writer
	munmap A => any
	mmap 8K rw private anon at A fixed => any
may alloc-fails
`)
	sc.Name = "too large"
	return sc
}

func TestAdvice(t *testing.T) {
	var told *Advice
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	r, err := Explore(ctx, tooLarge(t), Options{
		Options: explore.Options{Executions: 1 << 30, Time: 20 * time.Second, KeepGoing: 1000, Every: 10 * time.Millisecond},
		Advise:  func(a *Advice) { told = a; enough() }, AdviseAfter: 10 * time.Millisecond, NoShrink: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	a := r.Advice
	if a == nil || !a.TooLong() || a.Predicted.Executions < 1e5 || a.Rate <= 0 {
		t.Fatalf("%+v", a)
	}
	if told != nil && len(told.Smaller) == 0 || len(a.Instead) != 2 || a.Instead[0].Strategy.Name != explore.Bounded || a.Instead[1].Strategy.Name != explore.Delays || a.Whole != explore.Stateful {
		t.Errorf("%+v", a)
	}
	for _, b := range a.Instead {
		if b.Bound < 1 || b.Bound > 1 && b.Takes > longSearch {
			t.Errorf("%s takes %v", b.Flags(), b.Takes)
		}
	}
	for _, s := range a.Smaller {
		if s.Predicted.Executions*smallerBy > a.Predicted.Executions || len(s.Without) == 0 {
			t.Errorf("%+v is not much smaller than %+v", s, a.Predicted)
		}
	}
	text, err := json.Marshal(r)
	var out struct {
		Advice struct {
			Executions, Low, High float64
			Takes                 int64 `json:"takes_ns"`
			Instead               []struct {
				Strategy, Counts string
				Bound            int
				Takes            int64 `json:"takes_ns"`
			}
			Smaller []struct {
				Without    []string
				Executions float64
			}
		}
	}
	if err = errors.Join(err, json.Unmarshal(text, &out)); err != nil {
		t.Fatal(err)
	}
	j := out.Advice
	if j.Low > j.Executions || j.High > 0 && j.Executions > j.High || j.Takes <= 0 || len(j.Instead) != 2 || j.Instead[1].Counts != "delay" || len(j.Smaller) != len(a.Smaller) {
		t.Errorf("%+v", j)
	}
}

// TestAdviceParts: what could be left out is each statement of the threads, a task, a choice, and no whole thread beside one task.
func TestAdviceParts(t *testing.T) {
	names := func(sc *workloads.Scenario, cuts []cut) (all []string) {
		p, err := New(sc, Setting{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		a := p.advise(t.Context(), &Options{})
		for _, c := range a.without(&candidate{cuts, p.choices(), nil, nil}) {
			all = append(all, strings.Join(c.without, " and "))
		}
		return all
	}
	got := names(tooLarge(t), nil)
	want := []string{"reader.1 load A", "reader.2 store A+4K 1", "all tasks but 1 of thread reader", "writer.1 munmap A", "writer.2 mmap 8K rw private anon at A fixed", "thread writer", "may alloc-fails"}
	for i := range want {
		if len(got) != len(want) || !strings.HasPrefix(got[i], strings.Split(want[i], " => ")[0]) {
			t.Fatalf("%q, expected %q", got, want)
		}
	}
	two := parse(t, "init\n\tmmap A 4K rw private anon\nthread reader\n\tload A\n\tload A\nthread writer\n\tmunmap A\n")
	if got := names(two, nil); len(got) != 2 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "reader.") }) {
		t.Errorf("of two tasks: %q", got)
	}
}

// TestNoAdvice: a search that ends by itself, or nearly does, needs none; nor does one that found what it looked for.
func TestNoAdvice(t *testing.T) {
	for text, o := range map[string]explore.Options{
		"init\n\tmmap A 4K rw private anon\nthread reader * 2\n\tlock A => ok | EAGAIN\nthread writer\n\tmunmap A\n": {},
		"rules refcount-v6\n" + detachRace: {Strategy: explore.Bounded},
	} {
		o.Every = time.Millisecond
		r, err := Explore(t.Context(), parse(t, text), Options{Options: o, AdviseAfter: time.Nanosecond, Advise: func(a *Advice) { t.Errorf("%+v", a) }})
		if err != nil {
			t.Fatal(err)
		}
		if r.Advice != nil {
			t.Errorf("%s: %+v", r.Verdict(), r.Advice)
		}
	}
}
