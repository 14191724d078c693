package explore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// detachRace is the race of December 2024 over the real lock code: readers that found a VMA under RCU lock it, while a
// writer detaches it and attaches it again, as a munmap that fails late does.
type detachRace struct {
	PlainProgram
	readers, rounds, detaches int
	rules                     rules.Set
	bare                      bool // the lock protocol alone: nothing is looked at or counted besides

	mu   sync.Mutex
	used []*lockWorld
}

func newDetachRace(tb testing.TB, readers, rounds, detaches int, spec string) *detachRace {
	return &detachRace{readers: readers, rounds: rounds, detaches: detaches, rules: parseRules(tb, spec)}
}

// lockWorld is an mm's locks and one VMA. Making a slab costs more than an execution, so a world that was left as it began
// serves again.
type lockWorld struct {
	PlainWorld
	program *detachRace
	mm      vma.MMLock
	rcu     *ksync.Domain
	cache   *vma.Cache
	v       *vma.VMA
	boot    *task.Task
	tasks   []Task
	report  func(task.Violation)
	locked  []int // rounds in which each reader got the lock
	round   []int // of each task
}

func (p *detachRace) NewWorld(_ *Executor, report func(task.Violation)) (World, error) {
	p.mu.Lock()
	n := len(p.used)
	if n > 0 {
		w := p.used[n-1]
		p.used = p.used[:n-1]
		p.mu.Unlock()
		w.reset(report)
		return w, nil
	}
	p.mu.Unlock()
	return p.make(report)
}

func (p *detachRace) make(report func(task.Violation)) (World, error) {
	w := &lockWorld{program: p, rcu: ksync.NewDomain(task.SlotRCU), report: report, locked: make([]int, p.readers), round: make([]int, p.readers+1)}
	w.boot = w.task(0, "boot")
	w.cache = vma.NewCache(ksync.TypeSafe, w.rcu)
	w.mm.Init(w.rcu, p.rules, w.cache)
	v, err := w.cache.Alloc(w.boot, &w.mm, 0x10000, 0x14000, 0, 0)
	if err != nil {
		return nil, err
	}
	w.v = v
	w.mm.MmapWriteLock(w.boot)
	w.mm.StartWrite(w.boot, v)
	w.mm.MarkAttached(w.boot, v)
	w.mm.MmapWriteUnlock(w.boot)
	for i := range p.readers {
		t := w.task(i+1, fmt.Sprintf("reader%d", i))
		w.tasks = append(w.tasks, Task{t.Name, t, func() {
			for range p.rounds {
				w.round[i]++
				w.read(t, i)
			}
		}})
	}
	t := w.task(p.readers+1, "writer")
	w.tasks = append(w.tasks, Task{t.Name, t, func() {
		for range p.detaches {
			w.round[p.readers]++
			w.detach(t)
		}
	}})
	return w, nil
}

// reset makes a world that was left whole what it was at first.
func (w *lockWorld) reset(report func(task.Violation)) {
	w.report = report
	clear(w.locked)
	clear(w.round)
	w.mm.LockSeq.Set(0)
	w.mm.MmapWriteLock(w.boot)
	w.mm.StartWrite(w.boot, w.v)
	w.mm.MmapWriteUnlock(w.boot)
}

// Locals implements [World]. From round to round a task remembers nothing but how often it got the lock. In a round it
// acts on what it sees at once, but for the two sequence numbers that vma_start_read compares: the first is live until it
// sees the second.
func (w *lockWorld) Locals(i int, e *task.Event) (number uint64, live int) {
	number = uint64(w.round[i])
	if i == len(w.locked) {
		return number, 0
	}
	if e != nil && e.Addr == addr(&w.mm.LockSeq) {
		live = 1
	}
	return number<<8 | uint64(w.locked[i]), live
}

func (w *lockWorld) task(id int, name string) *task.Task {
	t := task.New(id, name, func(v task.Violation) { w.report(v) })
	w.rcu.Register(t)
	return t
}

func (w *lockWorld) read(t *task.Task, i int) {
	w.rcu.ReadLock(t)
	if w.mm.StartRead(t, w.v) != vma.ReadLocked {
		return
	}
	w.rcu.ReadUnlock(t)
	if !w.program.bare {
		w.locked[i]++
		if w.v.IsDetached(t) {
			t.Violate("locked-detached", "a reader holds a detached VMA")
		}
	}
	w.mm.EndRead(t, vma.ReadLock{VMA: w.v})
}

