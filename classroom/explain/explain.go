// Package explain says what a name means that reports, drawings and manuals have. Each is read where it is declared; of the kernel's
// functions functions.go is that place.
package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"vmasim/internal/suggest"
)

// Fact is something to be said of a name, under a label.
type Fact struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// Entry explains a name.
type Entry struct {
	Kind  string   `json:"kind"`
	Name  string   `json:"name"`
	Does  string   `json:"does"` // what it is, or does
	Facts []Fact   `json:"facts"`
	Try   []string `json:"try"` // commands that show it

	aliases []string // by which it is found, too
	words   []string // as which texts have it; none: texts are not searched for it
}

// add notes a fact, if there is one.
func (e *Entry) add(label, text string) {
	if text != "" {
		e.Facts = append(e.Facts, Fact{label, text})
	}
}

// Kind is a kind of names.
type Kind struct {
	Name    string
	Doc     string
	entries func() []Entry
}

// Kinds are those that there are.
func Kinds() []Kind {
	return []Kind{
		{"function", "functions of the kernel that stand in traces", functions},
		{"field", "fields of the kernel's structures, as traces have them", fields},
		{"operation", "operations of the kernel, which are what steps do", operations},
		{"structure", "types of objects, as which traces name them", structures},
		{"lock", "classes of locks, and what may be waited for under them", locks},
		{"rule", "what the kernel does that can be switched", ruleEntries},
		{"generation", "kinds of lock with the rules that go with them", generations},
		{"requirement", "orders between two steps that the protocol relies on", requirements},
		{"oracle", "what must never happen", oracles},
		{"counter", "what tasks count", counters},
		{"point", "places that a search comes to or never sees", points},
		{"memory model", "what loads may see", memoryModels},
		{"choice", "what may go either way beside the order of steps", choices},
		{"strategy", "ways to search", strategies},
		{"statement", "statements and declarations of scenarios", statements},
		{"scenario", "built-in scenarios and litmus tests", scenarios},
		{"bug", "bugs that the kernel has had", bugs},
		{"errno", "errors of calls", errnos},
		{"result", "other ways in which a statement ends", results},
	}
}

// Entries returns what there is of the kind, in the order in which it is declared.
func (k Kind) Entries() []Entry {
	all := k.entries()
	for i := range all {
		all[i].Kind = k.Name
	}
	return all
}

// declared are all entries, read once, as that takes milliseconds. Each is clipped, so that a fact that is added to a copy goes nowhere else.
var declared = sync.OnceValue(func() (all []Entry) {
	for _, k := range Kinds() {
		all = append(all, k.Entries()...)
	}
	for i := range all {
		e := &all[i]
		e.Facts, e.Try = slices.Clip(e.Facts), slices.Clip(e.Try)
	}
	return all
})

// All returns all that can be explained.
func All() []Entry { return slices.Clone(declared()) }

// Find returns what a name means, which may be several things: one that is declared, in whichever case, or that of a cell in a trace, as
// vma#1.vm_refcnt or pte[3]. The error says what was probably meant.
func Find(name string) ([]Entry, error) {
	all := All()
	for _, word := range []string{name, cellField(name)} {
		for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
			if found := named(all, func(n string) bool { return same(n, word) }); found != nil {
				for i := range found {
					found[i].relate(all)
				}
				return found, nil
			}
		}
	}
	var known []string
	for i := range all {
		known = append(append(known, all[i].Name), all[i].aliases...)
	}
	return nil, errors.New(suggest.Unknown("name", name, known, "one that vmasim explain --kind KIND lists"))
}

// named returns the entries with a name that fits.
func named(all []Entry, fits func(string) bool) (found []Entry) {
	for i := range all {
		if fits(all[i].Name) || slices.ContainsFunc(all[i].aliases, fits) {
			found = append(found, all[i])
		}
	}
	return found
}

// cellField is the field in the name of a cell, or the type of an object, as vma#1.
func cellField(name string) string {
	if object, _, ok := strings.Cut(name, "#"); ok && !strings.Contains(name, ".") {
		return object
	}
	if _, field, ok := strings.Cut(name, "."); ok {
		name = field
	}
	name, _, _ = strings.Cut(name, "[")
	return name
}

// maxRelated is how many names of a kind an entry refers to.
const maxRelated = 8

// relate notes which rules, scenarios and bugs speak of an entry, those first that do most: texts that have its name in them.
func (e *Entry) relate(all []Entry) {
	if e.words == nil {
		return
	}
	for _, by := range []struct{ kind, label string }{{"rule", "rules"}, {"scenario", "scenarios"}, {"bug", "bugs"}} {
		var names []string
		often := map[string]int{}
		for i := range all {
			other := &all[i]
			if other.Kind != by.kind {
				continue
			}
			n, text := 0, other.text()
			for _, w := range e.words {
				n += countWord(text, w)
			}
			if n > 0 {
				names = append(names, other.Name)
				often[other.Name] = n
			}
		}
		slices.SortStableFunc(names, func(a, b string) int { return often[b] - often[a] })
		if by.kind == "scenario" && names != nil {
			e.Try = append(e.Try, "vmasim explain "+names[0])
		}
		if more := len(names) - maxRelated; more > 0 {
			names = append(names[:maxRelated], fmt.Sprintf("%d more", more))
		}
		e.add(by.label, strings.Join(names, ", "))
	}
}

// countWord returns how often a text has a word, maybe with underscores before it.
func countWord(text, word string) (n int) {
	for {
		at := strings.Index(text, word)
		if at < 0 {
			return n
		}
		before, behind := strings.TrimRight(text[:at], "_"), text[at+len(word):]
		if (before == "" || !inWord(before[len(before)-1])) && (behind == "" || !inWord(behind[0])) {
			n++
		}
		text = behind
	}
}

func inWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// text is all that an entry says.
func (e *Entry) text() string {
	words := []string{e.Does}
	for _, f := range e.Facts {
		words = append(words, f.Text)
	}
	return strings.Join(words, "\n")
}

// Text words an entry in lines, which are not broken.
func (e *Entry) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", e.Name, e.Kind)
	for line := range strings.Lines(e.Does) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	width := 0
	for _, f := range e.Facts {
		width = max(width, len(f.Label))
	}
	for _, f := range e.Facts {
		fmt.Fprintf(&b, "  %-*s  %s\n", width+1, f.Label+":", f.Text)
	}
	for _, t := range e.Try {
		b.WriteString("  " + t + "\n")
	}
	return b.String()
}

// Sentence returns the first sentence of what an entry says.
func (e *Entry) Sentence() string {
	line, _, _ := strings.Cut(e.Does, "\n")
	if first, _, more := strings.Cut(line, ". "); more {
		return first + "."
	}
	return line
}

// Names returns the names by which an entry is found.
func (e *Entry) Names() []string { return append([]string{e.Name}, e.aliases...) }
