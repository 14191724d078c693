package workloads

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// choiceNames are the names of all choices.
func choiceNames() (all []string) {
	for _, c := range task.Choices() {
		all = append(all, string(c.Name))
	}
	return all
}

// minStory is how many characters it takes at least to tell why a litmus test is there.
const minStory = 400

// TestLitmus: every litmus test teaches, states what comes of it under known rules, and one of these is the kernel's.
func TestLitmus(t *testing.T) {
	for _, info := range Litmus() {
		sc, err := LoadBuiltin(info.Name)
		if err != nil {
			t.Errorf("%s:\n%v", info.Name, err)
			continue
		}
		if sc.Title == "" || len(sc.Doc) < minStory {
			t.Errorf("%s: the title is %q and the story has %d characters, expected a title and at least %d", info.Name, sc.Title, len(sc.Doc), minStory)
		}
		checkRoundTrip(t, info.Source)
		if err := sc.CheckNames(Names{Rules: knownRules, Choices: choiceNames()}); err != nil {
			t.Error(err)
		}
		if len(sc.Verdicts) < 2 || !verifies(sc, rules.Default) && !mended(sc) {
			t.Errorf("%s has no verdicts to compare, or none for %s", info.Name, rules.Default)
		}
		if sc.Rules != nil && verifies(sc, sc.Rules.Spec) {
			t.Errorf("%s runs with rules that are right, without a reason to name them", info.Name)
		}
	}
}

// verifies tells that there is a verdict that nothing goes wrong under the rules.
func verifies(sc *Scenario, spec string) bool {
	for _, v := range sc.Verdicts {
		if v.Rules == spec {
			return v.Verified()
		}
	}
	return false
}

// mended tells that the scenario is about what goes wrong in the kernel as it is, and that there is a verdict that nothing does without a
// rule of it.
func mended(sc *Scenario) bool {
	states := func(mends bool) bool {
		return slices.ContainsFunc(sc.Verdicts, func(v *Verdict) bool {
			return v.Verified() == mends && (v.Rules == rules.Default) != mends && strings.HasPrefix(v.Rules, rules.Default)
		})
	}
	return sc.Rules == nil && states(true) && states(false)
}

func knownRules(spec string) error {
	_, err := rules.Parse(spec)
	return err
}

// TestEveryRuleIsShown: the litmus test that a rule names exists and says what comes of switching the rule; what breaks
// without a rule does so there.
func TestEveryRuleIsShown(t *testing.T) {
	for _, r := range rules.All() {
		info := r.Info()
		sc, err := LoadBuiltin(info.Shows)
		if err != nil {
			t.Errorf("%s: %v", r, err)
			continue
		}
		switched, breaks := false, false
		for _, v := range sc.Verdicts {
			set, err := rules.Parse(v.Rules)
			if err != nil {
				t.Error(err)
				continue
			}
			if set.Has(r) != r.Home().Has(r) && set.Lock() == r.Home().Lock {
				switched = true
				breaks = breaks || !v.Verified()
			}
		}
		if info.Seen == rules.SeenVerdict && (!switched || !breaks && info.Breaks != "") {
			t.Errorf("%s does not show %s", info.Shows, r)
		}
	}
}

// TestStoriesAreOurOwn: mails are told in the words of this project; only the subject of a patch is quoted.
func TestStoriesAreOurOwn(t *testing.T) {
	subject := regexp.MustCompile(`^[a-z0-9_/, ]+: `)
	for _, info := range append(Litmus(), describe(bugDir)...) {
		parts := strings.Split(info.Doc, `"`)
		for i := 1; i < len(parts); i += 2 {
			if words := strings.Fields(parts[i]); len(words) > 4 && !subject.MatchString(strings.Join(words, " ")) {
				t.Errorf("%s quotes %q", info.Name, parts[i])
			}
		}
	}
}

// TestStories checks the parts of docs/litmus.md and docs/museum.md that tell the stories of the files. -rewrite updates them.
func TestStories(t *testing.T) {
	rewritePart(t, "../docs/litmus.md", "litmus", litmusSections(t))
	rewritePart(t, "../docs/museum.md", "absent", absentTable(t))
	rewritePart(t, "../docs/museum.md", "exhibits", museumSections(t))
}

// rewritePart checks a part of a manual, between <!-- NAME --> and <!-- end -->. -rewrite updates it.
func rewritePart(t *testing.T, manual, name, made string) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	open, end := "<!-- "+name+" -->\n", "<!-- end -->\n"
	before, rest, ok := strings.Cut(string(text), open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part %s", manual, name)
	}
	want := before + open + made + end + after
	if want == string(text) {
		return
	}
	if flag.Lookup("rewrite").Value.String() != "true" {
		t.Fatalf("%s is not what the files say: go test ./workloads -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// litmusSections are the stories, with a table of contents.
func litmusSections(t *testing.T) string {
	var contents, sections strings.Builder
	for _, info := range Litmus() {
		sc, err := LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&contents, "* [`%s`](#%[1]s): %s\n", info.Name, info.Title)
		fmt.Fprintf(&sections, "\n## %s\n\n%s\n\n%s\n\n```vma\n%s```\n\n%s", info.Name, info.Title, info.Doc, program(info.Source), verdictTable(sc))
	}
	return "\n" + familyTable() + "\n" + contents.String() + sections.String() + "\n"
}

// familyTable has a row for each family of rules: its rules, and the scenario that shows each of them.
func familyTable() string {
	places := map[string]string{}
	for _, info := range Litmus() {
		places[info.Name] = "#" + info.Name
	}
	for _, bug := range Bugs() {
		places[bug.Name] = "museum.md#" + bug.Name
	}
	var b strings.Builder
	b.WriteString("| family | is about | rules, and what shows them |\n|---|---|---|\n")
	for _, f := range rules.Families() {
		var shown []string
		for _, r := range f.Rules() {
			place := "`" + r.Info().Shows + "`"
			if to := places[r.Info().Shows]; to != "" {
				place = fmt.Sprintf("[%s](%s)", place, to)
			}
			shown = append(shown, fmt.Sprintf("`%s` (%s)", r, place))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, f.Doc, strings.Join(shown, ", "))
	}
	return b.String()
}

// program is the file without its description and its verdicts.
func program(source string) string {
	var b strings.Builder
	blank := false
	for line := range strings.Lines(source) {
		switch {
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "verdict"):
			continue
		case line == "\n":
			blank = b.Len() > 0
			continue
		case blank:
			b.WriteByte('\n')
		}
		b.WriteString(line)
		blank = false
	}
	return b.String()
}

func verdictTable(sc *Scenario) string {
	var b strings.Builder
	b.WriteString("| rules | verdict |\n|---|---|\n")
	for _, v := range sc.Verdicts {
		verdict := wordVerified
		if !v.Verified() {
			verdict = strings.Join(v.Oracles, ", ")
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", v.Rules, verdict)
	}
	return b.String()
}
