package program

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

const kernelManual = "../../docs/kernel.md"

// TestOrders explores, for each ordering requirement, the scenario of each rule that meets it, without the rule and with it, and holds the
// table of docs/kernel.md to what that took. -rewrite updates the table.
func TestOrders(t *testing.T) {
	var made strings.Builder
	made.WriteString("| | between | needs | rule | shown by | without it | with it |\n|---|---|---|---|---|---|---|\n")
	for _, q := range rules.Requirements() {
		made.WriteString(orderRows(t, q))
	}
	holdsOrders(t, kernelManual, made.String())
}

func holdsOrders(t *testing.T, manual, made string) {
	t.Helper()
	holdsPart(t, manual, "orders", made)
}

// holdsPart holds a part of a manual to a table, or makes it that.
func holdsPart(t *testing.T, manual, part, made string) {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	open, end := "<!-- "+part+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), open)
	table, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Fatalf("%s has no part %s", manual, part)
	case table == made:
	case *rewrite && !t.Failed():
		if err := os.WriteFile(manual, []byte(before+open+made+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says\n%sexpected, by go test ./workloads/program -run %s -rewrite,\n%s", manual, table, t.Name(), made)
	}
}

// withAndWithout returns the specifications with a rule and without it, the kernel's way first.
func withAndWithout(r rules.Rule) (with, without string) {
	with, without = r.Demonstration()
	if !r.Home().Has(r) { // it is no kernel's
		with, without = without, with
	}
	return with, without
}

// orderRows returns the rows of a requirement, one for each rule that meets it.
func orderRows(t *testing.T, q rules.Requirement) (rows string) {
	needs := q.Needs
	if q.Note != "" {
		needs += "; " + q.Note
	}
	head := fmt.Sprintf(`| <a id="%s"></a>%[1]s | %s | %s |`, q.Name, q.Between, needs)
	for _, r := range q.Rules() {
		plain, switched := withAndWithout(r)
		rows += fmt.Sprintf("%s `%s` | %s | %s | %s |\n", head, r, shownBy(r), took(t, r, switched), took(t, r, plain))
		head = "| | | |"
	}
	if rows == "" {
		rows = head + " none | | | |\n"
	}
	return rows
}

func shownBy(r rules.Rule) string {
	name, page := r.Info().Shows, "litmus.md"
	if slices.ContainsFunc(workloads.Bugs(), func(b workloads.Bug) bool { return b.Name == name }) {
		page = "museum.md"
	}
	return fmt.Sprintf("[`%s`](%s#%[1]s)", name, page)
}

// took says what the verdict of a rule's scenario under a specification is, and after how many executions.
func took(t *testing.T, r rules.Rule, spec string) string {
	sc, err := workloads.LoadBuiltin(r.Info().Shows)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return v.Rules == spec })
	if i < 0 {
		t.Fatalf("%s has no verdict under %s", sc.Name, spec)
	}
	v := sc.Verdicts[i]
	res := checkVerdict(t, sc, v, explore.Options{Workers: 1, Until: func(f *explore.Found) bool {
		return !v.Verified() && slices.Contains(brokenBy(f), v.Oracles[0])
	}})
	switch {
	case !v.Verified():
		return fmt.Sprintf("`%s` after %d", v.Oracles[0], res.Search.Executions)
	case !res.Search.Complete:
		t.Errorf("%s under %s: the search did not finish", sc.Name, spec)
	}
	return fmt.Sprintf("verified in %d, complete", res.Search.Executions)
}
