package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAgainstSample: the comparison that docs/explore.md shows is the one that its command prints, but for what is measured. -rewrite
// updates it.
func TestAgainstSample(t *testing.T) {
	const name, open, end = "docs/explore.md", "<!-- against -->\n```text\n$ vmasim ", "```\n<!-- end -->\n"
	text := manual(t, name)
	before, rest, ok1 := strings.Cut(text, open)
	line, rest, ok2 := strings.Cut(rest, "\n")
	sample, after, ok3 := strings.Cut(rest, end)
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("%s shows no comparison", name)
	}
	made := vmasim(t, line+" -j 1", exitFailed)
	for _, mark := range []string{"NEW ", "GONE ", "other "} {
		if !strings.Contains(made, mark) {
			t.Errorf("%s shows no change %s", line, mark)
		}
	}
	if slices.Equal(shapes(sample), shapes(made)) {
		return
	}
	if !*rewrite {
		t.Fatalf("the comparison of %s is not what is printed: go test ./cmd/vmasim -run Sample -rewrite", name)
	}
	if err := os.WriteFile(filepath.Join(moduleRoot, name), []byte(before+open+line+"\n"+made+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
