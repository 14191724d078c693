package play

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"vmasim/classroom/explain"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// TestNames: each name is there once, with a sentence, and is explained as all that it may mean.
func TestNames(t *testing.T) {
	all := Names()
	if len(all) < len(explain.All())/2 {
		t.Errorf("%d names", len(all))
	}
	seen := map[string]bool{}
	for _, k := range all {
		if seen[k.Name] || k.Sentence == "" || len(k.Kinds) == 0 || strings.Contains(k.Sentence, "\n") {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
	}
	for _, name := range []string{"vma_start_read", "vm_refcnt", "munmap", "detach-waits", "EAGAIN", "use-after-free", "__vma_start_write"} {
		if !seen[name] {
			t.Errorf("no %s", name)
		}
		entries, err := Explain(name)
		if err != nil {
			t.Error(err)
		}
		i := slices.IndexFunc(all, func(k Known) bool { return k.Name == name })
		for _, e := range entries {
			if !slices.Contains(all[i].Kinds, e.Kind) {
				t.Errorf("%s is a %s, too", name, e.Kind)
			}
		}
	}
	if k := all[slices.IndexFunc(all, func(k Known) bool { return k.Name == "handle_mm_fault" })]; k.Sentence != "Makes the page-table entry that an access needs, in a VMA that is kept as it is." {
		t.Errorf("%+v", k)
	}
	if _, err := Explain("vma_start_raed"); err == nil {
		t.Error("no name is explained")
	}
}

// TestEveryCellIsExplained: the functions and the cells that the steps of the litmus tests have are explained, but for what is the
// scenario's own.
func TestEveryCellIsExplained(t *testing.T) {
	all := workloads.Litmus()
	if testing.Short() {
		all = all[:20]
	}
	checked := map[string]bool{}
	for _, info := range all {
		sc, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		o := program.Options{NoShrink: true}
		o.Executions = 1
		r, err := program.Explore(t.Context(), sc, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Outcomes) == 0 {
			continue // it broke at once
		}
		p, err := program.New(sc, program.Setting{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := p.Replay(r.Outcomes[0].First)
		if err := errors.Join(err, p.Close()); err != nil {
			t.Fatal(err)
		}
		for i := range run.Steps {
			step := &run.Steps[i]
			words := strings.Fields(step.Func)
			words = words[:min(1, len(words))] // of a statement
			if strings.Contains(step.Cell, ".") {
				words = append(words, step.Cell)
			}
			for _, w := range words {
				if checked[w] {
					continue
				}
				if _, err := Explain(w); err != nil {
					t.Errorf("%s, step %d: %v", info.Name, step.Number, err)
				}
				checked[w] = true
			}
		}
	}
	if len(checked) < 30 {
		t.Errorf("%d words were checked", len(checked))
	}
}
