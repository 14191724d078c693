package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"vmasim/workloads/program"
)

// ComparisonFormats returns the formats of comparisons; the first is the default.
func ComparisonFormats() []Format[*program.Comparison] { return tabular(comparisonText) }

// SummaryFormats returns the formats of summaries; the first is the default.
func SummaryFormats() []Format[*program.Summary] { return tabular(summaryText) }

// tabular are the formats of what is a table.
func tabular[T json.Marshaler](text func(T, Look) string) []Format[T] {
	return []Format[T]{
		{"text", "one table", func(w io.Writer, look Look) func(T) error {
			return func(v T) error {
				_, err := io.WriteString(w, text(v, look))
				return err
			}
		}},
		{"json", "one JSON object", func(w io.Writer, look Look) func(T) error {
			encoder := encoderTo(w)
			return func(v T) error { return encoder.Encode(v) }
		}},
	}
}

// comparisonText is the table, a line a scenario, and the counts.
func comparisonText(c *program.Comparison, look Look) string {
	var b strings.Builder
	look.line(&b, "rules    "+c.Rules)
	look.line(&b, "against  "+c.Against)
	b.WriteString("\n")
	t := table{{"scenario", "rules", "executions", "against", "executions", "change"}}
	var took time.Duration
	for _, p := range c.Pairs {
		row := []string{p.Scenario}
		for _, r := range []*program.Result{p.With, p.Against} {
			if r == nil {
				row = append(row, "", "")
				continue
			}
			row = append(row, r.Verdict(), executions(r))
			took += r.Search.Elapsed
		}
		t = append(t, append(row, changeText(p)))
	}
	b.WriteString(t.set(look, 0, 1, 3, 5))
	if worse := c.Worse(); len(worse) > 0 {
		b.WriteString("\n")
		look.command(&b, plural(uint64(len(worse)), "change")+" for the worse; to see the first: ", worse[0].With.ExploreCommand())
	}
	b.WriteString("\n")
	look.line(&b, fmt.Sprintf("%s in %s: %d NEW, %d GONE, %d other, %d open, %d the same", done(len(c.Pairs), c.Scenarios, "scenario", c.Interrupted), duration(took),
		c.Count(program.ChangeNew), c.Count(program.ChangeGone), c.Count(program.ChangeOther), c.Count(program.ChangeOpen), c.Count(program.ChangeNone)))
	return b.String()
}

// done says how many there are, or how many of them an interrupt let be done.
func done(n, all int, noun string, interrupted bool) string {
	if interrupted {
		return fmt.Sprintf("interrupted: %s of %s", count(uint64(n)), plural(uint64(all), noun))
	}
	return plural(uint64(n), noun)
}

func executions(r *program.Result) string { return count(uint64(r.Search.Executions)) }

// changeText names the change, and what is changed.
func changeText(p *program.Pair) string {
	switch p.Change {
	case program.ChangeNew:
		return "NEW   " + oraclesText(p.With)
	case program.ChangeGone:
		return "GONE  " + oraclesText(p.Against)
	case program.ChangeOther:
		return "other " + strings.Join(differences(p), "; ")
	case program.ChangeOpen:
		return "open  " + unfinished(p)
	}
	if p.With.Verdict() == program.Violated {
		return "same  " + oraclesText(p.With)
	}
	return ""
}

// someOf names some, and says how many more there are.
func someOf(names []string) string {
	const told = 3
	if more := len(names) - told; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:told], ", "), more)
	}
	return strings.Join(names, ", ")
}

// oraclesText names the oracles that spoke, in the order in which the search found them.
func oraclesText(r *program.Result) string {
	if r.Unmade() {
		return strings.Join(r.Broken(), ", ") + " in init"
	}
	var first []string
	for _, f := range slices.Concat(r.Search.Violations, r.Search.Passed) {
		if name := f.Kind(); !slices.Contains(first, name) {
			first = append(first, name)
		}
	}
	rest := slices.DeleteFunc(r.Broken(), func(name string) bool { return slices.Contains(first, name) })
	return someOf(append(first, rest...))
}

// differences names what is on one side only: with + what only the rules have, with - what only those have that they are compared with.
func differences(p *program.Pair) (all []string) {
	note := func(what string, s program.Sides) {
		var signed []string
		for _, name := range s.With {
			signed = append(signed, "+"+name)
		}
		for _, name := range s.Against {
			signed = append(signed, "-"+name)
		}
		if signed != nil {
			all = append(all, what+" "+someOf(signed))
		}
	}
	if note("oracles", p.Broken); all != nil {
		return all
	}
	if n, m := len(p.Outcomes.With), len(p.Outcomes.Against); n+m > 0 {
		all = append(all, fmt.Sprintf("outcomes: %d more, %d less", n, m))
	}
	note("reached", p.Reached)
	note("never reached", unsaid(p.NeverReached, p.Reached))
	return all
}

// unsaid is what was never reached without what was reached on the other side, which says the same.
func unsaid(never, reached program.Sides) program.Sides {
	less := func(names, said []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(said, name) })
	}
	return program.Sides{With: less(never.With, reached.Against), Against: less(never.Against, reached.With)}
}

// unfinished says which search did not finish.
func unfinished(p *program.Pair) string {
	switch {
	case p.Interrupted():
		return "interrupted"
	case p.With.Search.Complete:
		return "not finished under those compared with"
	case p.Against.Search.Complete:
		return "not finished under the rules"
	}
	return "neither is finished"
}

// summaryText is a table, a line a search, and the counts.
func summaryText(s *program.Summary, look Look) string {
	var b strings.Builder
	t := table{{"scenario", "rules", "executions", "time", "verdict"}}
	var took time.Duration
	for _, r := range s.Results {
		took += r.Search.Elapsed
		t = append(t, []string{r.Scenario, r.Rules, executions(r), duration(r.Search.Elapsed), verdictLine(r, oraclesText(r))})
	}
	b.WriteString(t.set(look, 0, 1, 4))
	n := s.AsStated()
	b.WriteString("\n")
	look.line(&b, fmt.Sprintf("%s in %s: %d violation, %d verified, %d not-found; %d as stated, %d otherwise",
		done(len(s.Results), s.Searches, "verdict", s.Interrupted), duration(took),
		s.Count(program.Violated), s.Count(program.Verified), s.Count(program.NotFound), n, len(s.Results)-n))
	return b.String()
}
