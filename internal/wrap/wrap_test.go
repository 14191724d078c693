package wrap

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		hang  string
		want  string
	}{
		{"", 5, "", ""},
		{"\n", 5, "", "\n"},
		{"one two three", 13, "  ", "one two three\n"},
		{"one two three", 8, "  ", "one two\n  three\n"},
		{"  one two three", 8, " ", "  one\n   two\n   three\n"},
		{"a overlong b", 4, "", "a\noverlong\nb\n"},
		{"rules one,two,three", 10, "  ", "rules\n  one,two,\n  three\n"},
		{"count 1" + Bound + "->" + Bound + "2", 9, " ", "count\n 1 -> 2\n"},
		{"count 100000" + Bound + "->" + Bound + "2", 9, " ", "count\n 100000\n ->\u00a02\n"},
		{"… × é", 5, "", "… × é\n"},
		{"first one\nsecond", 6, "", "first\none\nsecond\n"},
	} {
		if got := Text(c.text, c.width, c.hang); got != strings.ReplaceAll(c.want, Bound, " ") {
			t.Errorf("%q in %d is\n%sexpected\n%s", c.text, c.width, got, c.want)
		}
	}
}

// TestWrapKeepsWords: whatever the text, no word is lost or broken, and no line of several words is too wide.
func TestWrapKeepsWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`( {0,4}[a-z#.]{1,12}){0,12}`).Draw(t, "text")
		width, hang := rapid.IntRange(1, 40).Draw(t, "width"), strings.Repeat(" ", rapid.IntRange(0, 4).Draw(t, "hang"))
		made := Text(text, width, hang)
		if got, want := strings.Join(strings.Fields(made), " "), strings.Join(strings.Fields(text), " "); got != want {
			t.Fatalf("%q has become %q", want, got)
		}
		for line := range strings.Lines(made) {
			if len(strings.Fields(line)) > 1 && Cells(strings.TrimSuffix(line, "\n")) > width {
				t.Fatalf("%q is wider than %d", line, width)
			}
		}
	})
}
