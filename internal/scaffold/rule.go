// Package scaffold writes the skeleton of a new rule into a checkout of vmasim. The tests then say what is still missing.
package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"vmasim/internal/rules"
)

// module is how the go.mod of a checkout begins.
const module = "module vmasim\n"

// nameForm is what a rule may be called.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// maxName keeps names short enough to be read in a specification.
const maxName = 24

// Name reports why a new rule may not have the name, nil if it may.
func Name(name string) error {
	_, notRule := rules.Find(name)
	_, notGeneration := rules.FindGeneration(name)
	switch {
	case !nameForm.MatchString(name) || len(name) > maxName:
		return fmt.Errorf("bad name %.60q of a rule, expected small letters, digits and single hyphens, such as lock-grown, at most %d of them", name, maxName)
	case notRule == nil:
		return fmt.Errorf("the rule %s exists, expected a new name; vmasim rules %[1]s explains it", name)
	case notGeneration == nil:
		return fmt.Errorf("%s is a generation, expected another name", name)
	}
	return nil
}

// Root returns the checkout that the folder lies in.
func Root(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if text, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil && strings.HasPrefix(string(text), module) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is in no checkout of vmasim, expected a folder whose go.mod, or that of a folder above it, says %q",
				dir, strings.TrimSpace(module))
		}
	}
}

// Piece is a file that a rule has a part in.
type Piece struct {
	File string // in the checkout
	Part string // what stands there
	text string
}

// Rule is the skeleton of a rule.
type Rule struct {
	Constant string
	Pieces   []Piece

	root, name string
}

// New makes the skeleton of a rule for the checkout root; nothing is written yet.
func New(root, name string, family rules.Family) (*Rule, error) {
	r := &Rule{Constant: constant(name), root: root, name: name}
	litmus := "workloads/litmus/" + name + ".vma"
	if _, err := os.Lstat(r.path(litmus)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s exists, expected a new name", litmus)
	}
	for _, p := range []struct {
		file, part string
		edit       func(text string) (string, error)
	}{
		{"internal/rules/table.go", "the constant " + r.Constant, func(text string) (string, error) { return r.addConstant(text, family.Name) }},
		{"internal/rules/family_" + family.Name + ".go", "its row, to be filled in", r.addRow},
		{"docs/litmus.md", "its place", r.addSection},
	} {
		text, err := os.ReadFile(r.path(p.file))
		if err != nil {
			return nil, err
		}
		edited, err := p.edit(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		r.Pieces = append(r.Pieces, Piece{p.file, p.part, edited})
	}
	r.Pieces = append(r.Pieces, Piece{litmus, "its litmus test: story, program and verdicts, to be filled in", r.litmus()})
	return r, nil
}

// Write writes the skeleton into the checkout.
func (r *Rule) Write() error {
	for _, p := range r.Pieces {
		if err := os.WriteFile(r.path(p.File), []byte(p.text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) path(file string) string { return filepath.Join(r.root, filepath.FromSlash(file)) }

// constant returns the Go name of a rule.
func constant(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// addConstant adds the constant to those of its family, as the last.
func (r *Rule) addConstant(text, family string) (string, error) {
	if regexp.MustCompile(`(?m)^\t` + r.Constant + `\b`).MatchString(text) {
		return "", fmt.Errorf("the constant %s exists, expected a new name", r.Constant)
	}
	before, rest, ok := strings.Cut(text, "\n\t// "+family+"\n")
	section, after, ended := strings.Cut(rest, "\n\n")
	if !ok || !ended {
		return "", fmt.Errorf("no constants stand under // %s, expected those of the family", family)
	}
	return before + "\n\t// " + family + "\n" + section + "\n\t" + r.Constant + "\n\n" + after, nil
}

// addRow adds a row of which only the names are filled in.
func (r *Rule) addRow(text string) (string, error) {
	table, ok := strings.CutSuffix(text, "}\n")
	if !ok {
		return "", errors.New("it does not end with the table, expected the rows of the family and nothing behind them")
	}
	row := "\t" + r.Constant + ": {\n" +
		"\t\tName:   \"" + r.name + "\",\n" +
		"\t\tDoes:   \"\",\n" +
		"\t\tSince:  \"\",\n" +
		"\t\tBreaks: \"\",\n" +
		"\t\tShows:  \"" + r.name + "\",\n" +
		"\t\tSeen:   SeenVerdict,\n" +
		"\t},\n"
	return table + row + "}\n", nil
}

// addSection adds the test to the contents and its heading to the sections, both of which are sorted.
func (r *Rule) addSection(text string) (string, error) {
	text, ok := insert(text, regexp.MustCompile("(?m)^\\* \\[`([a-z0-9-]+)`\\].*\n"), r.name, fmt.Sprintf("* [`%s`](#%[1]s): \n", r.name))
	if ok {
		text, ok = insert(text, regexp.MustCompile("(?m)^(?:## ([a-z0-9-]+)|<!-- end -->)\n"), r.name, "## "+r.name+"\n\n")
	}
	if !ok {
		return "", errors.New("the list of litmus tests was not found, expected lines that begin with * [`NAME`], and sections")
	}
	return text, nil
}

// insert puts a line before the first that the pattern finds and whose name sorts behind it, or that has no name; else behind the last.
func insert(text string, pattern *regexp.Regexp, name, line string) (string, bool) {
	at := -1
	for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
		if at = m[1]; m[2] < 0 || text[m[2]:m[3]] > name {
			at = m[0]
			break
		}
	}
	if at < 0 {
		return text, false
	}
	return text[:at] + line + text[at:], true
}

// litmus returns a litmus test that says and does nothing yet.
func (r *Rule) litmus() string {
	return "# \n\n" +
		"rules " + rules.Default + ",-" + r.name + "\n\n" +
		"init\n    mmap A 16K rw private anon\n\n" +
		"thread faulter\n    touch A write\n\n" +
		"thread mapper\n    mprotect A+8K 8K r\n\n" +
		"verdict " + rules.Default + ",-" + r.name + " violation lock-rule\n" +
		"verdict " + rules.Default + " verified\n"
}
