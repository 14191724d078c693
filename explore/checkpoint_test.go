package explore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

// essence is what of a report must not depend on whether the search was stopped in between.
func essence(r *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d executions, %d redundant, %d truncated, %d steps, complete %v, enough %v, bound %d, writes %d\n",
		r.Executions, r.Redundant, r.Truncated, r.Steps, r.Complete, r.Enough, r.Bound, r.Ops[task.OpWriteOnce])
	for _, o := range slices.Sorted(maps.Keys(r.DistinctOutcomes)) {
		fmt.Fprintf(&b, "%d× %s\n", r.DistinctOutcomes[o], o)
	}
	for i := range r.Violations {
		f := &r.Violations[i]
		fmt.Fprintf(&b, "%d: %s %s\n", f.Execution, f.String(), f.Schedule.String())
	}
	return b.String()
}

// inRuns searches with a checkpoint, at most every executions a run, until that is done or upto executions were run. Each
// run has its own program, as another process has.
func inRuns(t *testing.T, program func() Program, o Options, every, upto int) (last *Report, runs int) {
	t.Helper()
	o.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	for before := 0; ; runs++ {
		o.Executions = every
		if upto > 0 {
			o.Executions = min(every, upto-before)
		}
		r := explored(t, program(), o)
		if o.Workers == 1 && (r.Earlier != before || r.Executions > before+every) {
			t.Fatalf("run %d: %d executions, %d of them earlier; there were %d", runs, r.Executions, r.Earlier, before)
		}
		if r.Stopped && r.Executions == before {
			t.Fatalf("run %d was stopped without an execution, after %d", runs, before)
		}
		before = r.Executions
		_, err := os.Stat(o.Checkpoint)
		if there := err == nil; there != r.Stopped {
			t.Fatalf("stopped %v, but the file exists: %v", r.Stopped, there)
		}
		if !r.Stopped || upto > 0 && before >= upto {
			return r, runs + 1
		}
	}
}

// apart is a generated program that several workers may run.
type apart struct{ *generated }

func (p apart) NewWorld(x *Executor, report func(task.Violation)) (World, error) {
	own := *p.generated
	return own.NewWorld(x, report)
}

// TestSearchInRuns: a search that is stopped every few executions finds what one finds that is not.
func TestSearchInRuns(t *testing.T) {
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	seeds, compared := uint64(16), 0
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		for _, s := range []Strategy{DPOR, DFS, Bounded, Delays} {
			for _, workers := range []int{1, 2} {
				for _, keep := range []int{1, 8} {
					o := Options{Strategy: s, Workers: workers, KeepGoing: keep, Choices: choices, aloneFor: 40}
					limited := o
					limited.Executions = 300
					whole := atOnce(t, apart{generate(seed)}, limited)
					if whole.Stopped || whole.Executions < 20 {
						continue
					}
					compared++
					every := max(whole.Executions/7, 1)
					got, runs := inRuns(t, func() Program { return apart{generate(seed)} }, o, every, 0)
					if essence(got) != essence(whole) {
						t.Fatalf("%s, seed %d, %d workers, %d runs of %d:\n%s\nat once:\n%s", s, seed, workers, runs, every, essence(got), essence(whole))
					}
				}
			}
		}
	}
	if compared < int(seeds) {
		t.Errorf("only %d searches compared", compared)
	}
	t.Logf("%d searches compared", compared)
}

// TestRandomInRuns: the executions are the same, however they are divided.
func TestRandomInRuns(t *testing.T) {
	for _, s := range []Strategy{Random, PCT, POS} {
		for _, workers := range []int{1, 2} {
			for _, keep := range []int{1, 8} {
				o := Options{Strategy: s, Workers: workers, KeepGoing: keep, Seed: 3}
				p := func() Program { return newDetachRace(t, 2, 1, 1, "linux-6.18,-detach-waits") }
				at := o
				at.Executions = 1000
				whole := explored(t, p(), at)
				got, _ := inRuns(t, p, o, 130, 1000)
				if essence(got) != essence(whole) {
					t.Errorf("%s, %d workers, %d failures:\n%s\nat once:\n%s", s, workers, keep, essence(got), essence(whole))
				}
			}
		}
	}
}

