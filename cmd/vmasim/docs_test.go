package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"vmasim/check"
	"vmasim/classroom/explain"
	"vmasim/classroom/quiz"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

const moduleRoot = "../.."

var (
	anyFence = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inline   = regexp.MustCompile("`(vmasim [^`\n]*|go test [^`\n]*)`")
	command  = regexp.MustCompile(`(?:^|[;|] *|\bdo )(?:\$ )?(?:go run \./cmd/)?(vmasim|go test)\b([^;|>\n]*)`)
	comment  = regexp.MustCompile(`^ *#| # |\S(  +)`)
	madeUp   = regexp.MustCompile(`^[a-z]+\.(vma|txt|trace|pftrace|ndjson)$`) // a file of the reader's
)

// quoted returns the command lines that a manual quotes, without comments.
func quoted(text string) (lines []string) {
	shell, open := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "```"); ok {
			open = !open
			shell = open && (kind == "" || kind == "sh")
			continue
		}
		if shell {
			lines = append(lines, commands(line)...)
		}
	}
	for _, m := range inline.FindAllStringSubmatch(anyFence.ReplaceAllString(text, ""), -1) {
		lines = append(lines, commands(m[1])...)
	}
	return lines
}

// commands returns the commands of a shell's line.
func commands(line string) (found []string) {
	for _, m := range command.FindAllStringSubmatch(line, -1) {
		words := m[2]
		if at := comment.FindStringIndex(words); at != nil {
			words = words[:at[0]+1]
		}
		found = append(found, strings.TrimSpace(m[1]+words))
	}
	return found
}

// valid says what is wrong with a command line that is quoted somewhere. Words in capitals stand for others.
func valid(line string) error {
	line, _, _ = strings.Cut(line, " < ") // what it reads
	words := strings.Fields(line)
	for i, w := range words {
		words[i] = strings.Trim(w, "'")
	}
	if words[0] == "go" {
		return validTest(words)
	}
	root := newRoot(io.Discard)
	root.InitDefaultVersionFlag()
	cmd, rest, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	for i, w := range rest {
		switch {
		case w == "N" && i > 0, strings.HasPrefix(w, "$"):
			rest[i] = "1"
		case w == "v2:…":
			rest[i] = "v2:2e2204b5:52d60568:A1"
		}
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	args := cmd.Flags().Args()
	if len(rest) == 0 && cmd != root {
		return nil // named, not given
	}
	if err := cmd.ValidateArgs(args); err != nil {
		return err
	}
	return validArguments(cmd, args)
}

func validArguments(cmd *cobra.Command, args []string) error {
	for i, arg := range args {
		var err error
		switch name := cmd.Name(); {
		case strings.HasSuffix(arg, "NAME") || arg == "FILE" || arg == "SCENARIO" || arg == "SCHEDULE" || arg == "COMMAND" || arg == "KIND":
		case (name == "replay" || name == "step") && i == 1:
			if !strings.HasPrefix(arg, "v2:") && !madeUp.MatchString(arg) {
				err = errors.New("no schedule")
			}
		case name == "draw" || name == "timeline":
			if arg != "-" && !madeUp.MatchString(arg) {
				err = errors.New("no file of traces or of a timeline")
			}
		case name == "strace" || name == "perf" || name == "maps" && cmd.HasParent() && cmd.Parent().Name() == "import": // a file of the reader's
		case name == "merge": // a folder of the reader's
		case name == "explore" && cmd.Flags().Changed("split") && i == len(args)-1: // likewise
		case name == "litmus":
			if !strings.HasSuffix(arg, ".litmus") && arg != "FILE..." {
				err = errors.New("no litmus test")
			}
		case name == "rules":
			_, err = explainRule(arg)
		case name == "explain":
			_, err = explain.Find(arg)
		case name == "oracles":
			_, err = check.Lookup(arg)
		case name == "quiz":
			_, err = quiz.Ask(context.Background(), arg, 1)
		case name == "scenarios":
			_, err = workloads.LoadBuiltin(arg)
		case name == "man" || name == "markdown": // a folder that they make
		case name == "help":
			_, _, err = newRoot(io.Discard).Find([]string{arg})
		default:
			err = validScenario(arg)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	}
	return nil
}

func validScenario(arg string) error {
	if arg == "-" || madeUp.MatchString(arg) {
		return nil
	}
	_, err := workloads.Load(arg, nil)
	if err != nil { // a path is told from the root
		_, err = workloads.Load(filepath.Join(moduleRoot, arg), nil)
	}
	return err
}

// validTest checks that go test names tests of the package.
func validTest(words []string) error {
	for i := range words[:len(words)-1] {
		if words[i] != "-run" || words[i+1] == "^$" {
			continue
		}
		test := regexp.MustCompile(`(?m)^func Test\w*` + strings.TrimPrefix(words[i+1], "Test"))
		files, _ := filepath.Glob(filepath.Join(moduleRoot, words[2], "*_test.go"))
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && test.Match(text) {
				return nil
			}
		}
		return fmt.Errorf("no test %s in %s", words[i+1], words[2])
	}
	return nil
}

// TestQuotedCommands: every command that the manuals quote can be given: it parses, and what it names exists.
func TestQuotedCommands(t *testing.T) {
	total := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "testdata/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(moduleRoot, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range quoted(string(text)) {
				if filepath.Base(name) == "change-a-rule.md" && strings.Contains(line, "lock-neighbour") {
					continue // it is about a rule that TestChangeARule makes
				}
				total++
				if err := valid(line); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			}
		}
	}
	if total < 50 {
		t.Errorf("only %d commands", total)
	}
}

