package explore

import (
	"math"
	"testing"
	"time"
)

// TestShares: of a search depth first, what is done only grows, up to all of it, and is what is left of the tree.
func TestShares(t *testing.T) {
	d := &dfs{bound: -1}
	x := newExecutor(lostUpdate(), &Options{})
	defer x.close()
	x.use(d)
	before, sum := 0.0, 0.0
	for d.next() {
		done, _ := d.share()
		if done < before || math.Abs(done-sum) > 1e-9 {
			t.Fatalf("%v is done after %v; the leaves make %v", done, before, sum)
		}
		before = done
		if _, err := x.run(); err != nil {
			t.Fatal(err)
		}
		sum += d.prefixWeight()
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("all leaves make %v", sum)
	}
}

// TestEstimate: halfway through a reduced search, about how much is left is known, within a factor.
func TestEstimate(t *testing.T) {
	const off = 4
	p := newDetachRace(t, 2, 1, 1, "")
	whole := explored(t, p, Options{})
	for _, workers := range []int{1, 2} {
		s := newSearch(p, Options{Strategy: DPOR, Workers: workers, Executions: whole.Executions / 2})
		if err := s.phases(Strategies()[0]); err != nil {
			t.Fatal(err)
		}
		s.asked.Add(1)
		got := s.progress()
		s.close()
		if got.Total < whole.Executions/off || got.Total > whole.Executions*off || got.Share == 0 || got.Open == 0 || got.Left == 0 || got.Bound != -1 {
			t.Errorf("%d workers: %+v of %d", workers, got, whole.Executions)
		}
	}
}

// TestRandomProgress: what was decided beforehand is known, the time among it.
func TestRandomProgress(t *testing.T) {
	progress := func(o Options) Progress {
		s := newSearch(newDetachRace(t, 2, 1, 1, ""), o)
		defer s.close()
		strategy, err := strategyInfo(o.Strategy)
		if err != nil {
			t.Fatal(err)
		}
		s.o.halt.Store(o.Executions == 0) // nothing else would end it
		if err := s.phases(strategy); err != nil {
			t.Fatal(err)
		}
		return s.progress()
	}
	if p := progress(Options{Strategy: Random, Executions: 2000}); p.Total != 2000 || p.Share != float64(p.Executions)/2000 || p.Bound != -1 {
		t.Errorf("%+v", p)
	}
	if p := progress(Options{Strategy: Random, Time: time.Hour}); p.Total != 0 || p.Share != 0 || p.Left == 0 || p.Left > time.Hour {
		t.Errorf("%+v", p)
	}
	if p := progress(Options{Strategy: Bounded, Executions: 2000}); p.Bound < 0 {
		t.Errorf("%+v", p)
	}
}

// TestUntil: a failure that is waited for ends the search, and no other does.
func TestUntil(t *testing.T) {
	key := func(want string) func(*Found) bool { return func(f *Found) bool { return f.Kind() == want } }
	for _, s := range Strategies() {
		if s.Name == States {
			continue
		}
		for _, workers := range []int{1, 2} {
			o := Options{Strategy: s.Name, KeepGoing: 8, Executions: 2000, Workers: workers, Until: key("lost-update")}
			if r := explored(t, lostUpdate(), o); !r.Enough || len(r.Violations) != 1 || r.Violations[0].Execution != r.Executions {
				t.Errorf("%s: %+v", s.Name, r)
			}
			o.Until = key("another")
			if r := explored(t, lostUpdate(), o); r.Enough || r.Complete != s.Finishes {
				t.Errorf("%s: %+v", s.Name, r)
			}
		}
	}
}
