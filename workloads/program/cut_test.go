package program

import (
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// TestCutIsNoViolation: an execution that is merely long is cut off, and which repeat to shorten is named.
func TestCutIsNoViolation(t *testing.T) {
	for _, c := range []struct{ text, cut string }{
		{"init\n    mmap A 4K rw private anon\nthread a\n    repeat 2000\n        store A 1\n", "repeat 2000 at long.vma:4:5"},
		{"init\n    mmap A 64K rw private anon\nthread writer\n    repeat 1000\n        munmap A+16K 16K\n        mmap A+16K 16K rw private anon fixed\n" +
			"thread reader * 2\n    repeat 10\n        repeat 10000\n            touch random(A) write => ok | SEGV_MAPERR\n", "repeat 10000 at long.vma:9:9"},
	} {
		sc, err := workloads.Parse("long.vma", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Explore(t.Context(), sc, Options{Options: explore.Options{Executions: 20, Depth: 3000}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict() != NotFound || !r.OK() || r.Search.Truncated == 0 || r.Search.Depth != 3000 || r.Cut != c.cut || len(r.Violations) > 0 {
			t.Errorf("%s: %s with %d cut off at %d steps, shorten %q, want %q", strings.Split(c.text, "\n")[2], r.Verdict(), r.Search.Truncated, r.Search.Depth, r.Cut, c.cut)
		}
	}
}
