package main

import (
	"slices"
	"strings"
	"testing"

	"vmasim/check"
	"vmasim/workloads"
)

// TestOracleHints performs the command with which vmasim oracles NAME wants to show an oracle: it speaks there, in a litmus
// test. The list names all.
func TestOracleHints(t *testing.T) {
	list := vmasim(t, "oracles --width 1000", exitOK)
	for n, o := range check.Oracles() {
		if !strings.Contains(list, "\n  "+o.Name+"\n      "+o.Means+"\n") {
			t.Errorf("vmasim oracles leaves out %s", o.Name)
		}
		t.Run(o.Name, func(t *testing.T) {
			sample(t, n)
			text := vmasim(t, "oracles --width 1000 "+o.Name, exitOK)
			_, command, shown := strings.Cut(text, "To see it:\n  vmasim ")
			if shown == strings.Contains(text, "No litmus test shows it.") {
				t.Fatalf("neither or both:\n%s", text)
			}
			if !shown {
				return
			}
			if !slices.ContainsFunc(workloads.Litmus(), func(i workloads.Info) bool { return i.Name == o.Litmus() }) {
				t.Errorf("%q is no litmus test", o.Litmus())
			}
			line, _, _ := strings.Cut(command, "\n")
			if s := exploredBy(t, line); !slices.Contains(s.Broken, o.Name) {
				t.Errorf("vmasim %s breaks %v", line, s.Broken)
			}
		})
	}
}
