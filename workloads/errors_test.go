package workloads

import (
	"errors"
	"testing"
)

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"munmap", "munmap", 0}, {"munmpa", "munmap", 1},
		{"unmap", "munmap", 1}, {"mprotext", "mprotect", 1}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := editDistance(c.b, c.a); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"mmap", "munmap", "mprotect", "touch"}
	for word, want := range map[string]string{
		"munmpa": "munmap", "MMAP": "mmap", "tuoch": "touch", "mprotec": "mprotect",
		"fault": "", "": "", "x": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
}

func TestErrorListUnwraps(t *testing.T) {
	_, err := Parse("x.vma", []byte("bad\n"))
	var one *SyntaxError
	if !errors.As(err, &one) || one.Pos != (Pos{"x.vma", 1, 1}) {
		t.Errorf("%v", err)
	}
}
