//go:build linux

package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"vmasim/judge"
	"vmasim/judge/host"
	"vmasim/workloads/program"
)

// TestAnotherKernel: what a kernel that is no judge does otherwise is told as that, with the reason, and never as drift.
func TestAnotherKernel(t *testing.T) {
	drift := &judge.Drift{Statement: "munmap A", Space: "main", What: "the kernel says ok, the simulator EPERM"}
	for _, c := range []struct {
		result judge.Result
		says   []string
	}{
		{judge.Result{Drifts: 1, FirstDrift: drift}, []string{"another kernel: munmap A: the kernel says ok", "verdict       none, another kernel: 1 difference; "}},
		{judge.Result{Drifts: 3, FirstDrift: drift}, []string{"none, another kernel: 3 differences; "}},
		{judge.Result{}, []string{"none, another kernel: no difference; "}},
		{judge.Result{Interrupted: true}, []string{"none, another kernel: no difference; "}},
		{judge.Result{Unexpected: drift}, []string{"none, another kernel: no difference; ", "UNEXPECTED"}},
	} {
		c.result.Kernel = host.Kernel{Release: "7.3.4"}
		why := c.result.Kernel.Judges()
		if why == nil {
			t.Fatal("7.3.4 judges")
		}
		var text, object bytes.Buffer
		if err := DiffText(&text, &c.result, Look{Width: MaxWidth}); err != nil {
			t.Fatal(err)
		}
		for _, want := range append(c.says, why.Error()) {
			if !strings.Contains(text.String(), want) {
				t.Errorf("no %q in\n%s", want, text.String())
			}
		}
		if strings.Contains(strings.ToLower(text.String()), "drift") {
			t.Errorf("another kernel drifts:\n%s", text.String())
		}
		if err := DiffJSON(&object, &c.result); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Another *string `json:"another_kernel"`
		}
		if err := json.Unmarshal(object.Bytes(), &got); err != nil || got.Another == nil || *got.Another != why.Error() {
			t.Errorf("%v, %s", err, object.String())
		}
	}
}

// TestDiffJSON: a drift is printed with the scenario that shows it, and lists are lists.
func TestDiffJSON(t *testing.T) {
	r := &judge.Result{Name: "random", Drifts: 1, FirstDrift: &judge.Drift{Statement: "munmap A", Space: "main", What: "w", Picture: "p", Scenario: "s"}}
	var b bytes.Buffer
	if err := DiffJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"first_drift":{"statement":"munmap A","space":"main","what":"w","picture":"p","scenario":"s"},"unexpected":null,"unstable":[]`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in %s", want, b.String())
		}
	}
	r.Kernel.Release, r.Sequences, r.Seed = "7.3.4", 1, 1
	checkDocumented(t, "../docs/fidelity.md", printed(t, r))
}

func TestDiffParts(t *testing.T) {
	p := &program.Parts{Of: 3, Ended: 2, Lack: []string{"shard 2 of 3 is lost"}, Notes: []string{}}
	var text, object bytes.Buffer
	if err := PartsText(&text, p, Look{Width: MaxWidth}); err != nil || text.String() != "shards   2 of 3 are done\n         shard 2 of 3 is lost\n\n" {
		t.Errorf("%v: %q", err, text.String())
	}
	if err := DiffPartsJSON(&object, &judge.Result{Operations: 7}, p); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Operations int
		Parts      program.Parts
	}
	if err := json.Unmarshal(object.Bytes(), &got); err != nil || got.Operations != 7 || got.Parts.Of != 3 || len(got.Parts.Lack) != 1 {
		t.Errorf("%v: %s", err, &object)
	}
}
