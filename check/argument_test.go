package check

import (
	"os"
	"strings"
	"testing"
)

// TestEveryOracleHasAnArgument: the manual says of each oracle, once, why it does not matter to it which order of independent steps
// is run.
func TestEveryOracleHasAnArgument(t *testing.T) {
	text, err := os.ReadFile("../docs/explore.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## Why one order stands for all\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("the section is missing")
	}
	times := map[string]int{}
	for line := range strings.Lines(section) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, name := range strings.Split(cell, ", ") {
			times[strings.Trim(name, "`")]++
		}
	}
	for _, o := range Oracles() {
		if times[o.Name] != 1 {
			t.Errorf("%s has %d arguments", o.Name, times[o.Name])
		}
		delete(times, o.Name)
	}
	if len(times) > 0 {
		t.Errorf("no such oracles: %v", times)
	}
}
