package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vmasim/internal/rules"
	"vmasim/internal/shrink"
)

// patience bounds the search for the rules that a parting comes of.
var patience = shrink.Budget{Runs: 400, Time: 20 * time.Second}

// explain finds the rules that a parting comes of: a set of those in which the sides differ with which, switched, the other side does not part
// here, and of which none can be left out.
func (c *comparison) explain(f *followed, i int) error {
	p, at := &f.Partings[i], f.at[i]
	all := c.other.Differ(&c.own)
	var failed error
	runs, begun := 0, time.Now()
	test := shrink.Within(patience, func(some []rules.Rule) bool {
		runs++
		gone, err := c.gone(some, at, f.at[:i])
		if err != nil {
			failed = err
		}
		return gone
	})
	if len(all) == 0 || !test(all) {
		p.Because = c.unexplained(len(all))
		return failed
	}
	some := shrink.Sequence(all, nil, test)
	if failed != nil {
		return failed
	}
	set, err := c.other.As(&c.own, some)
	if err != nil {
		return err
	}
	p.Rules = set.String()
	p.Because = c.because(some, runs == patience.Runs || time.Since(begun) > patience.Time)
	return nil
}

// gone reports whether with some rules as the run has them the other side does not part there from it, nor anywhere before where it did not.
func (c *comparison) gone(some []rules.Rule, at place, before []place) (bool, error) {
	set, err := c.other.As(&c.own, some)
	if err != nil {
		return false, nil // they contradict others: not a set of rules to try
	}
	steps := len(c.with.Steps)
	if strings.HasSuffix(at.what, waits) {
		steps = at.step
	}
	f, err := c.follow(set.String(), steps)
	if err != nil {
		return false, err
	}
	for _, other := range f.at {
		if other.step <= at.step && !slices.Contains(before, other) {
			return false, nil
		}
	}
	return true, nil
}

// because words what was found.
func (c *comparison) because(some []rules.Rule, spent bool) string {
	var all []string
	for _, r := range some {
		has, lacks := c.other, c.own
		if !c.other.Has(r) {
			has, lacks = c.own, c.other
		}
		all = append(all, fmt.Sprintf("rule %s, which %s has and %s has not: %s", r, short(has.String()), short(lacks.String()), r.Info().Does))
	}
	text := "because of " + strings.Join(all, "; and ")
	switch {
	case len(some) == 1:
		return text + " (with it switched alone, both go the same way here)"
	case spent:
		return text + " (with these switched, both go the same way here; fewer may be enough, which took too long to try)"
	}
	return text + fmt.Sprintf(" (with these %d switched, both go the same way here, and with none of them left out)", len(some))
}

// unexplained says that no rules were found, and what is left.
func (c *comparison) unexplained(n int) string {
	if c.own.Lock() != c.other.Lock() {
		return fmt.Sprintf("it comes of no rule: with all %d switched in which they differ it stays so. What is left is the lock: VMAs are kept as they are by %s under %s, and by %s under %s",
			n, c.own.Lock(), short(c.own.String()), c.other.Lock(), short(c.other.String()))
	}
	return "the rules that it comes of were not found"
}
