package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vmasim/classroom/explain"
	"vmasim/explore/trace"
	"vmasim/internal/wrap"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// everyWhich is how many litmus tests a short run leaves out for one that it draws.
const everyWhich = 8

// TestLitmusReportsFit: no report of a litmus test has a line that is wider than it may be, and none draws a step that only its own task meets,
// at any width; and every name that they have is explained.
func TestLitmusReportsFit(t *testing.T) {
	reports, numbers := 0, 0
	names, reached := newExplanations(), map[string]bool{}
	for i, info := range workloads.Litmus() {
		if testing.Short() && i%everyWhich != 1 {
			continue
		}
		sc, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range sc.Verdicts {
			r, err := program.Explore(t.Context(), sc, program.Options{Setting: program.Setting{Rules: v.Rules}, NoShrink: testing.Short()})
			if err != nil {
				t.Fatal(err)
			}
			names.report(t, sc, r)
			for _, point := range r.Reached {
				reached[point+" in "+sc.Name] = true
			}
			for _, width := range []int{MinWidth, 80, 100, 140} {
				var b strings.Builder
				if err := ExploreFormats()[0].New(&b, Look{Width: width})(r); err != nil {
					t.Fatal(err)
				}
				reports++
				for line := range strings.Lines(b.String()) {
					if n := wrap.Cells(strings.TrimSuffix(line, "\n")); n > width && !unbreakable(line) {
						t.Errorf("%s under %s, width %d: a line of %d: %s", sc.Name, v.Rules, width, n, line)
					}
				}
				for _, found := range r.Violations {
					of := draw(found.Trace, Look{Width: width})
					for _, i := range drawnSteps(of) {
						if numbers++; !worthDrawing(found.Trace, i, of) {
							t.Errorf("%s under %s, width %d: only %s meets step %d\n%s", sc.Name, v.Rules, width, found.Trace.Steps[i].Task, i+1, of)
						}
					}
				}
			}
		}
	}
	for point, name := range explain.ReachedBy {
		if !reached[point+" in "+name] && !testing.Short() {
			t.Errorf("%s does not come to %s, as explain says", name, point)
		}
	}
	for _, kind := range []string{"function", "operation", "cell", "structure", "oracle", "point", "strategy", "result", "statement"} {
		if names.kinds[kind] == 0 {
			t.Errorf("the reports have no %s", kind)
		}
	}
	if reports < 20 || numbers < 200 {
		t.Errorf("only %d reports, with %d steps", reports, numbers)
	}
}

// unbreakable reports whether a line is one word, behind the step and its task, or of a command that goes on.
func unbreakable(line string) bool {
	return len(strings.Fields(stepTaken.ReplaceAllString(strings.TrimSuffix(strings.TrimRight(line, "\n"), ` \`), ""))) == 1
}

// stepTaken is the number of a step, and the letter of its task.
var stepTaken = regexp.MustCompile(`^ *\d* [A-P] `)

var drawnNumber = regexp.MustCompile(`(?m)^ *(\d+) (?:[A-P] |  )`)

// drawnSteps returns the steps that have a line, from 0.
func drawnSteps(drawing string) (all []int) {
	for _, m := range drawnNumber.FindAllStringSubmatch(drawing, -1) {
		n, _ := strconv.Atoi(m[1])
		all = append(all, n-1)
	}
	return all
}

// worthDrawing reports whether there is a reason, as docs/explore.md tells them, to draw a step.
func worthDrawing(t *trace.Trace, i int, drawing string) bool {
	s := &t.Steps[i]
	plain := func(note string) bool { return !strings.Contains(note, born) && !strings.Contains(note, freed) }
	if len(s.Violations) > 0 || s.Word() || s.Target != "" || slices.ContainsFunc(s.Notes, plain) ||
		strings.Contains(drawing, "(from "+strconv.Itoa(i+1)+")") {
		return true
	}
	for j := i - 1; s.Waits() && j >= 0 && t.Steps[j].Task != s.Task; j-- {
		if !slices.Contains(t.Steps[j].Enabled, s.Task) {
			return true // another task held it up
		}
	}
	return slices.ContainsFunc(t.Steps, func(o trace.Step) bool {
		if o.Task == s.Task {
			return false
		}
		if o.Addr-s.Addr < trace.Address(max(1, s.Size)) || s.Addr-o.Addr < trace.Address(max(1, o.Size)) {
			return o.Writes() || s.Writes() || s.Waits()
		}
		return slices.ContainsFunc(s.Notes, func(n string) bool { // a birth or an end
			for word := range strings.FieldsSeq(n) {
				if strings.Contains(word, "#") && (o.Cell == word || strings.HasPrefix(o.Cell, word+".") || o.Was == word || o.Is == word) {
					return true
				}
			}
			return false
		})
	})
}

// TestFitsCanFail: a step that only its own task meets is found out where it is drawn.
func TestFitsCanFail(t *testing.T) {
	made := handMade()
	for i := range made.Steps {
		made.Steps[i].Addr = trace.Address(i) << 4
	}
	of := draw(made, Look{Full: true})
	var found []int
	for _, i := range drawnSteps(of) {
		if !worthDrawing(made, i, of) {
			found = append(found, i+1)
		}
	}
	if want := []int{1, 2, 3, 5, 6}; !slices.Equal(found, want) {
		t.Errorf("steps %v are found to be met by one task, expected %v", found, want)
	}
}
