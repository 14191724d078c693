package explore

import (
	"slices"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// TestHolders: a deadlock says who holds what the others wait for.
func TestHolders(t *testing.T) {
	rcu := func(w *scriptWorld) *ksync.Domain {
		if w.rcu == nil {
			w.rcu = ksync.NewDomain(task.SlotRCU)
			for _, t := range w.tasks {
				w.rcu.Register(t.Task)
			}
		}
		return w.rcu
	}
	for name, c := range map[string]struct {
		program  *scripted
		schedule string
		want     map[string][]string
	}{
		"spinlocks": {program(
			func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.b.Lock(t) },
			func(w *scriptWorld, t *task.Task) { w.b.Lock(t); w.a.Lock(t) },
		), "v2::r1:A1 B1", map[string][]string{"a": {"b"}, "b": {"a"}}},
		"rwsem": {program(
			func(w *scriptWorld, t *task.Task) { w.sem.DownRead(t); w.a.Lock(t) },
			func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.sem.DownWrite(t) },
			func(w *scriptWorld, t *task.Task) { w.sem.DownReadTrylock(t); w.a.Lock(t) },
		), "v2::r1:A1 C1 B2", map[string][]string{"a": {"b"}, "b": {"a", "c"}, "c": {"b"}}},
		"grace period": {program(
			func(w *scriptWorld, t *task.Task) { rcu(w).ReadLock(t); w.a.Lock(t) },
			func(w *scriptWorld, t *task.Task) { w.a.Lock(t); rcu(w).Synchronize(t) },
		), "v2::r1:A1 B2", map[string][]string{"a": {"b"}, "b": {"a"}}},
	} {
		s, err := ParseSchedule(c.schedule)
		if err != nil {
			t.Fatal(err)
		}
		trace, err := Replay(c.program, s, Options{})
		if err != nil || trace.Found.Ending != Deadlock {
			t.Fatalf("%s: %v, %v", name, trace.Found.Ending, err)
		}
		for _, b := range trace.Found.Blocked {
			if got := trace.Holders(b); !slices.Equal(got, c.want[b.Task]) {
				t.Errorf("%s: %s waits for %v, expected %v", name, b.Task, got, c.want[b.Task])
			}
		}
	}
}
