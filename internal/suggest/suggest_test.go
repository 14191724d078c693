package suggest

import "testing"

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
		if got := Nearest(word, known); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	many := make([]string, maxListed+1)
	for _, c := range []struct {
		word, hint string
		known      []string
		want       string
	}{
		{"jsno", "", []string{"text", "json"}, `unknown format "jsno", did you mean "json"?`},
		{"xml", "", []string{"text", "json", "bench"}, `unknown format "xml", expected text, json or bench`},
		{"xml", "a format", many, `unknown format "xml", expected a format`},
		{"xml", "", nil, `unknown format "xml"`},
	} {
		if got := Unknown("format", c.word, c.known, c.hint); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
