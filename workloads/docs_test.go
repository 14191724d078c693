package workloads

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

const manual = "../docs/scenarios.md"

// TestManual checks the parts of the manual that are made from the tables of
// this package, between <!-- NAME --> and <!-- end -->. -rewrite updates them.
func TestManual(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, made := range generatedParts() {
		open, end := "<!-- "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(got, open)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Errorf("%s has no part %s", manual, name)
			continue
		}
		got = before + open + made + end + after
	}
	if got == string(text) {
		return
	}
	if flag.Lookup("rewrite").Value.String() != "true" {
		t.Fatalf("%s is not what the tables say: go test ./workloads -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestManualExamples parses every block of the manual that is marked vma.
func TestManualExamples(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```vma\n")[1:]
	for _, b := range blocks {
		src, _, _ := strings.Cut(b, "```")
		checkRoundTrip(t, src)
	}
	if len(blocks) < 5 {
		t.Errorf("only %d examples", len(blocks))
	}
}

// TestManualTellsEveryStatement checks that each one has more than a table row.
func TestManualTellsEveryStatement(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		if !strings.Contains(string(text), "\n* **`"+s.Name) {
			t.Errorf("nothing starts with **`%s", s.Name)
		}
	}
}

func generatedParts() map[string]string {
	return map[string]string{
		"declarations": specTable(KindRules, KindVerdict),
		"statements":   specTable(KindMmap, KindMaps),
		"control":      specTable(KindRepeat, KindIn),
		"protections":  wordTable("PROT", protWords),
		"specials":     wordTable("file NAME", specialWords),
		"growth":       wordTable("OPTION", growWords),
		"prctl":        wordTable("SETTING", prctlWords),
		"options":      wordTable("OPTION", mapWords),
		"moves":        wordTable("OPTION", moveWords),
		"locks":        wordTable("OPTION", slices.Concat(lockWords, lockAllWords[:2])),
		"syncs":        wordTable("OPTION", syncWords),
		"resources":    wordTable("RESOURCE", resourceWords),
		"advice":       wordTable("ADVICE", adviceWords),
		"accesses":     wordTable("access", accessWords),
		"sharing":      wordTable("kind", sharingWords),
		"limits":       wordTable("LIMIT", limitWords),
		"machine":      settingTable(),
		"results":      resultTable(),
		"generators":   generatorTable(),
		"builtin":      builtinTable(Builtin()),
		"wis":          builtinTable(WillItScale()),
		"shapes":       builtinTable(Shapes()),
		"litmus":       builtinTable(Litmus()),
		"bugs":         builtinTable(describe(bugDir)),
		"choices":      choiceTable(),
		"mistakes":     mistakes(),
	}
}

// cell escapes what would end a table cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func specTable(first, last Kind) string {
	var b strings.Builder
	b.WriteString("| usage | meaning | example |\n|---|---|---|\n")
	for _, s := range specs[first : last+1] {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", cell(s.Usage()), cell(s.Help), cell(s.Example))
	}
	return b.String()
}

func wordTable(title string, words []Word) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | meaning |\n|---|---|\n", title)
	for _, w := range words {
		fmt.Fprintf(&b, "| `%s` | %s |\n", w.Name, w.Help)
	}
	return b.String()
}

func resultTable() string {
	return wordTable("RESULT", append(resultWords[:len(resultWords):len(resultWords)],
		Word{Name: "EINVAL", Help: "this errno; any of the kernel's names"},
		Word{Name: "42", Help: "it succeeds with this value, any expression without draws"}))
}

func settingTable() string {
	var b strings.Builder
	b.WriteString("| SETTING | VALUE | meaning |\n|---|---|---|\n")
	for _, s := range settingSpecs {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", s.name, cell(s.form()), cell(s.help))
	}
	return b.String()
}

func generatorTable() string {
	words := make([]Word, len(generatorSpecs))
	for i, g := range generatorSpecs {
		words[i] = Word{Name: g.Usage, Help: g.Help}
	}
	return wordTable("draw", words)
}

func builtinTable(infos []Info) string {
	words := []Word{}
	for _, info := range infos {
		words = append(words, Word{Name: info.Name, Help: info.Title})
	}
	return wordTable("scenario", words)
}

func choiceTable() string {
	var words []Word
	for _, c := range task.Choices() {
		words = append(words, Word{Name: string(c.Name), Help: c.Doc})
	}
	return wordTable("CHOICE", words)
}

// mistakes shows a scenario full of them and what is said.
func mistakes() string {
	const src = `init
    mmap A 64k rw private anon
    munmpa A+16K 16K
thread faulter * 0
    touch random(B) write => SEGVV
thread mapper
	mprotect A+4K r
    mmap V 32T*1M rw private anon
    store V+8 42 => 42
    forever
        munmap A => SEGV
`
	_, err := Parse("bad.vma", []byte(src))
	return "```text\n" + strings.ReplaceAll(src, "\t", "→   ") + "```\n\n```text\n" + err.Error() + "\n```\n"
}