func (w *lockWorld) detach(t *task.Task) {
	w.mm.MmapWriteLock(t)
	w.mm.StartWrite(t, w.v)
	w.mm.MarkDetached(t, w.v)
	if !w.program.bare && !w.v.IsDetached(t) {
		t.Violate("detached-with-readers", "a reader holds a VMA that is detached")
	}
	w.mm.MarkAttached(t, w.v)
	w.mm.MmapWriteUnlock(t)
}

func (w *lockWorld) Tasks() []Task { return w.tasks }

func (w *lockWorld) Finish() string {
	outcome := w.outcome()
	if n := w.v.RefcntPeek(); n != 1 {
		w.boot.Violate("reader-left", "vm_refcnt is %d, expected 1", n)
		return outcome
	}
	p := w.program
	p.mu.Lock()
	p.used = append(p.used, w)
	p.mu.Unlock()
	return outcome
}

func (w *lockWorld) Abandon() {}

func rate(r *Report) float64 { return float64(r.Executions) / r.Elapsed.Seconds() }

// BenchmarkExecutions measures executions of two readers and a writer, some 60 steps, by one worker.
func BenchmarkExecutions(b *testing.B) {
	for _, s := range Strategies() {
		b.Run(string(s.Name), func(b *testing.B) {
			p := newDetachRace(b, 2, 2, 1, "")
			rep := explored(b, p, Options{Strategy: s.Name, Executions: b.N})
			b.ReportMetric(rate(rep), "executions/s")
			b.ReportMetric(float64(rep.Steps), "steps")
		})
	}
}

func median(all []int) int {
	slices.Sort(all)
	return all[len(all)/2]
}

// outcome is made by hand: fmt would cost a tenth of the execution.
func (w *lockWorld) outcome() string {
	var b [8]byte
	for i, n := range w.locked {
		b[i] = '0' + byte(n)
	}
	return string(b[:len(w.locked)])
}

// TestDetachRaceIsRight: with the kernel's rules nothing breaks, in any schedule, and the reduction finishes with a
// small part of them.
func TestDetachRaceIsRight(t *testing.T) {
	p := newDetachRace(t, 2, 1, 1, "")
	few := explored(t, p, Options{})
	if !few.Complete || len(few.Violations) > 0 {
		t.Fatalf("complete %v, %v", few.Complete, few.Violations)
	}
	merged := explored(t, p, Options{Strategy: States})
	if !merged.Complete || len(merged.Violations) > 0 {
		t.Errorf("complete %v, %v", merged.Complete, merged.Violations)
	}
	outcomes := func(r *Report) []string { return slices.Sorted(maps.Keys(r.DistinctOutcomes)) }
	if got, want := outcomes(merged), outcomes(few); !slices.Equal(got, want) || len(want) != 4 {
		t.Errorf("with states %v, with the reduction %v", got, want)
	}
	if all := explored(t, p, Options{Strategy: DFS, Executions: 10 * few.Executions}); all.Complete {
		t.Errorf("%d executions instead of %d are no reduction", few.Executions, all.Executions)
	}
	t.Logf("dpor: %d executions, %d of them redundant, %v; states: %d states, %d executions, %v",
		few.Executions, few.Redundant, few.Elapsed, merged.States, merged.Executions, merged.Elapsed)
}

// TestDetachRaceIsFound makes the table of how many executions each strategy needs for the race of December 2024.
func TestDetachRaceIsFound(t *testing.T) {
	p := newDetachRace(t, 2, 1, 1, "linux-6.18,-detach-waits")
	for _, s := range Strategies() {
		if s.Name == DFS {
			continue // it needs more than a million
		}
		var counts []int
		var f Found
		seeds := 20
		if s.Finishes {
			seeds = 1 // it draws nothing
		}
		for seed := range uint64(seeds) {
			f = first(t, p, Options{Strategy: s.Name, Seed: seed, Executions: 1_000_000})
			counts = append(counts, f.Execution)
		}
		small, err := Shrink(context.Background(), p, f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-8s %6d executions, %s: %s -> %s", s.Name, median(counts), f.Key(), small.From, small.To)
		if f.Kind() != "detached-with-readers" && f.Kind() != "attach-attached" && f.Kind() != "refcount-underflow" {
			t.Errorf("%s finds %v", s.Name, f.String())
		}
	}
}
