package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const teaching = "docs/teaching.md"

// console are the blocks of a manual that show commands with what they print.
var console = regexp.MustCompile("(?ms)^```text\n(\\$ .*?)^```")

// shown is a command, and the lines of what it prints that are shown, in order.
type shown struct {
	command string
	lines   []string
}

// commandsShown returns the commands of the blocks.
func commandsShown(text string) (all []shown) {
	for _, m := range console.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(m[1]) {
			line = strings.TrimSuffix(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, shown{command: command})
			} else if line != "…" {
				last := &all[len(all)-1]
				last.lines = append(last.lines, line)
			}
		}
	}
	return all
}

// piped is a command that is given words on its standard input.
var piped = regexp.MustCompile(`^printf '(.*)' \| vmasim (.*)$`)

// performed is what a shown command prints. It ends well, or says that something is wrong with what it looked at.
func performed(t *testing.T, command string) string {
	t.Helper()
	line, input := strings.TrimPrefix(command, "vmasim "), ""
	if m := piped.FindStringSubmatch(command); m != nil {
		line, input = m[2], strings.ReplaceAll(m[1], `\n`, "\n")
	}
	var stdout, stderr bytes.Buffer
	if status := execute(strings.Fields(line), strings.NewReader(input), &stdout, &stderr); status != exitOK && status != exitFailed {
		t.Errorf("%s: %s shows a command that ends in %d: %s", teaching, command, status, stderr.String())
	}
	return stdout.String()
}

// unprinted returns the first of some lines that is not printed behind those before it, "" for none. Measurements differ.
func unprinted(lines []string, printed string) string {
	left := shapes(printed)
	for _, line := range lines {
		i := slices.Index(left, shape(line))
		if i < 0 {
			return line
		}
		left = left[i+1:]
	}
	return ""
}

// TestTeaching: each command that the manual for teachers shows prints the lines that it shows.
func TestTeaching(t *testing.T) {
	all := commandsShown(manual(t, teaching))
	if len(all) < 15 {
		t.Errorf("%s shows only %d commands", teaching, len(all))
	}
	for _, c := range all {
		if testing.Short() && strings.Contains(c.command, "explore bugs/") {
			continue // which takes seconds
		}
		printed := performed(t, c.command)
		if line := unprinted(c.lines, printed); line != "" {
			t.Errorf("%s shows %q of %s, which prints\n%s", teaching, line, c.command, printed)
		}
	}
}

// plainCommands are lines of the blocks that show commands without what they print.
var plainCommands = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")

// TestTeachingCommands: the others can be performed, too, with nothing to read; those that make pages are tried in a browser.
func TestTeachingCommands(t *testing.T) {
	performedAll := 0
	for _, m := range plainCommands.FindAllStringSubmatch(manual(t, teaching), -1) {
		for line := range strings.Lines(m[1]) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "vmasim ") || strings.HasPrefix(line, "vmasim page ") || strings.Contains(line, "$") { // a part of a script
				continue
			}
			performedAll++
			if performed(t, line) == "" {
				t.Errorf("%s prints nothing", line)
			}
		}
	}
	if performedAll < 5 {
		t.Errorf("only %d commands", performedAll)
	}
}

// TestUnprinted: a line that is not printed, or elsewhere, is found out.
func TestUnprinted(t *testing.T) {
	const printed = "one\n\ntwo 12.5 ms\nthree\n"
	for lines, want := range map[string]string{"one|three": "", "two 3 ms": "", "three|one": "one", "two": "two", "one|four": "four"} {
		if got := unprinted(strings.Split(lines, "|"), printed); got != want {
			t.Errorf("%s: %q is not printed, expected %q", lines, got, want)
		}
	}
}

// TestMarks: the script that the manual shows marks a class, by the program itself.
func TestMarks(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("the script of the manual needs jq: apt-get install jq")
	}
	_, script, ok := strings.Cut(manual(t, teaching), "```sh\n# marks.sh")
	script, _, closed := strings.Cut(script, "```")
	if !ok || !closed {
		t.Fatalf("%s shows no script", teaching)
	}
	const class = 5
	var answers, want strings.Builder
	for seed := 1; seed <= class; seed++ {
		solved := vmasim(t, "quiz value --solution --format json --seed "+strconv.Itoa(seed), exitOK)
		right := regexp.MustCompile(`"answer":"(\w+)"`).FindStringSubmatch(solved)[1]
		answers.WriteString("ada " + strconv.Itoa(seed) + " value " + right + "\nbob " + strconv.Itoa(seed) + " value 77\n")
		want.WriteString("ada\tvalue\t" + strconv.Itoa(seed) + "\tright\nbob\tvalue\t" + strconv.Itoa(seed) + "\twrong\n")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "vmasim")); err != nil { // this binary is vmasim to those who call it so, see TestMain
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "# marks.sh"+script)
	cmd.Env = append(os.Environ(), "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(answers.String())
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	got := regexp.MustCompile(`(?m)\t[^\t\n]*$`).ReplaceAllString(string(text), "")
	if got != want.String() {
		t.Errorf("the marks are\n%s\nexpected\n%s", text, want.String())
	}
}
