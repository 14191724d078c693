package report

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/wrap"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// authorsWidth is that of the mails in which the races were drawn.
const authorsWidth = 80

// TestRacesAsDrawn draws the races of the mails that this project began with, in testdata/races, as wide as a mail. The input of a command
// is what the author drew, in order: a task's letter, and words that a line of the task has. Commands are
//
//	found scenario=NAME rules=SPEC                the counterexample that the explorer finds
//	taken scenario=NAME turns=(TASK[:UNTIL],...)  the execution of these turns: up to a step in a function, so many steps, or as far as
//	                                              the task can go
func TestRacesAsDrawn(t *testing.T) {
	datadriven.Walk(t, "testdata/races", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var name, rules string
			var turns []string
			for _, arg := range d.CmdArgs {
				switch arg.Key {
				case "scenario":
					name = arg.Vals[0]
				case "rules":
					rules = strings.Join(arg.Vals, ",")
				case "turns":
					turns = arg.Vals
				}
			}
			var shown *trace.Trace
			if testing.Short() && d.Cmd == "found" && name != "detach-race" {
				return d.Expected // others take seconds to be found
			}
			switch d.Cmd {
			case "found":
				shown = exploreBuiltin(t, name, program.Setting{Rules: rules}).Violations[0].Trace
			case "taken":
				shown = takeTurns(t, name, turns)
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			drawing := draw(shown, Look{Width: authorsWidth})
			if event := missing(drawing, d.Input); event != "" {
				t.Errorf("%q is not drawn, or not where its author has it:\n%s", event, drawing)
			}
			for line := range strings.Lines(drawing) {
				if n := wrap.Cells(strings.TrimSuffix(line, "\n")); n > authorsWidth {
					t.Errorf("a line of %d: %s", n, line)
				}
			}
			return drawing
		})
	})
}

// missing returns the first event that a drawing does not show behind those before it, "" for none.
func missing(drawing, events string) string {
	lines := slices.Collect(strings.Lines(drawing))
	for event := range strings.Lines(events) {
		who, words, _ := strings.Cut(strings.TrimSpace(event), " ")
		i := slices.IndexFunc(lines, func(line string) bool { // a number or none, and the letter
			before, text, ok := strings.Cut(line, " "+who+" ")
			return ok && strings.Trim(before, " 0123456789") == "" && strings.Contains(text, words)
		})
		if i < 0 {
			return strings.TrimSpace(event)
		}
		lines = lines[i+1:]
	}
	return ""
}

// takeTurns runs a scenario by turns: each is a task, to go on until a step of it is in a function, for so many steps, or as far as it can.
func takeTurns(t *testing.T, name string, turns []string) *trace.Trace {
	t.Helper()
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.New(sc, program.Setting{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := explore.Schedule{}
	s.Scenario, s.Rules = p.Fingerprints()
	shown, err := p.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		who, until, _ := strings.Cut(turn, ":")
		left, _ := strconv.Atoi(until)
		task := slices.Index(shown.Tasks, who)
		if task < 0 {
			t.Fatalf("%s is none of %v", who, shown.Tasks)
		}
		for taken := 0; ; taken++ {
			if taken > 1000 {
				t.Fatalf("%s comes to no end, and not to %q", who, until)
			}
			longer := s
			longer.Tasks = append(slices.Clone(s.Tasks), uint8(task))
			next, err := p.Replay(longer)
			if err != nil {
				t.Fatal(err)
			}
			if next.Diverged != nil {
				if until != "" {
					t.Fatalf("%s does not come to %s", who, until)
				}
				break
			}
			s, shown = longer, next
			left--
			if left == 0 || slices.Contains(shown.Steps[len(shown.Steps)-1].Stack, until) {
				break
			}
		}
	}
	return shown
}

// TestMissing: events in another order, or of another task, are found out.
func TestMissing(t *testing.T) {
	const drawing = " 1 A one\n   B two\n12 A three B four\n"
	for events, want := range map[string]string{
		"A one\nB two\nA three": "", "B two\nA one": "A one", "A two": "A two", "B four": "B four", "A one\nA one": "A one",
	} {
		if got := missing(drawing, events); got != want {
			t.Errorf("%q: %q is missing, expected %q", events, got, want)
		}
	}
}
