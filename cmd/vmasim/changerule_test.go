package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestChangeARule performs docs/change-a-rule.md in a copy of the checkout: the commands of its sh blocks, the changes of its
// diff blocks, the files of its vma blocks. Each line of a text block must be among what the commands before it have printed.
func TestChangeARule(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds half the project a second time")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command: ", err)
	}
	t.Parallel()
	root := t.TempDir()
	copyCheckout(t, root)
	var printed []string
	performed := map[string]int{}
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+) ?(\\S*)\n(.*?)^```").FindAllStringSubmatch(manual(t, "docs/change-a-rule.md"), -1) {
		kind, name, text := m[1], m[2], m[3]
		performed[kind]++
		switch kind {
		case "sh":
			printed = nil
			for line := range strings.Lines(text) {
				cmd := exec.Command("sh", "-c", line)
				cmd.Dir = root
				cmd.Env = append(os.Environ(), "GOFLAGS=-vet=off -trimpath") // what is the same is in the cache, wherever the copy lies
				out, _ := cmd.CombinedOutput()                               // that some fail is what the manual tells
				for l := range strings.Lines(string(out)) {
					printed = append(printed, settled(l))
				}
			}
		case "text":
			for line := range strings.Lines(text) {
				if !slices.Contains(printed, settled(line)) {
					t.Errorf("docs/change-a-rule.md shows a line that is not printed: %sprinted is\n%s", line, strings.Join(printed, "\n"))
				}
			}
		case "diff":
			change(t, filepath.Join(root, name), text)
		case "vma":
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for kind, least := range map[string]int{"sh": 5, "text": 5, "diff": 2, "vma": 2} {
		if performed[kind] < least {
			t.Errorf("%d blocks of kind %s, expected at least %d", performed[kind], kind, least)
		}
	}
}

// settled is a line without what differs from run to run: places in tests, and how long they took.
func settled(line string) string {
	line = regexp.MustCompile(`\w+_test\.go:\d+: `).ReplaceAllString(strings.TrimRight(line, "\n"), "")
	return regexp.MustCompile(`\t(\d+\.\d+s|\(cached\))$`).ReplaceAllString(line, "")
}

// change replaces the lines that a diff takes away, with those around them, by those that it adds.
func change(t *testing.T, name, diff string) {
	t.Helper()
	var before, after strings.Builder
	for line := range strings.Lines(diff) {
		if line[0] != '+' {
			before.WriteString(line[1:])
		}
		if line[0] != '-' {
			after.WriteString(line[1:])
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), before.String()); n != 1 {
		t.Fatalf("%s has %d times what a diff of docs/change-a-rule.md changes, expected once:\n%s", name, n, &before)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), before.String(), after.String(), 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyCheckout copies the files of the module, but not those of modules nested in it.
func copyCheckout(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(moduleRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(moduleRoot, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir() && (rel == ".git" || rel == "bench"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
