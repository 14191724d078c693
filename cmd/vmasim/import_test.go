package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportSamples: the commands that docs/import.md shows print what it shows, of the recordings in the repository. -rewrite updates them.
func TestImportSamples(t *testing.T) {
	const name = "docs/import.md"
	text := manual(t, name)
	path, err := filepath.Abs(filepath.Join(moduleRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(moduleRoot, "workloads/imports/testdata"))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	samples := 0
	fresh := console.ReplaceAllStringFunc(text, func(block string) string {
		made := "```text\n"
		for _, c := range commandsShown(block) {
			samples++
			var out bytes.Buffer
			if status := execute(strings.Fields(strings.TrimPrefix(c.command, "vmasim ")), strings.NewReader(""), &out, &out); status != exitOK {
				t.Errorf("%s: exit status %d", c.command, status)
			}
			printed := out.String()
			if i := strings.LastIndex(printed, "\nok: "); i >= 0 { // a run, of which that it went well is told
				printed = "…" + printed[i:]
			}
			made += "$ " + c.command + "\n" + printed
		}
		return made + "```"
	})
	switch {
	case samples < 5:
		t.Errorf("%s shows only %d commands", name, samples)
	case fresh == text:
	case !*rewrite:
		t.Errorf("the samples of %s are not what is printed: go test ./cmd/vmasim -run ImportSample -rewrite\n%s", name, fresh)
	default:
		if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
