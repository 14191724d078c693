package program

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/internal/rules"
	"vmasim/workloads"
)

// TestHuntFindsRules: drawn programs find what a rule is for, without being given the test that shows it. The seed is fixed, so that it is
// the same each time; the bound is far above what docs/generate.md tells of each, as every change of the kernel's code makes other orders
// of the steps come first.
func TestHuntFindsRules(t *testing.T) {
	const programs = 250
	families := map[string]bool{}
	for i, name := range huntedRules {
		r, err := rules.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		families[r.Family().Name] = true
		if testing.Short() && i%5 > 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, switched := r.Demonstration()
			g := hunted(t, t.Context(), generateOptions(switched, plain, programs))
			if d := g.Difference; d == nil || d.Change != ChangeNew {
				t.Errorf("nothing found in %d programs: %v", g.Done, g.Counts)
			}
		})
	}
	if len(huntedRules) < 20 || len(families) < 10 {
		t.Errorf("%d rules of %d families, expected 20 of 10", len(huntedRules), len(families))
	}
}

// huntedRules are rules of all sorts that are found soon.
var huntedRules = strings.Fields(`end-write-on-downgrade detach-locks settle-before-put walk-anew lock-new-vma
	retry-under-trylock lock-grown split-locks-old link-when-made keep-charge
	policy-under-lock reattach address-after-ref seq-acquire anon-vma-under-lock
	lock-removed split-clones-anon-vma move-locks-source walk-under-rcu uncharge-failed
	undo-killed-lock check-detached seq-before-flag read-unlocked lock-rmap
	reset-unfaulted end-under-lock let-go-first detach-waits drop-before-look
	offsets-continue build-id-unlocked look-up-mapping ksm-tests-exit hook-last`)

var (
	huntPrograms = flag.Int("hunt", 0, "in TestHuntEachRule, how many programs are drawn at most for each rule and seed")
	huntOnly     = flag.String("hunted", "", "in TestHuntEachRule, families and rules, with commas between; none: all")
)

const (
	huntManual = "../../docs/generate.md"
	huntSeeds  = 3
)

// TestHuntEachRule takes each rule away whose litmus test, or exhibit, shows a violation then, and tells how soon a drawn program does. It
// takes minutes. With -rewrite it puts the rows into docs/generate.md.
func TestHuntEachRule(t *testing.T) {
	if *huntPrograms == 0 {
		t.Skip("no -hunt")
	}
	rows, only := map[string]string{}, strings.Split(*huntOnly, ",")
	for _, r := range rules.All() {
		plain, switched := r.Demonstration()
		if !breaks(t, r, switched) || *huntOnly != "" && !slices.Contains(only, r.String()) && !slices.Contains(only, r.Family().Name) {
			continue
		}
		begun := time.Now()
		rows[r.String()] = huntRow(t, r, plain, switched)
		t.Logf("%s (%.1f s)", strings.TrimSpace(rows[r.String()]), time.Since(begun).Seconds())
	}
	if !*rewrite {
		return
	}
	before, table, after := huntTable(t)
	old := rowsOf(table)
	var b strings.Builder
	b.WriteString("| rule | family |")
	for seed := range huntSeeds {
		fmt.Fprintf(&b, " seed %d |", seed)
	}
	b.WriteString(" median | what is found |\n| --- | --- |" + strings.Repeat(" ---: |", huntSeeds+1) + " --- |\n")
	for _, r := range rules.All() {
		row := rows[r.String()]
		if row == "" {
			row = old[r.String()]
		}
		b.WriteString(row)
	}
	if err := os.WriteFile(huntManual, []byte(before+b.String()+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// huntRow draws programs for a rule, with each seed.
func huntRow(t *testing.T, r rules.Rule, plain, switched string) string {
	numbers, cells, what := []int{}, "", ""
	for seed := range huntSeeds {
		o := generateOptions(switched, plain, *huntPrograms)
		o.Seed = uint64(seed)
		d := hunted(t, t.Context(), o).Difference
		switch {
		case d == nil:
			numbers, cells = append(numbers, *huntPrograms+1), cells+fmt.Sprintf(" > %d |", *huntPrograms)
			continue
		case d.Change == ChangeNew:
			what = "`" + d.With.Broken()[0] + "`"
		case d.Change == ChangeGone && what == "":
			what = "GONE `" + d.Against.Broken()[0] + "`"
		case d.Change == ChangeOther && what == "":
			what = "other outcomes"
		}
		numbers, cells = append(numbers, d.Program), cells+fmt.Sprintf(" %d |", d.Program)
	}
	slices.Sort(numbers)
	median := fmt.Sprint(numbers[huntSeeds/2])
	if numbers[huntSeeds/2] > *huntPrograms {
		median = fmt.Sprintf("> %d", *huntPrograms)
	}
	manual := "litmus.md"
	if slices.ContainsFunc(workloads.Bugs(), func(b workloads.Bug) bool { return b.Name == r.Info().Shows }) {
		manual = "museum.md"
	}
	return fmt.Sprintf("| [`%s`](%s#%s) | %s |%s %s | %s |\n", r, manual, r.Info().Shows, r.Family().Name, cells, median, what)
}

// huntTable returns the table of docs/generate.md, and what stands around it.
func huntTable(t *testing.T) (before, table, after string) {
	text, err := os.ReadFile(huntManual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- hunt -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), open)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part hunt", huntManual)
	}
	return before + open, table, end + after
}

// TestHuntManual: docs/generate.md tells of rules of which a test shows a violation, each once, in their order.
func TestHuntManual(t *testing.T) {
	_, table, _ := huntTable(t)
	rows, order := rowsOf(table), []string(nil)
	for _, r := range rules.All() {
		if _, switched := r.Demonstration(); rows[r.String()] != "" {
			order = append(order, rows[r.String()])
			if !breaks(t, r, switched) {
				t.Errorf("%s tells of %s, of which no test shows a violation", huntManual, r)
			}
		}
	}
	if _, got, _ := strings.Cut(table, "--- |\n"); got != strings.Join(order, "") || len(order) < 50 {
		t.Errorf("%s tells of what is no rule, or not in their order: make hunt", huntManual)
	}
}

// breaks reports whether the litmus test of a rule shows a violation under a specification.
func breaks(t *testing.T, r rules.Rule, spec string) bool {
	sc, err := workloads.LoadBuiltin(r.Info().Shows)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return !v.Verified() && inForce(v.Rules) == inForce(spec) })
}
