package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFailEachSample: the table that docs/output.md shows of --fail-each is the one that is printed. -rewrite updates it.
func TestFailEachSample(t *testing.T) {
	const name, open, end = "docs/output.md", "<!-- fail-each -->\n", "<!-- end of fail-each -->\n"
	const line = "run failed-mmap --fail-each --rules linux-6.18"
	made := "```text\n$ vmasim " + line + "\n" + vmasim(t, line, exitOK) + "```\n"
	before, rest, ok1 := strings.Cut(manual(t, name), open)
	sample, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s shows no table of --fail-each", name)
	}
	if sample == made {
		return
	}
	if !*rewrite {
		t.Fatalf("the table of %s is not what is printed: go test ./cmd/vmasim -run Sample -rewrite", name)
	}
	if err := os.WriteFile(filepath.Join(moduleRoot, name), []byte(before+open+made+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