// TestEnoughIsNotStopped: what a limit stopped behind the shard that ended the search is of no use, so there is nothing to go
// on with.
func TestEnoughIsNotStopped(t *testing.T) {
	for _, limitFirst := range []bool{true, false} {
		s := newSearch(newDetachRace(t, 1, 1, 1, ""), Options{Workers: 2, Checkpoint: filepath.Join(t.TempDir(), "c")})
		s.close()
		s.workers = nil
		s.phase = &phase{weight: func(int) float64 { return 0 }}
		s.ready, s.open = map[int]*result{}, map[int]*standing{}
		failed, limited := newResult(), newResult()
		failed.report.Violations = []Found{{Ending: Deadlock}}
		limited.stopped = true
		if limitFirst {
			s.deliver(1, limited, nil)
			s.deliver(0, failed, nil)
		} else {
			s.deliver(0, failed, nil)
			s.deliver(1, limited, nil)
		}
		if err := s.runPhase(); err != nil || s.report.Stopped || len(s.report.Violations) != 1 {
			t.Errorf("limit first %v: stopped %v, violations %v, %v", limitFirst, s.report.Stopped, s.report.Violations, err)
		}
	}
}

// TestDetachRaceInRuns is one search over the real lock code, by any number of workers in turn.
func TestDetachRaceInRuns(t *testing.T) {
	whole := atOnce(t, newDetachRace(t, 2, 1, 1, ""), Options{Workers: 2})
	o := Options{Workers: 2, Executions: whole.Executions/5 + 1, Checkpoint: filepath.Join(t.TempDir(), "c")}
	for n := 0; ; n++ {
		r := explored(t, newDetachRace(t, 2, 1, 1, ""), o)
		o.Workers = 1 + n%2
		if !r.Stopped {
			if essence(r) != essence(whole) {
				t.Errorf("%s\nat once:\n%s", essence(r), essence(whole))
			}
			return
		}
		if n > 10 {
			t.Fatal("it does not end")
		}
	}
}

