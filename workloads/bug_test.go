package workloads

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/rules"
)

// precursors are the oracles that say that a bug may come, not that it has: an exhibit shows what comes.
var precursors = []string{"lock-rule", "data-race", "lock-order", "blocking-under-vma-lock"}

// TestBugs: every exhibit tells its story, when it was, and what a user saw of it; takes one rule away or more, or has the rules of a
// generation with the bug; and states first what breaks, by its consequence, and then that nothing does with the rule.
func TestBugs(t *testing.T) {
	named := regexp.MustCompile(`^b\d\d-[a-z0-9-]+$`)
	for _, b := range Bugs() {
		sc, err := LoadBuiltin(b.Name)
		if err != nil {
			t.Errorf("%s:\n%v", b.Name, err)
			continue
		}
		checkRoundTrip(t, b.Source)
		if err := sc.CheckNames(Names{Rules: knownRules, Choices: choiceNames()}); err != nil {
			t.Error(err)
		}
		if !named.MatchString(b.Name) || b.Title == "" || len(b.Doc) < 200 || b.Commit == "" || b.Versions == "" || b.Seen == "" {
			t.Errorf("%s is not told, expected a name that begins with the bug's number, a story, Commit, Versions and Seen: %+v", b.Name, b)
		}
		if strings.Contains(b.Source, "\n# Bound:") != (b.Bound > 0) {
			t.Errorf("%s: Bound is no number of preemptions", b.Name)
		}
		if sc.Rules == nil || len(sc.Verdicts) < 2 || sc.Verdicts[0].Rules != sc.Rules.Spec {
			t.Errorf("%s does not begin its verdicts with its own rules", b.Name)
			continue
		}
		if v := sc.Verdicts[0]; v.Verified() || slices.Contains(precursors, v.Oracles[0]) {
			t.Errorf("%s: %s shows no consequence", b.Name, v)
		}
		if fixed := sc.FixedRules(); fixed == "" {
			t.Errorf("%s takes no rule away from a generation that is verified, and adds none to one that has the bug", b.Name)
		}
	}
}

// TestBugFields: the last paragraph has the fields, a line that begins with a space goes on, and a story may lack them.
func TestBugFields(t *testing.T) {
	b := bugOf(Info{Name: "b09-x", Doc: "A story.\n\nIts end.\n\nCommit: \"mm: a\n b\"\nVersions: 6.4\nSeen: a\n  crash\nBound: 3 preemptions"})
	want := Bug{Info{Name: "b09-x", Doc: "A story.\n\nIts end."}, "B09", `"mm: a b"`, "6.4", "a crash", 3}
	if b != want {
		t.Errorf("%+v, expected %+v", b, want)
	}
	plain := Info{Name: "b10-y", Doc: "A story.\n\nCommit is no field: this ends it."}
	if b := bugOf(plain); b != (Bug{Info: plain, Number: "B10"}) {
		t.Errorf("%+v", b)
	}
}

// kernelRows are the rows of docs/kernel.md by the number of the bug.
func kernelRows(t *testing.T) map[string][]string {
	text, err := os.ReadFile("../docs/kernel.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| <a id="(B\d\d)"></a>B\d\d \| (.*) \|$`).FindAllStringSubmatch(string(text), -1) {
		rows[m[1]] = strings.Split(m[2], " | ")
	}
	return rows
}

// catalogue has the numbers of all bugs that were collected when the project began.
var catalogue = strings.Fields("B01 B02 B03 B05 B06 B07 B09 B10 B11 B12 B13 B20 B21 B22 B23 B24 B27 B28 B29 B32 B33 B34 B36 B37 B38 " +
	"B40 B41 B42 B43 B44 B45 B46 B47 B48 B50 B51 B53 B54 B55 B56 B57 B59 B60 B62 B63 B64 B65 B67 B68 B69 B70 B71 B72")

// absent begins, in docs/kernel.md, why a bug is not in the museum.
const absent = "absent: "

// TestCatalogue: each bug of the catalogue has a row in docs/kernel.md, which links to its exhibits or says why it has none.
func TestCatalogue(t *testing.T) {
	rows, shown := kernelRows(t), map[string]bool{}
	for _, b := range Bugs() {
		shown[b.Number] = true
		if row := rows[b.Number]; len(row) != 3 || !strings.Contains(row[2], "(museum.md#"+b.Name+")") {
			t.Errorf("docs/kernel.md has no row %s with a link to museum.md#%s", b.Number, b.Name)
		}
	}
	for _, number := range catalogue {
		row := rows[number]
		if len(row) != 3 || strings.Contains(row[2], absent) == shown[number] {
			t.Errorf("docs/kernel.md does not say where %s is, or why it is absent: %q", number, row)
		}
		delete(rows, number)
	}
	for number := range rows {
		t.Errorf("%s of docs/kernel.md is not in the catalogue", number)
	}
}

// absentTable is made from the rows of docs/kernel.md that say why a bug is absent.
func absentTable(t *testing.T) string {
	rows := kernelRows(t)
	var out strings.Builder
	out.WriteString("| bug | subject | why |\n|---|---|---|\n")
	for _, number := range catalogue {
		if row := rows[number]; len(row) == 3 {
			if _, why, ok := strings.Cut(row[2], absent); ok {
				fmt.Fprintf(&out, "| [%s](kernel.md#%[1]s) | %s | %s |\n", number, row[0], why)
			}
		}
	}
	return out.String()
}

// museumSections are the stories of the exhibits.
func museumSections(t *testing.T) string {
	var out strings.Builder
	for _, b := range Bugs() {
		sc, err := LoadBuiltin(b.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n%s\n\n", b.Name, b.Title, b.Doc)
		fmt.Fprintf(&out, "* Catalogue: [%s](kernel.md#%[1]s)\n* Commit: %s\n* Versions: %s\n* Seen: %s\n\n", b.Number, b.Commit, b.Versions, b.Seen)
		fmt.Fprintf(&out, "```vma\n%s```\n\n%s", program(b.Source), verdictTable(sc))
	}
	return out.String() + "\n"
}

// TestLoadBugs: "bugs/" means the museum, and "bugs/NAME" an exhibit, in any directory.
func TestLoadBugs(t *testing.T) {
	t.Chdir(t.TempDir())
	for arg, want := range map[string]int{"bugs/": len(Bugs()), "bugs/b03-fork-parent": 1, "bugs/b03-fork-parent.vma": 1, "b03-fork-parent": 1} {
		all, err := Load(arg, nil)
		if err != nil || len(all) != want || all[0].Rules.Spec == rules.Default {
			t.Errorf("%s: %d scenarios, %v", arg, len(all), err)
		}
	}
	for arg, want := range map[string]string{
		"bugs/b03-fork-parents": `unknown bug "b03-fork-parents", did you mean "b03-fork-parent"?`,
		"bugs/zzz":              `unknown bug "zzz", expected `,
		"./bugs/":               "no such file or directory",
	} {
		if _, err := Load(arg, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", arg, err, want)
		}
	}
}
