package step

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vmasim/explore/trace"
	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// parsed begins a scenario of a test.
func parsed(tb testing.TB, text string) *Session {
	tb.Helper()
	sc, err := workloads.Parse("x.vma", []byte(text))
	must(tb, err)
	s, err := New(sc, program.Setting{})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// takeUntil lets a task take steps until how things stand satisfies a condition.
func takeUntil(tb testing.TB, s *Session, task string, good func(State) bool) State {
	tb.Helper()
	for range 500 {
		if st := StateOf(s.Trace()); good(st) {
			return st
		}
		must(tb, s.Take(task))
	}
	tb.Fatal("it never comes")
	return State{}
}

func lockNamed(st State, name string) *Lock {
	if i := slices.IndexFunc(st.Locks, func(l Lock) bool { return l.Name == name }); i >= 0 {
		return &st.Locks[i]
	}
	return nil
}

// TestStateQueue: mmap_lock has its holders, and how they have it, and its queue, and says which task has been handed it.
func TestStateQueue(t *testing.T) {
	s := parsed(t, "init\n    mmap A 4K rw private anon\n\nthread a\n    munmap A\n\nthread b\n    mprotect A r => ok | ENOMEM\n\nthread c\n    store A 1 => ok | SEGV_MAPERR\n")
	const name = "mm.mmap_lock"
	st := takeUntil(t, s, "a", func(st State) bool { return lockNamed(st, name) != nil })
	if l := lockNamed(st, name); !l.Changed || len(l.Holders) != 1 || l.Holders[0] != (Holder{"a", "write", s.At(), "mmap_write_lock_killable", true}) {
		t.Errorf("%+v", l)
	}
	must(t, s.Take("a"))
	if l := lockNamed(StateOf(s.Trace()), name); l.Changed || l.Holders[0].Changed {
		t.Errorf("marked as changed by the next step: %+v", l)
	}
	st = takeUntil(t, s, "b", func(st State) bool { return len(lockNamed(st, name).Queue) == 1 })
	if q := lockNamed(st, name).Queue[0]; q != (Waiter{"b", "write", s.At(), false, true}) {
		t.Errorf("%+v", q)
	}
	st = takeUntil(t, s, "a", func(st State) bool { return lockNamed(st, name).Queue[0].Granted })
	if l := lockNamed(st, name); len(l.Holders) != 0 {
		t.Errorf("handed over and held: %+v", l)
	}
	must(t, s.Take("b"))
	if l := lockNamed(StateOf(s.Trace()), name); len(l.Queue) != 0 || l.Holders[0].Task != "b" {
		t.Errorf("%+v", l)
	}
}

// TestStateEntries: what page tables have is told where a VMA has it, and marked at the step that changes it.
func TestStateEntries(t *testing.T) {
	s := parsed(t, "init\n    mmap A 8K rw private anon\n    store A 1\n\nthread a\n    store A+4K 1\n    munmap A 4K\n")
	entry := func(place string) *Entry {
		all := StateOf(s.Trace()).Spaces[0].Entries
		if i := slices.IndexFunc(all, func(e Entry) bool { return e.Place == place }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	if e := entry("A"); e == nil || e.Words() != "page#1 writable young dirty" || e.Changed {
		t.Fatalf("%+v", e)
	}
	if e := entry("A+4K"); e == nil || e.Is != nothing || e.Present {
		t.Fatalf("%+v", e)
	}
	for entry("A+4K").Is == nothing {
		must(t, s.Take("a"))
	}
	if e := entry("A+4K"); !e.Changed || !e.Writable || e.Is != "page#2" {
		t.Errorf("%+v", e)
	}
	for entry("A").Is != nothing {
		must(t, s.Take("a"))
	}
	if e := entry("A"); !e.Changed || e.Was != "page#1 writable young dirty" {
		t.Errorf("%+v", e)
	}
	if areas := StateOf(s.Trace()).Spaces[0].Areas; len(areas) != 1 || areas[0].Place != "A+4K..A+8K" {
		t.Errorf("the tree has the page still: %+v", areas)
	}
	must(t, s.Take("a"))
	if e := entry("A"); e != nil {
		t.Errorf("of no VMA, and empty: %+v", e)
	}
}

// TestStateAreas: what a step changes in the tree, or in a VMA that is in it, is marked.
func TestStateAreas(t *testing.T) {
	s := parsed(t, "init\n    mmap A 8K rw private anon\n\nthread a\n    mprotect A+4K 4K r\n")
	changed := map[string]bool{}
	for !s.Over() {
		must(t, s.Take("a"))
		for _, a := range StateOf(s.Trace()).Spaces[0].Areas {
			if a.Changed {
				changed[a.VMA+" "+a.Rights] = true
			}
		}
	}
	for _, want := range []string{"vma#1 rw-p", "vma#2 rw-p", "vma#1 r--p"} {
		if !changed[want] {
			t.Errorf("%s is never marked: %v", want, changed)
		}
	}
}

// TestStateLives: a VMA is attached, detached, waits for a grace period of a section that began before, and is freed; with SLAB_TYPESAFE_BY_RCU
// it is freed at once, and another lives in its memory.
func TestStateLives(t *testing.T) {
	const text = "init\n    mmap A 4K rw private anon\n\nthread r\n    load A => 0 | SEGV_MAPERR\n\nthread w\n    munmap A\n    mmap 4K r private anon at A fixed\n    munmap A\n"
	s := parsed(t, "rules linux-6.18,-typesafe-slab\nmay callbacks-early\n"+text)
	must(t, s.Take("r"))
	must(t, s.Take("r"))
	must(t, s.Take("r"))
	var seen []string
	waited := false
	for {
		st := StateOf(s.Trace())
		l := st.Lives[0]
		if n := len(seen); n == 0 || seen[n-1] != l.Is {
			seen = append(seen, l.Is)
			if n > 0 && !l.Changed {
				t.Errorf("%+v is not marked", l)
			}
		}
		for _, w := range st.RCU.Waiting {
			if slices.Contains(w.Frees, "vma#1") {
				waited = true
				if len(st.RCU.Sections) > 0 && (w.Of != "rcu_read_lock" || !slices.Equal(w.For, []string{"r"})) {
					t.Errorf("%+v beside %+v", w, st.RCU.Sections)
				}
			}
		}
		if s.Take("w") != nil && s.Take("r") != nil {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "attached detached waits freed" || !waited {
		t.Errorf("its life is %s, waited: %v", got, waited)
	}

	s = parsed(t, "rules linux-6.18\n"+text)
	must(t, s.Statement("w"))
	if l := StateOf(s.Trace()).Lives[0]; l.Is != Freed || l.Next != "" {
		t.Errorf("%+v", l)
	}
	must(t, s.Statement("w"))
	all := StateOf(s.Trace()).Lives
	if len(all) != 2 || all[0].Next != "vma#2" || all[1].After != "vma#1" || all[1].Is != "attached" {
		t.Errorf("%+v", all)
	}
}

// TestStateAgrees: wherever a random run stands, a task holds what it is told to hold, and no lock that excludes others is held with them.
func TestStateAgrees(t *testing.T) {
	s := opened(t, "overlap-fault", nil)
	for i := 0; !s.Over(); i++ {
		next := s.Trace().Next
		for j := range next {
			if n := &next[(i/9+j)%len(next)]; n.Enabled {
				must(t, s.Take(n.Task))
				break
			}
		}
		st := StateOf(s.Trace())
		told := 0
		for _, l := range st.Locks {
			told += len(l.Holders)
			for _, h := range l.Holders {
				if h.Mode == "write" && slices.ContainsFunc(l.Holders, func(o Holder) bool { return o.Task != h.Task && o.Mode != "reference" }) {
					t.Fatalf("step %d: %+v", s.At(), l)
				}
			}
		}
		has := 0
		for _, n := range s.Trace().Next {
			has += len(n.Holds)
		}
		if told+len(st.RCU.Sections) != has && len(s.Trace().Next) == len(s.Trace().Tasks) {
			t.Fatalf("step %d: %d are told to be held, %d are: %+v", s.At(), told+len(st.RCU.Sections), has, s.Trace().Next)
		}
	}
}

// TestStateIsData: a page gets it as JSON.
func TestStateIsData(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(20))
	text, err := json.Marshal(StateOf(s.Trace()))
	must(t, err)
	for _, want := range []string{`"name":"mm.mmap_lock"`, `"mode":"write"`, `"of":"rcu_read_lock"`, `"vma":"vma#1"`, `"place":"A"`, `"is":"attached"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// TestStateSections: a task is in a read section from the step that begins it to the one that ends it.
func TestStateSections(t *testing.T) {
	s := begun(t, "detach-race")
	inside := 0
	for s.Take("reader") == nil {
		switch last := s.Trace().Steps[s.At()-1]; last.Op {
		case task.OpSectionBegin:
			inside = last.Number
		case task.OpSectionEnd:
			inside = 0
		}
		got := StateOf(s.Trace()).RCU.Sections
		if inside == 0 && len(got) > 0 || inside > 0 && (len(got) != 1 || got[0] != (Section{"reader", "rcu_read_lock", inside, inside == s.At()})) {
			t.Fatalf("step %d: %+v, expected since %d", s.At(), got, inside)
		}
	}
	if s.At() < 10 {
		t.Errorf("it ends at %d", s.At())
	}
}

// TestStateOfEverything: wherever random runs of the scenarios that are built in stand, a lock has one writer or readers, one who was handed it
// for writing finds it free, and entries of page tables have a page and a place.
func TestStateOfEverything(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	stood := 0
	for _, info := range workloads.AllBuiltin() {
		sc, err := workloads.LoadBuiltin(info.Name)
		must(t, err)
		s, err := New(sc, program.Setting{})
		if err != nil {
			continue // it is one that only runs
		}
		for range 12 {
			able := slices.DeleteFunc(slices.Clone(s.Trace().Next), func(n trace.Next) bool { return !n.Enabled })
			if len(able) == 0 {
				break
			}
			all, _, err := s.coming(able[rng.IntN(len(able))].Task, 1+rng.IntN(60))
			must(t, err)
			must(t, s.goAlong(all, len(all.Steps)))
			st := StateOf(s.Trace())
			stood++
			for _, l := range st.Locks {
				writes := func(h Holder) bool { return h.Mode == "write" }
				handed := func(w Waiter) bool { return w.Granted && w.Mode == "write" }
				if strings.HasSuffix(l.Name, ".mmap_lock") && (len(l.Holders) > 1 && slices.ContainsFunc(l.Holders, writes) || len(l.Holders) > 0 && slices.ContainsFunc(l.Queue, handed)) {
					t.Errorf("%s, step %d: %+v", info.Name, s.At(), l)
				}
			}
			for _, sp := range st.Spaces {
				for _, e := range sp.Entries {
					if e.Is == "" || e.Place == "" || e.Present == (e.Is == nothing) && e.Is != "guard marker" {
						t.Errorf("%s, step %d: %+v", info.Name, s.At(), e)
					}
				}
			}
		}
		must(t, s.Close())
	}
	if stood < 500 {
		t.Errorf("it is looked at %d places", stood)
	}
}
