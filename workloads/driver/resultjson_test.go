package driver

import (
	"encoding/json"
	"reflect"
	"testing"

	"vmasim/internal/task"
	"vmasim/workloads"
)

// TestResultRoundTrip: what run prints as JSON is read back, but for what it leaves out.
func TestResultRoundTrip(t *testing.T) {
	want := Result{
		Scenario: "a", Rules: "linux-6.18", Seed: 1<<64 - 1, Tasks: 2, Elapsed: 12,
		Ops: Ops{
			{Kind: "mmap", Count: 3, P50: 1, P99: 2, Max: 3},
			{Kind: "touch", Count: 2, Errors: Errors{{"SEGV_MAPERR", 1}, {"SIGBUS", 1}}},
		},
		Faults:     Faults{Total: 2, VMALockSuccess: 1},
		Unexpected: []Unexpected{{Pos: workloads.Pos{File: "a.vma", Line: 1, Col: 2}, Stmt: "touch A", Got: "ok", Expected: "SEGV", Count: 1}},
		Violations: []Violation{{task.Violation{Oracle: "leak", Message: "one frame", Task: "exit"}, 1}},
	}
	text, err := json.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, written was %+v: %s", got, want, text)
	}
	for _, wrong := range []string{`{"ops":[]}`, `{"ops":{"mmap":{"errors":[]}}}`} {
		if err := json.Unmarshal([]byte(wrong), &got); err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}