// TestCheckpointWhileSearching: what is written in between is good to go on from, too, as after a crash.
func TestCheckpointWhileSearching(t *testing.T) {
	p := func() Program { return newDetachRace(t, 2, 1, 1, "") }
	whole := atOnce(t, p(), Options{Workers: 2})
	file := filepath.Join(t.TempDir(), "c")
	o := Options{Strategy: DPOR, Workers: 2, Checkpoint: file}
	s := newSearch(p(), o)
	if _, err := s.resume(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer s.endWith(ctx)()
	done := make(chan error)
	go func() { done <- s.phases(Strategies()[0]) }()
	for s.started.Load() < int64(whole.Executions/3) {
		s.asked.Add(1)
		s.saveNow()
		runtime.Gosched()
		select {
		case err := <-done:
			t.Fatalf("the search has ended after %d executions, before the crash: %v", s.started.Load(), err)
		default:
		}
	}
	cancel() // the crash
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.close()
	r := explored(t, p(), o)
	if r.Earlier == 0 || essence(r) != essence(whole) {
		t.Errorf("%d earlier, %s\nat once:\n%s", r.Earlier, essence(r), essence(whole))
	}
}

// TestShardsLeftAlone: the report counts a shard that an earlier run has begun, and that a later run is stopped before it comes to.
func TestShardsLeftAlone(t *testing.T) {
	o := Options{Workers: 2, Executions: 2, Checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
	explored(t, newDetachRace(t, 2, 2, 2, ""), o)
	text, err := os.ReadFile(o.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var c checkpoint
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	c.Parts[splitShards-1] = &savedPart{Report: savedReport{Executions: 5, Ops: make([]uint64, task.NumOps)}}
	if text, err = json.Marshal(&c); err == nil {
		err = os.WriteFile(o.Checkpoint, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := explored(t, newDetachRace(t, 2, 2, 2, ""), o); r.Earlier != 7 || r.Executions != 9 {
		t.Errorf("%d executions, %d of them earlier, expected 9 and 7", r.Executions, r.Earlier)
	}
}

func TestCheckpointIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c")
	of := func(name string) *detachRace { return newDetachRace(t, 2, 2, 2, name) }
	o := Options{Strategy: PCT, Seed: 4, Executions: 30, Checkpoint: file}
	explored(t, of(""), o)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, p Program, o Options) {
		t.Helper()
		_, err := Search(context.Background(), p, o)
		if _, ok := errors.AsType[*CheckpointError](err); !ok || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, expected %q", err, what)
		}
	}
	other := lostUpdate()
	other.finger = "s2"
	refused("belongs to scenario , this is s2", other, o)
	with := func(change func(*Options)) Options {
		c := o
		change(&c)
		return c
	}
	refused("belongs to strategy pct, this is dpor", of(""), with(func(o *Options) { o.Strategy = DPOR }))
	refused("belongs to seed 4, this is 5", of(""), with(func(o *Options) { o.Seed = 5 }))
	refused("belongs to PCT depth 4, this is 3", of(""), with(func(o *Options) { o.PCTDepth = 3 }))
	refused("belongs to depth 0, this is 50", of(""), with(func(o *Options) { o.Depth = 50 }))
	refused("a search by states cannot go on later", of(""), with(func(o *Options) { o.Strategy = States }))
	refused("no such file or directory", of(""), with(func(o *Options) { o.Checkpoint = filepath.Join(file+"x", "c") }))
	damaged := func(change func(map[string]any)) {
		t.Helper()
		var all map[string]any
		if err := json.Unmarshal(good, &all); err != nil {
			t.Fatal(err)
		}
		change(all)
		text, err := json.Marshal(all)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	damaged(func(all map[string]any) { all["version"] = 7 })
	refused("has version 7, expected 4", of(""), o)
	damaged(func(all map[string]any) { all["search"].(map[string]any)["build"] = "old" })
	refused("belongs to build of vmasim old, this is", of(""), o)
	damaged(func(all map[string]any) { all["parts"] = "many" })
	refused("is damaged", of(""), o)
	if err := os.WriteFile(file, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("is no checkpoint", of(""), o)
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := explored(t, of(""), o); r.Earlier != 30 || r.Executions != 60 {
		t.Errorf("%d executions, %d of them earlier", r.Executions, r.Earlier)
	}
	if left, _ := filepath.Glob(file + "?*"); left != nil {
		t.Errorf("%v is left", left)
	}
}

// TestSavedParts: what a strategy saves survives a file.
func TestSavedParts(t *testing.T) {
	o := &Options{}
	for name, part := range map[string][2]shard{
		"dpor": {&dpor{}, &dpor{}}, "dfs": {&dfs{bound: -1}, &dfs{bound: -1}},
		"random": {&random{newDraws(1, 0, 99)}, &random{newDraws(1, 0, 99)}},
	} {
		x := newExecutor(newDetachRace(t, 2, 1, 1, ""), o)
		x.use(part[0])
		for range 40 {
			part[0].next()
			if _, err := x.run(); err != nil {
				t.Fatal(err)
			}
		}
		part[0].next()
		text, err := json.Marshal(part[0].save())
		if err != nil {
			t.Fatal(err)
		}
		if err := part[1].restore(text); err != nil {
			t.Fatal(err)
		}
		part[1].next()
		if !reflect.DeepEqual(part[0].save(), part[1].save()) {
			t.Errorf("%s: restored from %s\nis %+v", name, text, part[1].save())
		}
		for n := range 40 {
			var trails [2]string
			for i, p := range part {
				if n > 0 {
					p.next()
				}
				x.use(p)
				if _, err := x.run(); err != nil {
					t.Fatal(err)
				}
				trails[i] = x.trail.String()
				if n == 0 && i == 0 {
					continue
				}
			}
			if trails[0] != trails[1] {
				t.Fatalf("%s, execution %d: %s, restored: %s", name, n, trails[0], trails[1])
			}
		}
		x.close()
	}
}
