package page

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// colours returns the custom properties of a rule of the style sheet that are colours.
func colours(t *testing.T, selector string) map[string]string {
	t.Helper()
	_, rest, ok := strings.Cut(pageCSS, selector+" {")
	if !ok {
		t.Fatalf("no rule %s", selector)
	}
	body, _, _ := strings.Cut(rest, "}")
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z0-9]+): (#[0-9a-f]+);`).FindAllStringSubmatch(body, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := colour[1:]
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 6 {
		t.Fatalf("%s is no colour", colour)
	}
	part := func(n uint64) float64 {
		c := float64(n&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*part(n>>16) + .7152*part(n>>8) + .0722*part(n)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// TestContrast: text of each colour can be read on each ground, in both themes (WCAG 2.2, 1.4.3), and so can what buttons and the bar of
// troubles write in the colour of the paper.
func TestContrast(t *testing.T) {
	if got := contrast(t, "#000", "#ffffff"); math.Abs(got-21) > .01 {
		t.Fatalf("black on white has a contrast of %.2f, expected 21", got)
	}
	light := colours(t, ":root")
	for theme, all := range map[string]map[string]string{"light": light, "dark": colours(t, ":root.dark")} {
		if len(all) != len(light) || len(all) == 0 {
			t.Errorf("%s has %d colours, light has %d", theme, len(all), len(light))
		}
		for text, colour := range all {
			if slices.Contains([]string{"paper", "soft", "mark", "line"}, text) { // of these none is the colour of a text, but that of the paper, on t0 and bad
				continue
			}
			for _, ground := range []string{"paper", "soft", "mark"} {
				if got := contrast(t, colour, all[ground]); got < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f, expected 4.5", theme, text, ground, got)
				}
			}
		}
	}
}
