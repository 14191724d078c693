package lint

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// factsFile holds the facts about the kernel that comments cite.
const factsFile = "docs/kernel.md"

var (
	citation = regexp.MustCompile(`\b(K|R|I)[1-9]\d?\b|\bB\d\d\b`)
	outside  = regexp.MustCompile(`\bkernel-(facts|vma-rules)\b|\.\./shared/`) // documents that are not in the project
	anchor   = regexp.MustCompile(`<a id="([^"]+)"></a>`)
)

// facts returns the names of all facts.
var facts = sync.OnceValue(func() map[string]bool {
	text, err := os.ReadFile("../../" + factsFile)
	if err != nil {
		panic(err)
	}
	names := map[string]bool{}
	for _, m := range anchor.FindAllStringSubmatch(string(text), -1) {
		names[m[1]] = true
	}
	return names
})

// checkCitations finds comments that cite a fact which does not exist, or a document that is not in the project.
func checkCitations(p *pkg) (found []string) {
	if p.dir == benchmarks || strings.HasPrefix(p.dir, benchmarks+"/") {
		return nil // their B numbers are budgets of docs/performance.md
	}
	for _, f := range p.files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				for _, name := range citation.FindAllString(c.Text, -1) {
					if !facts()[name] {
						found = append(found, p.at(c.Pos(), "cites %s, which is not in %s", name, factsFile))
					}
				}
				if name := outside.FindString(c.Text); name != "" && p.dir != "internal/lint" {
					found = append(found, p.at(c.Pos(), "cites %s, which is not in the project", name))
				}
			}
		}
	}
	return found
}

// TestFactsAreNumbered: the facts of each kind are numbered from 1 without a gap, but for the bugs, and none stands twice.
func TestFactsAreNumbered(t *testing.T) {
	text, err := os.ReadFile("../../" + factsFile)
	if err != nil {
		t.Fatal(err)
	}
	all := anchor.FindAllStringSubmatch(string(text), -1)
	if len(all) != len(facts()) {
		t.Errorf("%d anchors, %d names", len(all), len(facts()))
	}
	for kind, n := range map[string]int{"K": 9, "R": 26, "I": 31} {
		got := 0
		for got < 100 && facts()[kind+strconv.Itoa(got+1)] {
			got++
		}
		if got < n {
			t.Errorf("facts %s end at %d, expected at least %d", kind, got, n)
		}
	}
}
