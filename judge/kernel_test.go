package judge

import (
	"errors"
	"slices"
	"testing"

	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// The facts of the kernel's own tests, as scenarios. Those alone cannot be performed by a process that the comparison makes:
// their results were recorded otherwise.
const (
	kernelFacts = "../testdata/kernel"
	aloneFacts  = "../testdata/kernel/alone"
)

// TestKernelFactsSimulated: the simulator gives the results that the kernel gave.
func TestKernelFactsSimulated(t *testing.T) {
	for _, sc := range append(loadFacts(t, kernelFacts), loadFacts(t, aloneFacts)...) {
		for _, machine := range []string{"", "zero-page=off", "maybe-guard=off", "lock-droppable=on", "zero-page=off,maybe-guard=off"} {
			t.Run(sc.Name+" "+machine, func(t *testing.T) { runFacts(t, sc, machine) })
		}
	}
}

// runFacts runs a scenario on another machine. Settings that the scenario states stay.
func runFacts(t *testing.T, sc *workloads.Scenario, machine string) {
	settings, err := workloads.ParseSettings(machine)
	if err != nil && machine != "" {
		t.Fatal(err)
	}
	for _, s := range sc.Machine {
		if slices.ContainsFunc(settings, func(m workloads.MachineSetting) bool { return m.Setting == s.Setting }) {
			return
		}
	}
	if slices.ContainsFunc(sc.Files, func(f *workloads.File) bool { return f.Memory }) {
		host.RequireMemfd(t)
	}
	r, err := driver.Run(t.Context(), sc.WithMachine(settings), driver.Options{Validate: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Unexpected {
		t.Error(r.Unexpected[i].String())
	}
	for _, v := range r.Violations {
		t.Error(v.Violation)
	}
}

// TestKernelFactsJudged: the running kernel gives them, and agrees with the simulator on all that can be seen.
func TestKernelFactsJudged(t *testing.T) {
	l := newLab(t)
	for _, sc := range loadFacts(t, kernelFacts) {
		t.Run(sc.Name, func(t *testing.T) {
			r, err := l.Scenario(t.Context(), sc, 1)
			if other, ok := errors.AsType[*OtherMachine](err); ok {
				t.Skip(other)
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := r.FirstDrift; d != nil {
				t.Errorf("%v\n%s", d, d.Picture)
			}
			if d := r.Unexpected; d != nil {
				t.Error(d)
			}
			if len(r.Skipped) > 0 {
				t.Errorf("the kernel did not perform %v", r.Skipped)
			}
		})
	}
}

// loadFacts returns the scenarios of a directory, each with what a reader has to know of it.
func loadFacts(t *testing.T, dir string) []*workloads.Scenario {
	t.Helper()
	all, err := workloads.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range all {
		if sc.Title == "" || sc.Doc == "" {
			t.Errorf("%s does not say what it shows, and where from", sc.File)
		}
	}
	return all
}
