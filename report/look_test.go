package report

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestParseWidth(t *testing.T) {
	for text, want := range map[string]int{"40": 40, "100": 100, "1000": 1000, "39": 0, "1001": 0, "": 0, "wide": 0, "80x24": 0} {
		got, err := ParseWidth(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

// TestColors: colours change nothing but colours. Each task has one of its own, and what is violated another.
func TestColors(t *testing.T) {
	for _, look := range []Look{{}, {Width: 80}, {Full: true}} {
		plain := draw(handMade(), look)
		look.Color = true
		colored := draw(handMade(), look)
		if got := ansi.Strip(colored); got != plain {
			t.Errorf("without its colours the drawing is\n%s\nexpected\n%s", got, plain)
		}
		for line := range strings.Lines(colored) {
			color := "\x1b[33m" // of the second task that is drawn
			switch {
			case strings.Contains(line, "double-free"), strings.Contains(line, "sleeps on"):
				color = "\x1b[1;31m"
			case strings.Contains(line, "kmem_cache_free"): // where it is violated
				color = "\x1b[1;33m"
			case strings.Contains(line, "lock A"), strings.Contains(line, "trylock"), strings.Contains(line, "(from 4)"):
				color = "\x1b[36m"
			case !strings.Contains(line, "munmap A"), strings.Contains(line, "write_lock"):
				continue
			}
			if !strings.Contains(line, color) {
				t.Errorf("no %q in %q", color, line)
			}
		}
	}
}

// TestCommand: the parts of a command that is broken are one for the shell, and its words stay whole.
func TestCommand(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"vmasim explore detach-race", "replay: vmasim explore detach-race\n"},
		{"vmasim replay --without lock-rule,use-after-unlock,reader-left,wrong-vma a.vma 'v2:1:2:A1 B2'",
			"replay: vmasim replay --without \\\n  lock-rule,use-after-unlock,reader-left,wrong-vma a.vma \\\n  'v2:1:2:A1 B2'\n"},
		{"vmasim replay a.vma 'v2:1:2:" + strings.Repeat("A1 B22 ", 8) + "A1'",
			"replay: vmasim replay a.vma 'v2:1:2:A1 B22 A1 B22 A1 B22\n  A1 B22 A1 B22 A1 B22 A1 B22 A1 B22 A1'\n"},
	} {
		var b strings.Builder
		Look{Width: 60}.command(&b, "replay: ", c.text)
		if b.String() != c.want {
			t.Errorf("%s is\n%sexpected\n%s", c.text, b.String(), c.want)
		}
	}
}

// TestText: behind a label a line goes on below what it is of.
func TestText(t *testing.T) {
	const text = "a rule\n  since:   the version in which it came, with the name of the commit\n" +
		"detach-race   a race that was found when the patches were read in public\n" +
		"  vmasim explore put-to-zero --rules linux-6.18,-detach-waits,-typesafe-slab\n"
	const want = "a rule\n  since:   the version in which it came, with the name of\n           the commit\n" +
		"detach-race   a race that was found when the patches were\n              read in public\n" +
		"  vmasim explore put-to-zero --rules \\\n  linux-6.18,-detach-waits,-typesafe-slab\n"
	if got := (Look{Width: 60}).Text(text); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}
