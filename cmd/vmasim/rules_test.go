package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vmasim/check"
	"vmasim/internal/rules"
	"vmasim/judge/host"
	"vmasim/workloads"
)

// vmasim performs a command line in this process, which must end with one of the statuses, and returns its output.
func vmasim(t *testing.T, line string, statuses ...int) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := execute(strings.Fields(line), strings.NewReader(""), &stdout, &stderr)
	for _, s := range statuses {
		if s == status {
			return stdout.String()
		}
	}
	t.Fatalf("vmasim %s: exit status %d, expected one of %v\n%s", line, status, statuses, stderr.String())
	return ""
}

// searched is what a report says that a rule may change.
type searched struct {
	Verdict      string
	Broken       []string
	NeverReached []string `json:"never_reached"`
	Executions   int
}

func (s searched) breaks() bool {
	for _, name := range s.Broken {
		if _, err := check.Lookup(name); err == nil { // a scenario's own question is none
			return true
		}
	}
	return false
}

// differs returns the plainest part in which two reports differ.
func differs(a, b searched) rules.Seen {
	switch {
	case a.Verdict != b.Verdict:
		return rules.SeenVerdict
	case !reflect.DeepEqual(a.NeverReached, b.NeverReached):
		return rules.SeenReached
	case a.Executions != b.Executions:
		return rules.SeenExecutions
	}
	return rules.SeenNothing
}

// sample skips most of the searches of a test that goes through all rules or oracles, where time is short: those of the litmus
// tests are run elsewhere, too.
func sample(t *testing.T, n int) {
	if testing.Short() && n%3 != 0 {
		t.Skip("a third of them will do")
	}
}

// searches are the results by command: rules and oracles name the same ones.
var searches = map[string]searched{}

func exploredBy(t *testing.T, line string) (s searched) {
	t.Helper()
	if s, ok := searches[line]; ok {
		return s
	}
	if testing.Short() && (strings.Contains(line, "fork-parent") || strings.Contains(line, "build-id")) {
		t.Skip("its search takes seconds")
	}
	all, err := workloads.Load(strings.Fields(line)[1], nil) // after "explore"
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(all[0].Files, func(f *workloads.File) bool { return f.Memory }) {
		host.RequireMemfd(t)
	}
	if err := json.Unmarshal([]byte(vmasim(t, line+" --format json -j 1", exitOK, exitFailed)), &s); err != nil {
		t.Fatal(err)
	}
	searches[line] = s
	return s
}

// TestRuleHints performs the commands with which vmasim rules NAME wants to show what the rule does: their reports differ
// where the text says so, and something breaks if and only if the text says that it does.
func TestRuleHints(t *testing.T) {
	for n, r := range rules.All() {
		t.Run(r.String(), func(t *testing.T) {
			sample(t, n)
			info := r.Info()
			text := vmasim(t, "rules --width 1000 "+r.String(), exitOK)
			var reports []searched
			for line := range strings.Lines(text) {
				if command, ok := strings.CutPrefix(line, "  vmasim "); ok {
					reports = append(reports, exploredBy(t, strings.TrimSpace(command)))
				}
			}
			if info.Seen == rules.SeenNothing {
				if len(reports) != 0 || !strings.Contains(text, "No report of the explorer shows a difference.") {
					t.Errorf("nothing is to be seen, and yet:\n%s", text)
				}
				plain, switched := r.Demonstration()
				for _, spec := range []string{plain, switched} {
					reports = append(reports, exploredBy(t, "explore "+info.Shows+" --rules "+spec))
				}
			}
			if len(reports) != 2 {
				t.Fatalf("%d commands, expected 2:\n%s", len(reports), text)
			}
			if got := differs(reports[0], reports[1]); got != info.Seen {
				t.Errorf("the reports differ in %s, the text says %s: %+v", got, info.Seen, reports)
			}
			// Where something is switched off besides, the rule itself is not what breaks.
			if got := reports[1].breaks(); info.Beside == "" && got != (info.Breaks != "") {
				t.Errorf("breaks %v, the text says %q", reports[1].Broken, info.Breaks)
			}
		})
	}
}

// TestRuleTexts: the text of a rule that is off by default says what happens with it.
func TestRuleTexts(t *testing.T) {
	for _, r := range rules.All() {
		text := vmasim(t, "rules --width 1000 "+r.String(), exitOK)
		if with := strings.Contains(text, "\n  with:"); with == r.Home().Has(r) || with == strings.Contains(text, "\n  without:") {
			t.Errorf("%s:\n%s", r, text)
		}
	}
}
