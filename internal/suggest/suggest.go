// Package suggest words complaints about unknown names: with a "did you mean" where one is near.
package suggest

import (
	"fmt"
	"strconv"
	"strings"
)

// maxListed bounds how many known names a complaint enumerates.
const maxListed = 16

// Unknown words the complaint about a name that is none of known: with the
// nearest of them if one is near, else with all of them, else with hint, which
// says where such a name would come from.
func Unknown(what, word string, known []string, hint string) string {
	msg := fmt.Sprintf("unknown %s %s", what, Quote(word))
	switch near := Nearest(word, known); {
	case near != "":
		return fmt.Sprintf("%s, did you mean %q?", msg, near)
	case len(known) > 0 && len(known) <= maxListed:
		return msg + ", expected " + OrList(known)
	case hint != "":
		return msg + ", expected " + hint
	}
	return msg
}

// maxQuoted is how many bytes of a wrong word a complaint repeats.
const maxQuoted = 60

// Quote quotes a wrong word, of a long one the beginning: it may be a whole file.
func Quote(word string) string {
	if len(word) > maxQuoted {
		return strconv.Quote(word[:maxQuoted]) + "…"
	}
	return strconv.Quote(word)
}

// OrList is "a", "a or b", "a, b or c".
func OrList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Nearest gives the known word at the smallest edit distance from word, or ""
// when none is near enough to be what was meant.
func Nearest(word string, known []string) string {
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if abs(len(k)-len(word)) >= bestDistance {
			continue
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance && d < len(k) {
			best, bestDistance = k, d
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func editDistance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
