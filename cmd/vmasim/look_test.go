package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vmasim/internal/wrap"
	"vmasim/report"
	"vmasim/workloads"
)

// looked are commands whose text has a width, of every kind of text that there is, and what they read.
var looked = []struct {
	line, input string
	status      []int // that it may end in, besides 0
}{
	{line: "rules"}, {line: "rules detach-waits"}, {line: "rules refcount-v6"}, {line: "rules --family merge"},
	{line: "scenarios"}, {line: "oracles"}, {line: "oracles lock-order"},
	{line: "explain"}, {line: "explain --kind function"}, {line: "explain mmap_lock vm_refcnt munmap EAGAIN detach-waits B03 split-below O5 free-at-zero"},
	{line: "quiz"}, {line: "quiz value --seed 7 --solution"}, {line: "quiz break --seed 7 --solution"}, {line: "quiz layout --solution"},
	{line: "quiz locks --answer no", status: []int{exitFailed}}, {line: "quiz 6 --hints 3"},
	{line: "run quickstart --duration 50ms"}, {line: "run failed-mmap --fail-each --rules linux-6.18"}, {line: "run vma-per-thread --duration 50ms"},
	{line: "explore detach-race -j 1"}, {line: "explore detach-race -j 1 --full"}, {line: "explore put-to-zero --rules linux-6.18,-detach-waits -j 1"},
	{line: "explore split-fault --rules linux-6.18,-split-locks-old -j 1"}, {line: "explore bugs/b03-fork-parent -j 1"},
	{line: "explore detach-race reuse-before-lock --summary -j 1"},
	{line: "explore reuse-before-lock reader-overflow -j 1 --rules linux-6.18,-reader-limit --against linux-6.18,-check-vm-mm", status: []int{exitFailed}},
	{line: "explore --generate 3 -j 1 --rules linux-6.18,-lock-grown --against linux-6.18", status: []int{exitFailed}},
	{line: "step detach-race", input: "A 8\nwhy\nB 20\nmap\nwatch\nsteps\nviolation\nstate\nahead\nexplain vm_refcnt\nhelp\n", status: []int{exitUsage}},
	{line: "step split-fault", input: "A 40\nmap\nB 40\nmap\n", status: []int{exitUsage}},
	{line: "draw TRACE"}, {line: "draw TRACE --full"},
}

