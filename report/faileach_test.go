package report

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/inject"
)

func failures() *inject.Result {
	pos := workloads.Pos{File: "x.vma", Line: 3, Col: 5}
	return &inject.Result{
		Scenario: "x", Title: "Two statements.", Rules: "linux-6.18", Seed: 1, Statements: 2, Points: 9, Done: 9,
		Failures: []*inject.Failure{
			{Pos: pos, Task: "init", Statement: "mmap A 4K rw private anon", Fails: task.ChargeFails, In: "__mmap_region", Gives: "ENOMEM", Times: 1},
			{Pos: pos, Task: "init", Statement: "mmap A 4K rw private anon", Fails: task.AllocFails, In: "__mmap_region", Gives: "ENOMEM", Times: 2, Left: []string{"cut at A"}},
			{Pos: pos, Task: "t", Statement: "mlockall current", Fails: task.HookFails, In: "f", Gives: "ok", Passed: true, Times: 5},
			{Pos: pos, Task: "t", Statement: "mlockall current", Fails: task.AllocFails, In: "g", Gives: "ok", Passed: true, Times: 1, Left: []string{"a", "b"}},
		},
	}
}

func TestFailuresText(t *testing.T) {
	const head = `x: Two statements.
rules linux-6.18, seed 1; 2 statements, one after the other; 9 points at which something can fail

statement                        fails       in             points  gives   what stays changed
init: mmap A 4K rw private anon  charge      __mmap_region       1  ENOMEM  nothing
                                 allocation  __mmap_region       2  ENOMEM  cut at A
t: mlockall current              hook        f                   5  ok      goes on
                                 allocation  g                   1  ok      goes on: a; b
`
	var b bytes.Buffer
	write := FailureFormats()[0].New(&b, Look{})
	for range 2 {
		if err := write(failures()); err != nil {
			t.Fatal(err)
		}
	}
	one := head + "\nok: after each of 9 failures all is valid, nothing leaks, and only what may stay changed does\n"
	if want := one + "\n" + one; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	for want, change := range map[string]func(r *inject.Result){
		"cut at A  WRONG\n": func(r *inject.Result) { r.Failures[1].Wrong = []string{"leak"} },
		"\n\nwrong: x.vma:3:5: allocation of __mmap_region fails: leak\n\nFAIL: after 2 failures something is wrong\n": func(r *inject.Result) { r.Failures[1].Wrong = []string{"leak"} },
		"wrong without a failure: map-count\n\nFAIL: something is wrong without a failure\n":                           func(r *inject.Result) { r.Broken = []string{"map-count"} },
		"\ninterrupted: 4 of 9 points have failed; ok: after each of 4 failures ":                                      func(r *inject.Result) { r.Interrupted, r.Done = true, 4 },
		"\ngiven up: 4 of 9 points have failed; FAIL: after 1 failure something is wrong\n":                            func(r *inject.Result) { r.Stuck, r.Done, r.Failures[0].Wrong = true, 4, []string{"does not end"} },
		"\nmachine thp on\n": func(r *inject.Result) { r.Machine = "thp on" },
		"\nnote: without a failure, x.vma:3:5: load A: got 0, expected 7\n\nstatement": func(r *inject.Result) { r.Unexpected = []string{"x.vma:3:5: load A: got 0, expected 7"} },
	} {
		r := failures()
		change(r)
		if got := failuresText(r, Look{Width: MaxWidth}); !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if got := FailureProgress("x", 4, 1000); got != "x: 4 of 1,000 points have failed" {
		t.Error(got)
	}
}

func TestFailuresJSON(t *testing.T) {
	var b bytes.Buffer
	if err := FailureFormats()[1].New(&b, Look{})(failures()); err != nil {
		t.Fatal(err)
	}
	var got inject.Result
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Failures) != 4 || got.Failures[1].Left[0] != "cut at A" || got.Failures[0].Line != 3 || got.Broken == nil || got.Failures[0].Left == nil {
		t.Errorf("%s", b.String())
	}
	doc, err := os.ReadFile("../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "## --fail-each")
	for _, key := range keys(reflect.TypeFor[inject.Result](), nil) {
		if !strings.Contains(section, "`"+key+"`") && !strings.Contains(section, "`"+key+"[]`") {
			t.Errorf("docs/output.md, --fail-each, does not tell what %q is", key)
		}
	}
}
