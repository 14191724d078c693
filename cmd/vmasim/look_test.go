package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestListsFit: lists are as wide as they may be, and no word is broken for it.
func TestListsFit(t *testing.T) {
	for _, line := range []string{"rules", "rules detach-waits", "rules refcount-v6", "rules --family merge", "scenarios", "oracles", "oracles lock-order"} {
		words := strings.Fields(vmasim(t, line+" --width 1000", exitOK))
		for _, width := range []string{"80", "100"} {
			text := vmasim(t, line+" --width "+width, exitOK)
			for one := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(one, "\n")); n > 100 || width == "80" && n > 80 {
					t.Errorf("%s, width %s: a line of %d: %s", line, width, n, one)
				}
			}
			for _, w := range strings.Fields(strings.ReplaceAll(text, " \\\n", "\n")) {
				if len(words) == 0 || !strings.HasPrefix(words[0], w) {
					t.Fatalf("%s, width %s: %q was no word", line, width, w)
				}
				if words[0] = words[0][len(w):]; words[0] == "" {
					words = words[1:]
				} else if !strings.HasSuffix(w, ",") {
					t.Errorf("%s, width %s: a word is broken behind %q", line, width, w)
				}
			}
			if len(words) > 0 {
				t.Errorf("%s, width %s: %q is lost", line, width, words)
			}
			words = strings.Fields(vmasim(t, line+" --width 1000", exitOK))
		}
	}
}