// TestExamples: every command has examples, and each of them can be given.
func TestExamples(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Example == "" || cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s lacks an example or a description", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			found := commands(strings.TrimSpace(line))
			if len(found) == 0 && !strings.Contains(line, "<(vmasim") {
				t.Errorf("%s: %q is no command", cmd.CommandPath(), line)
			}
			for _, c := range found {
				if err := valid(c); err != nil {
					t.Errorf("%s: %s: %v", cmd.CommandPath(), c, err)
				}
			}
		}
		for _, m := range regexp.MustCompile(`\b(docs|testdata)/[a-z./-]*[a-z]`).FindAllString(cmd.Long+cmd.Example, -1) {
			if _, err := os.Stat(filepath.Join(moduleRoot, m)); err != nil {
				t.Errorf("%s: %v", cmd.CommandPath(), err)
			}
		}
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(newRoot(io.Discard))
}

// TestGenerationsAreTold: the manuals name every generation of the lock.
func TestGenerationsAreTold(t *testing.T) {
	for _, name := range []string{"README.md", "docs/model.md", "docs/design.md"} {
		text, err := os.ReadFile(filepath.Join(moduleRoot, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range rules.Generations() {
			if word := "`" + g.Name; !strings.Contains(string(text), word) {
				t.Errorf("%s does not tell of %s", name, g.Name)
			}
		}
	}
}

// TestQuotedCommandsCanFail: what is wrong with a command is found.
func TestQuotedCommandsCanFail(t *testing.T) {
	text := "```\nvmasim rnu\n$ vmasim run quickstrat   # a comment\nfor i in 1 2; do vmasim run --fromat json; done | benchstat -\n```\nand `vmasim rules nothing`, " +
		"`vmasim oracles nothing`, `vmasim run testdata/stress`, `vmasim explore --rules linux-6.18,-no`, `vmasim replay detach-race no`, `go test ./mm -run TestNothing`"
	lines := quoted(text)
	if len(lines) != 9 {
		t.Fatalf("%d commands: %q", len(lines), lines)
	}
	for _, line := range lines {
		if err := valid(line); err == nil {
			t.Errorf("%s is said to be valid", line)
		}
	}
	for _, line := range quoted("```\nvmasim explore   the race\nvmasim run my.vma --format bench | benchstat -\ngo run ./cmd/vmasim run     # faults\n```\n`go test ./mm -run TestRandomOperations -v`") {
		if err := valid(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestHelpFits: the lines of the help that are written by hand fit on a terminal.
func TestHelpFits(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Parent() == nil || cmd.Parent().Name() != "completion" && cmd.Name() != "completion" { // those are cobra's
			for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
				if n := len([]rune(strings.TrimRight(line, "\n"))); n > 90 {
					t.Errorf("%s: a line of %d characters: %s", cmd.CommandPath(), n, line)
				}
			}
		}
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(newRoot(io.Discard))
}
