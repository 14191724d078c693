package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads/program"
)

// searched is what a search came to: the oracles that spoke, in the order in which it found them.
func searched(scenario string, complete bool, oracles ...string) *program.Result {
	r := &program.Result{Scenario: scenario, Argument: scenario, Rules: "linux-6.18"}
	r.Search = explore.Report{Complete: complete, Executions: 1234, Elapsed: 10 * time.Millisecond}
	for _, name := range oracles {
		r.Search.Violations = append(r.Search.Violations, explore.Found{Violations: []task.Violation{{Oracle: name}}})
	}
	return r
}

// compared is a comparison with a line for each change.
func compared() *program.Comparison {
	pair := func(change program.Change, worse bool, with, against *program.Result) *program.Pair {
		return &program.Pair{Scenario: with.Scenario, With: with, Against: against, Change: change, Worse: worse}
	}
	c := program.NewComparison("-detach-waits", "linux-6.18", 11)
	c.Add(pair(program.ChangeNew, true, searched("new", true, "wrong-vma", "leak"), searched("new", true)))
	c.Add(pair(program.ChangeNew, true, searched("many", true, "wrong-vma", "leak", "stuck", "panic", "flags"), searched("many", false)))
	c.Add(pair(program.ChangeGone, false, searched("gone", true), searched("gone", true, "leak")))
	c.Add(pair(program.ChangeNone, false, searched("both", true, "leak"), searched("both", true, "leak")))
	c.Add(pair(program.ChangeNone, false, searched("none", true), searched("none", true)))
	oracles := pair(program.ChangeOther, true, searched("oracles", true, "leak"), searched("oracles", true, "stuck"))
	oracles.Broken = program.Sides{With: []string{"leak"}, Against: []string{"stuck"}}
	oracles.Outcomes = program.Sides{With: []string{"not told beside oracles"}}
	c.Add(oracles)
	other := pair(program.ChangeOther, false, searched("other", true), searched("other", true))
	other.Outcomes = program.Sides{With: []string{"one", "two"}, Against: []string{"three"}}
	other.Reached = program.Sides{Against: []string{"downgrade"}}
	other.NeverReached = program.Sides{With: []string{"downgrade", "vma_lock_miss"}}
	c.Add(other)
	c.Add(pair(program.ChangeOpen, false, searched("with", false), searched("with", true)))
	c.Add(pair(program.ChangeOpen, false, searched("against", true), searched("against", false)))
	c.Add(pair(program.ChangeOpen, false, searched("neither", false), searched("neither", false)))
	return c
}

func TestComparisonText(t *testing.T) {
	want := `rules    linux-6.18,-detach-waits
against  linux-6.18

scenario  rules      executions  against    executions  change
new       violation       1,234  verified        1,234  NEW   wrong-vma, leak
many      violation       1,234  not-found       1,234  NEW   wrong-vma, leak, stuck and 2 more
gone      verified        1,234  violation       1,234  GONE  leak
both      violation       1,234  violation       1,234  same  leak
none      verified        1,234  verified        1,234
oracles   violation       1,234  violation       1,234  other oracles +leak, -stuck
other     verified        1,234  verified        1,234  other outcomes: 2 more, 1 less; reached
                                                        -downgrade; never reached +vma_lock_miss
with      not-found       1,234  verified        1,234  open  not finished under the rules
against   verified        1,234  not-found       1,234  open  not finished under those compared with
neither   not-found       1,234  not-found       1,234  open  neither is finished
stopped                          not-found       1,234  open  interrupted

3 changes for the worse; to see the first: vmasim explore --rules linux-6.18 new

interrupted: 11 of 11 scenarios in 210ms: 2 NEW, 1 GONE, 2 other, 4 open, 2 the same
`
	c := compared()
	c.Add(&program.Pair{Scenario: "stopped", Against: searched("stopped", false), Change: program.ChangeOpen})
	var b bytes.Buffer
	if err := ComparisonFormats()[0].New(&b, Look{})(c); err != nil || b.String() != want {
		t.Errorf("%v\n%s\nexpected\n%s", err, b.String(), want)
	}
}

// TestSummaryText: a line for each search, and the counts.
func TestSummaryText(t *testing.T) {
	want := `scenario  rules       executions  time  verdict
right     linux-6.18       1,234  10ms  verified
wrong     linux-6.18       1,234  10ms  violation leak

2 verdicts in 20ms: 1 violation, 1 verified, 0 not-found; 1 as stated, 1 otherwise
`
	s := &program.Summary{Searches: 2}
	s.Add(searched("right", true))
	s.Add(searched("wrong", true, "leak"))
	var b bytes.Buffer
	if err := SummaryFormats()[0].New(&b, Look{})(s); err != nil || b.String() != want {
		t.Errorf("%v\n%s\nexpected\n%s", err, b.String(), want)
	}
}

// TestTablesInJSON: each is one object on one line.
func TestTablesInJSON(t *testing.T) {
	var b bytes.Buffer
	if err := ComparisonFormats()[1].New(&b, Look{})(compared()); err != nil {
		t.Fatal(err)
	}
	if err := SummaryFormats()[1].New(&b, Look{})(&program.Summary{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	var c struct {
		Worse    int
		Compared []struct{ Change string }
	}
	if err := json.Unmarshal([]byte(lines[0]), &c); err != nil || c.Worse != 3 || len(c.Compared) != 10 || c.Compared[2].Change != "gone" {
		t.Errorf("%+v, %v", c, err)
	}
	if want := `{"interrupted":false,"searches":0,"counts":{"not-found":0,"verified":0,"violation":0},"as_stated":0,"results":[]}`; lines[1] != want {
		t.Errorf("%s, expected %s", lines[1], want)
	}
}
