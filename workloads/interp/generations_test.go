package interp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/internal/rules"
	"vmasim/internal/shrink"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// otherResults are rules that break nothing, and change what a task alone finds in the end: what they are for.
var otherResults = []string{"undo-split", "reset-kept", "spare-source", "split-kept", "uncount-kept", "anon-offsets", "early-mergeable", "early-map-count", "shared-zero"}

// alike are the specifications under which the same operations of one task end alike: each generation, without the rules that have other results, and each rule switched that breaks
// nothing, so that the older columns of the table of fallbacks are among them, and whatever chooses how the tree is built.
func alike() (specs []string) {
	for _, g := range rules.Generations() {
		specs = append(specs, plain(g))
	}
	specs = append(specs, "vma-rwsem,-late-anon-check,-file-faults")
	for _, r := range rules.All() {
		if _, switched := r.Demonstration(); r.Info().Breaks == "" && !slices.Contains(otherResults, r.String()) {
			specs = append(specs, strings.Replace(switched, r.Home().Name, plain(r.Home()), 1))
		}
	}
	return specs
}

// plain is a generation without the rules that have other results.
func plain(g rules.Generation) string {
	spec := g.Name
	for _, r := range g.With() {
		if slices.Contains(otherResults, r.String()) {
			spec += ",-" + r.String()
		}
	}
	return spec
}

// sideBySide are worlds under all of some specifications, which perform the same steps.
type sideBySide []*world

func (p plan) sideBySide(specs []string) (all sideBySide, err error) {
	for _, spec := range specs {
		w, err := p.newWorld(spec)
		if err != nil {
			return all, err
		}
		all = append(all, w)
	}
	return all, nil
}

// do performs a step in each world. The error says which ends otherwise than the first one, and in what.
func (all sideBySide) do(s step) error {
	if !all[0].makesSense(s) {
		return nil
	}
	out := all[0].do(s)
	state := all[0].state()
	for i, w := range all {
		if i > 0 {
			if got := w.do(s); got != out {
				return fmt.Errorf("%s says %s, %s says %s", all[0].name, out, w.name, got)
			}
			if got := w.state(); got != state {
				return fmt.Errorf("%s leaves\n%s%s leaves\n%s", all[0].name, state, w.name, got)
			}
		}
		if len(w.broken) > 0 {
			return fmt.Errorf("%s: %s", w.name, strings.Join(w.broken, "; "))
		}
	}
	return nil
}

