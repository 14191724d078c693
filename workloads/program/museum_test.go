package program

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

var rewrite = flag.Bool("rewrite", false, "write the table of docs/museum.md")

const museumManual = "../../docs/museum.md"

// quick is how many executions an exhibit may take for a short test.
const quick = 3000

// TestMuseum explores every exhibit under every set of rules for which it states a verdict, and holds the table of docs/museum.md to what
// that took. -rewrite updates the table; -short leaves out the exhibits that took long the last time.
func TestMuseum(t *testing.T) {
	text, err := os.ReadFile(museumManual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- museum -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), open)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part museum", museumManual)
	}
	stated := rowsOf(table)
	bugs := workloads.Bugs()
	rows := make([]string, len(bugs))
	t.Run("explore", func(t *testing.T) { // ends when all have
		for i, b := range bugs {
			rows[i] = stated[b.Name] // it stays, where the exhibit is not explored
			t.Run(b.Name, func(t *testing.T) {
				if testing.Short() && executions(rows[i]) > quick {
					t.Skip("its searches take long")
				}
				t.Parallel()
				rows[i] = exhibited(t, b)
				if !*rewrite && rows[i] != stated[b.Name] {
					t.Errorf("%s says\n%sexpected, by go test ./workloads/program -run Museum -rewrite,\n%s", museumManual, stated[b.Name], rows[i])
				}
			})
		}
	})
	if !*rewrite || t.Failed() {
		return
	}
	made := "| bug | fix | versions | without the rule | is seen as | found after | verified in |\n|---|---|---|---|---|---:|---:|\n" +
		strings.Join(rows, "")
	if err := os.WriteFile(museumManual, []byte(before+open+made+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// exhibited explores an exhibit and returns its row in the table.
func exhibited(t *testing.T, b workloads.Bug) string {
	sc, err := workloads.LoadBuiltin(b.Name)
	if err != nil {
		t.Fatal(err)
	}
	var found, verified int
	for _, v := range sc.Verdicts {
		o := explore.Options{Workers: 1}
		o.Until = func(f *explore.Found) bool { return !v.Verified() && slices.Contains(brokenBy(f), v.Oracles[0]) }
		if b.Bound > 0 {
			o.Strategy, o.Preemptions = explore.Bounded, b.Bound
		}
		r := checkVerdict(t, sc, v, o)
		switch v.Rules {
		case sc.Rules.Spec:
			found = r.Search.Executions
		case sc.FixedRules():
			verified = r.Search.Executions
		}
	}
	bound := ""
	if b.Bound > 0 {
		bound = fmt.Sprintf(", up to %d preemptions", b.Bound)
	}
	gone := strings.TrimPrefix(sc.Rules.Spec, rules.Default+",")
	if gone == rules.Default { // it has the bug
		gone = strings.ReplaceAll(strings.TrimPrefix(sc.FixedRules(), rules.Default+","), "+", "-")
	}
	return fmt.Sprintf("| [`%s`](#%[1]s) | %s | %s | `%s` | `%s` | %d | %d%s |\n",
		b.Name, b.Commit, b.Versions, gone, sc.Verdicts[0].Oracles[0], found, verified, bound)
}

// rowsOf returns the rows of the table by exhibit.
func rowsOf(table string) map[string]string {
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "| [`"); ok {
			name, _, _ = strings.Cut(name, "`")
			rows[name] = line
		}
	}
	return rows
}

// executions adds up what a row says, 0 if there is none.
func executions(row string) (sum int) {
	cells := strings.Split(row, " | ")
	for _, cell := range cells[max(0, len(cells)-2):] {
		word, _, _ := strings.Cut(strings.TrimRight(cell, " |\n"), ",")
		n, _ := strconv.Atoi(word) // no row, no number
		sum += n
	}
	return sum
}

// TestMuseumStrategies measures how many executions each strategy takes to find each exhibit, for make museum: with -table and -rewrite it
// writes the part of docs/museum.md about them.
func TestMuseumStrategies(t *testing.T) {
	if !*tableFlag || !*rewrite {
		t.Skip("make museum asks for it")
	}
	text, err := os.ReadFile(museumManual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- strategies -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part strategies", museumManual)
	}
	tb := &table{}
	head, line := []any{"bug"}, []any{"---"}
	for _, s := range strategies(false) {
		head, line = append(head, s.Name), append(line, "---:")
	}
	tb.row(head...)
	tb.row(line...)
	for _, b := range workloads.Bugs() {
		sc := builtin(t, b.Name)[0]
		row := []any{fmt.Sprintf("[`%s`](#%[1]s)", b.Name)}
		for _, s := range strategies(false) {
			row = append(row, toExhibit(t, sc, s))
		}
		tb.row(row...)
	}
	if err := os.WriteFile(museumManual, []byte(before+open+tb.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// toExhibit returns how many executions a strategy takes to the first find of what an exhibit shows: the median of the seeds, where the
// strategy has any; ">" and where it was given up if most find nothing.
func toExhibit(t *testing.T, sc *workloads.Scenario, s explore.StrategyInfo) string {
	seeds := *tableSeeds
	if s.Finishes {
		seeds = 1
	}
	var found []int
	for seed := range seeds {
		o := Options{NoShrink: true, Options: explore.Options{
			Strategy: s.Name, Seed: uint64(seed), Workers: 1, Executions: *tableExecutions, Time: *tableTime,
		}}
		o.Until = func(f *explore.Found) bool { return slices.Contains(brokenBy(f), sc.Verdicts[0].Oracles[0]) }
		r, err := Survey(t.Context(), sc, o)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(r.Search.Violations, func(f explore.Found) bool { return o.Until(&f) }); i >= 0 {
			found = append(found, r.Search.Violations[i].Execution)
		}
		if seed+1-len(found) > seeds/2 { // so is the median
			return fmt.Sprintf("> %d", *tableExecutions)
		}
	}
	slices.Sort(found)
	return strconv.Itoa(found[len(found)/2])
}