// TestEveryCommandFits: no line is wider than it may be, unless it is one word, and no word is broken.
func TestEveryCommandFits(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	if err := os.WriteFile(trace, []byte(vmasim(t, "explore detach-race -j 1 --format trace", exitOK)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // where --generate leaves a program
	for i, c := range looked {
		if testing.Short() && strings.HasPrefix(c.line, "explore") && i%2 == 0 {
			continue
		}
		line := strings.ReplaceAll(c.line, "TRACE", trace)
		whole := strings.Fields(told(t, line, c.input, report.MaxWidth, c.status))
		whole = append(whole, strings.Fields(told(t, line, c.input, 99, c.status))...) // where drawings have one column
		for _, width := range []int{report.MinWidth, 80} {
			text := told(t, line, c.input, width, c.status)
			for one := range strings.Lines(text) {
				one = strings.TrimSuffix(one, "\n")
				if n := wrap.Cells(one); n > width && !oneWord(one) && !(strings.HasPrefix(one, "    ") && strings.Contains(c.line, "--generate")) { // that is a scenario
					t.Errorf("%s, width %d: a line of %d: %s", c.line, width, n, one)
				}
			}
			if strings.Contains(c.line, "--duration") {
				continue // what a run measures has other words each time
			}
			for _, w := range strings.Fields(text) {
				known := func(word string) bool {
					return word == w || timed.ReplaceAllString(word, "") == timed.ReplaceAllString(w, "")
				}
				if w != `\` && !slices.ContainsFunc(whole, known) && !pieceOf(whole, w) {
					t.Errorf("%s, width %d: %q was no word", c.line, width, w)
				}
			}
		}
	}
}

// timed is what differs from run to run, and what a drawing draws as wide as there is room.
var timed = regexp.MustCompile(`[\d.,]+m?|[µmn]?s$|[-·■□\[\]|…=]+`)

// oneWord reports whether a line is one that cannot be broken, perhaps behind a label, a number and a task's letter, or with a sign that a
// command goes on.
func oneWord(line string) bool {
	return len(strings.Fields(stepTaken.ReplaceAllString(strings.TrimSuffix(line, ` \`), ""))) == 1
}

// stepTaken is the number of a step, and the letter of its task.
var stepTaken = regexp.MustCompile(`^ *\d* [A-P] `)

// pieceOf reports whether a text is a part of a word that ends or begins at a comma, where words that are too long are broken.
func pieceOf(words []string, piece string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		at := strings.Index(w, piece)
		return at >= 0 && (at == 0 || w[at-1] == ',') && (at+len(piece) == len(w) || strings.HasSuffix(piece, ","))
	})
}

// told is what a command prints at a width, 0 for none.
func told(t *testing.T, line, input string, width int, status []int) string {
	t.Helper()
	_ = os.Remove("difference.vma") // which --generate leaves, and does not write twice
	var stdout, stderr bytes.Buffer
	words := strings.Fields(line)
	if width > 0 {
		words = append(words, "--width", strconv.Itoa(width))
	}
	got := execute(words, strings.NewReader(input), &stdout, &stderr)
	if got != exitOK && !slices.Contains(status, got) || stdout.Len() == 0 {
		t.Errorf("vmasim %s ends in %d and prints %d bytes: %s", line, got, stdout.Len(), stderr.String())
	}
	return stdout.String()
}

// TestSourcesFit: where a scenario is printed for a width, its comments fit, and it is still the same one; else it is the file.
func TestSourcesFit(t *testing.T) {
	for _, info := range workloads.AllBuiltin() {
		line := "scenarios " + info.Name
		if whole := told(t, line, "", 0, nil); whole != info.Source {
			t.Errorf("%s is not printed as it is", info.Name)
		}
		narrow := told(t, line, "", report.MinWidth, nil)
		for one := range strings.Lines(narrow) {
			if n := wrap.Cells(strings.TrimSuffix(one, "\n")); n > report.MinWidth && strings.HasPrefix(one, "#") && len(strings.Fields(one)) > 2 {
				t.Errorf("%s: a comment of %d: %s", info.Name, n, one)
			}
		}
		sc, err := workloads.Parse(info.Name+".vma", []byte(narrow))
		if err != nil {
			t.Fatal(err)
		}
		was, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		if bare(sc) != bare(was) {
			t.Errorf("%s says something else where it is narrow:\n%s", info.Name, narrow)
		}
	}
}

// bare is a scenario without its title and its story.
func bare(sc *workloads.Scenario) string {
	c := *sc
	c.Title, c.Doc = "", ""
	return c.String()
}

// TestListsFit: lists are as wide as they may be, and no word is broken for it.
func TestListsFit(t *testing.T) {
	for _, line := range []string{"rules", "rules detach-waits", "rules refcount-v6", "rules --family merge", "scenarios", "oracles", "oracles lock-order"} {
		words := strings.Fields(vmasim(t, line+" --width 1000", exitOK))
		for _, width := range []string{"80", "100"} {
			text := vmasim(t, line+" --width "+width, exitOK)
			for one := range strings.Lines(text) {
				if n := wrap.Cells(strings.TrimSuffix(one, "\n")); n > 100 || width == "80" && n > 80 {
					t.Errorf("%s, width %s: a line of %d: %s", line, width, n, one)
				}
			}
			for _, w := range strings.Fields(strings.ReplaceAll(text, " \\\n", "\n")) {
				if len(words) == 0 || !strings.HasPrefix(words[0], w) {
					t.Fatalf("%s, width %s: %q was no word", line, width, w)
				}
				if words[0] = words[0][len(w):]; words[0] == "" {
					words = words[1:]
				} else if !strings.HasSuffix(w, ",") {
					t.Errorf("%s, width %s: a word is broken behind %q", line, width, w)
				}
			}
			if len(words) > 0 {
				t.Errorf("%s, width %s: %q is lost", line, width, words)
			}
			words = strings.Fields(vmasim(t, line+" --width 1000", exitOK))
		}
	}
}