// close ends all worlds.
func (all sideBySide) close() (first error) {
	for _, w := range all {
		if err := w.close(); err != nil && first == nil {
			first = fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return first
}

// perform performs steps in new worlds, up to the first after which they differ.
func (p plan) perform(specs []string, steps []step) error {
	all, err := p.sideBySide(specs)
	for i := 0; err == nil && i < len(steps); i++ {
		err = all.do(steps[i])
	}
	if closed := all.close(); err == nil {
		err = closed
	}
	return err
}

// faults counts what became of the faults of each specification.
type faults map[string]*task.Counters

func (f faults) add(all sideBySide) {
	for _, w := range all {
		if f[w.name] == nil {
			f[w.name] = &task.Counters{}
		}
		f[w.name].Add(&w.actor.Task.Counters)
	}
}

// draw performs so many random steps side by side.
func (p plan) draw(seed uint64, length int, specs []string, counts faults, kinds ...workloads.Kind) (steps []step, err error) {
	all, err := p.sideBySide(specs)
	g := p.generator(seed, kinds...)
	for len(steps) < length && err == nil {
		space := g.IntN(len(all[0].spaces))
		if all[0].spaces[space] == nil {
			space = 0
		}
		s := step{space, g.Next(all[0].viewOf(space))}
		steps = append(steps, s)
		err = all.do(s)
	}
	counts.add(all)
	if closed := all.close(); err == nil {
		err = closed
	}
	return steps, err
}

// TestGenerationsEndAlike performs random statements of one task under every generation, and compares outcome, layout, flags, anon_vmas,
// page tables and contents after each. The generations differ in the way of a fault alone, which the counters show.
func TestGenerationsEndAlike(t *testing.T) {
	seeds, length := uint64(60), 200
	if testing.Short() {
		seeds, length = 6, 120
	}
	specs, counts := alike(), faults{}
	for seed := range seeds {
		p := newPlan([]uint64{64, 16, 256}[seed%3], true)
		steps, err := p.draw(seed, length, specs, counts)
		if err != nil {
			t.Fatal(p.shrunk(specs, seed, steps, err))
		}
	}
	most := counts[rules.Default][task.VMALockSuccess]
	for _, spec := range specs {
		c := counts[spec]
		t.Logf("%s: %d faults, %d under a VMA lock, %d under mmap_lock", spec, c[task.PgFault], c[task.VMALockSuccess], c[task.PgFaultMmapLock])
		for _, same := range []task.Counter{task.PgFault, task.FaultSegv, task.FaultSigbus, task.FaultOOM} {
			if c[same] != counts[rules.Default][same] {
				t.Errorf("%s counts %d as %v, %s %d", spec, c[same], same, rules.Default, counts[rules.Default][same])
			}
		}
		switch under := c[task.VMALockSuccess]; {
		case strings.HasPrefix(spec, "mmap-lock") && under != 0:
			t.Errorf("%s has handled %d faults under VMA locks", spec, under)
		case !strings.HasPrefix(spec, "mmap-lock") && under == 0:
			t.Errorf("%s has handled no fault under a VMA lock", spec)
		case strings.HasSuffix(spec, "-file-faults") && under >= most:
			t.Errorf("%s has handled %d faults under VMA locks, as if files were let through", spec, under)
		}
	}
}

// TestReadersEndAlike does the same with those who only look at the layout among the statements: each counts the same VMAs, whatever lock it is
// under.
func TestReadersEndAlike(t *testing.T) {
	kinds := []workloads.Kind{workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise, workloads.KindStore,
		workloads.KindReadMaps, workloads.KindTaskVMAs, workloads.KindEachVMA, workloads.KindDamonVMAs}
	seeds := uint64(20)
	if testing.Short() {
		seeds = 4
	}
	specs, counts, drawn := append(alike(), rules.Default+",-iterator-copies", "linux-7,-guard-vma-lock"), faults{}, map[workloads.Kind]int{}
	for seed := range seeds {
		p := newPlan(64, true)
		steps, err := p.draw(seed, 200, specs, counts, kinds...)
		if err != nil {
			t.Fatal(p.shrunk(specs, seed, steps, err))
		}
		for _, s := range steps {
			drawn[s.stmt.Kind]++
		}
	}
	for _, k := range kinds {
		if drawn[k] == 0 {
			t.Errorf("%s was never drawn", k)
		}
	}
	for _, spec := range specs {
		if c := counts[spec]; c[task.AdviceVMALock]+c[task.AdviceMmapLock] == 0 || c[task.NextVMAFallback] != 0 {
			t.Errorf("%s: advice %d times under a VMA lock and %d under mmap_lock, %d readers beside a writer", spec, c[task.AdviceVMALock], c[task.AdviceMmapLock], c[task.NextVMAFallback])
		}
	}
	t.Log(drawn)
}

// shrunk words a difference, with as few statements as show it.
func (p plan) shrunk(specs []string, seed uint64, steps []step, err error) string {
	differ := func(s []step) bool { return p.perform(specs, s) != nil }
	if differ(steps) {
		steps = shrink.Sequence(steps, nil, shrink.Within(shrink.Budget{Runs: 400, Time: 20 * time.Second}, differ))
		err = p.perform(specs, steps)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, window of %#x bytes:\n", seed, p.scenario.Window.Size)
	for _, s := range steps {
		fmt.Fprintf(&b, "\t%v\n", s)
	}
	fmt.Fprintf(&b, "ends with: %v", err)
	return b.String()
}

// TestDifferenceIsFound: a rule that changes results is told by the comparison, with the statements that show it.
func TestDifferenceIsFound(t *testing.T) {
	specs := []string{rules.Default, rules.Default + ",+reset-kept"}
	for seed := range uint64(400) {
		p := newPlan(64, true)
		steps, err := p.draw(seed, 200, specs, faults{})
		if err == nil {
			continue
		}
		text := p.shrunk(specs, seed, steps, err)
		if n := strings.Count(text, "\t["); n > 40 {
			t.Errorf("it takes %d statements to show it:\n%s", n, text)
		}
		t.Log(text)
		return
	}
	t.Error("nothing differs")
}
