package driver

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// TestBuiltinScenarios runs every built-in scenario with validation after each write section. It is the stress test that
// the race detector runs.
func TestBuiltinScenarios(t *testing.T) {
	for _, info := range workloads.Builtin() {
		t.Run(info.Name, func(t *testing.T) {
			r := mustPass(t, info.Source, Options{Duration: 200 * time.Millisecond, Validate: true, Memory: 64 << 20})
			if r.Faults.Total == 0 || r.Faults.VMALockSuccess+r.Faults.MmapLock != r.Faults.Total {
				t.Errorf("faults do not add up: %+v", r.Faults)
			}
		})
	}
}

// TestKnownWorkloads runs the scenarios that stand for what people know in the same way, a thirty-second of their size: one pass of the
// original ones takes a race detector minutes.
func TestKnownWorkloads(t *testing.T) {
	smaller := strings.NewReplacer("128M", "4M", "repeat 32768", "repeat 1024", "32M", "1M", "repeat 8192", "repeat 256")
	for _, info := range slices.Concat(workloads.WillItScale(), workloads.Shapes()) {
		t.Run(info.Name, func(t *testing.T) {
			r := mustPass(t, smaller.Replace(info.Source), Options{Duration: 50 * time.Millisecond, Validate: true, Memory: 64 << 20})
			if len(r.Ops) == 0 {
				t.Error("nothing was done")
			}
		})
	}
}

// TestBuiltinScenariosUnderEveryGeneration does the same under each generation but the default. Counters of VMA locks move only where
// VMAs have locks. refcount-v6 is left out: what is wrong with it may happen, or not. The proposals that the wait mends run with it.
func TestBuiltinScenariosUnderEveryGeneration(t *testing.T) {
	for _, g := range rules.Generations() {
		if g.Name == rules.Default || g.Name == "refcount-v6" {
			continue
		}
		for _, info := range workloads.Builtin() {
			spec := g.Name
			if g.Lock == rules.FreeAtZeroLock || g.Lock == rules.ThreeStateLock {
				spec += ",+detach-waits"
			}
			t.Run(spec+"/"+info.Name, func(t *testing.T) {
				r := mustPass(t, info.Source, Options{Duration: 50 * time.Millisecond, Validate: true, Memory: 64 << 20, Rules: spec})
				f := &r.Faults
				if f.Total == 0 || f.VMALockSuccess+f.MmapLock != f.Total {
					t.Errorf("faults do not add up: %+v", f)
				}
				if copies := len(f.Speculation) > 0; copies != (g.Lock == rules.SpeculativeLock) {
					t.Errorf("faults by copies: %+v", f)
				}
				if tried := f.VMALockSuccess + f.VMALockAbort + f.VMALockRetry + f.VMALockMiss; (tried == 0) != (g.Lock == rules.MmapLock) {
					t.Errorf("%d looks at VMA locks: %+v", tried, f)
				}
			})
		}
	}
}

// TestGenerationVariants does the same with single rules taken away that may be: without them readers only wait longer.
func TestRulesThatMayBeTakenAway(t *testing.T) {
	for _, rule := range []string{"munmap-downgrade", "typesafe-slab", "attach-before-store"} {
		t.Run(rule, func(t *testing.T) {
			info := builtin(t, "mmap-churn")
			mustPass(t, info.Source, Options{Duration: 100 * time.Millisecond, Rules: "linux-6.18,-" + rule, Validate: true})
		})
	}
}

func builtin(t testing.TB, name string) workloads.Info {
	for _, info := range workloads.Builtin() {
		if info.Name == name {
			return info
		}
	}
	t.Fatalf("no scenario %s", name)
	return workloads.Info{}
}

// TestLoopAllocatesNothing checks the hot loop: a touch that faults, in a repeat, with its share of timing.
func TestLoopAllocatesNothing(t *testing.T) {
	w, body, done := loopWorker(t, "touch random(A) write\n  load A+8 => 0\n  choose\n   touch sequential(A) read => ok | SEGV\n   store A+16 7")
	defer done()
	if n := testing.AllocsPerRun(20, func() { w.walker.Run(w.Env, body) }); n != 0 {
		t.Errorf("%v allocations in 1000 passes", n)
	}
}

// BenchmarkTouch compares a touch of a mapped page in a scenario's loop with the access alone.
func BenchmarkTouch(b *testing.B) {
	w, body, done := loopWorker(b, "touch A write")
	defer done()
	b.Run("scenario", func(b *testing.B) {
		for i := 0; i < b.N; i += 1000 {
			w.walker.Run(w.Env, body)
		}
	})
	addr := w.Env.Regions[0].Base
	b.Run("fault.Touch", func(b *testing.B) {
		for range b.N {
			fault.Touch(w.Task, w.MM, addr, linux.Write)
		}
	})
}

// loopWorker gives a worker on a machine of its own and a body that runs the statements 1000 times.
func loopWorker(t testing.TB, statements string) (*worker, []*workloads.Stmt, func()) {
	sc := parse(t, "init\n mmap A 1M rw private anon\n touch A A.size write\nthread t\n repeat 1000\n  "+statements)
	p, err := NewPlan(sc, &Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(sc, p, &Options{})
	if err != nil {
		t.Fatal(err)
	}
	init := r.newWorker("init", sc.Init, 0)
	init.do(sc.Init.Body)
	r.regions = init.Env.Regions
	w := r.newWorker("t", &sc.Threads[0].Block, 0)
	w.begin()                               // without a seat: in main
	w.walker.Run(w.Env, sc.Threads[0].Body) // makes the histograms
	return w, sc.Threads[0].Body, func() {
		w.Leave()
		r.machine.EndTask(w.Task)
		end := r.tearDown()
		if v, n := r.violations.reported(); n > 0 || end.err != nil || w.findings.total > 0 {
			t.Errorf("%v %v %v", v, end.err, w.findings.list)
		}
	}
}
