package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads/program"
)

// GeneratedFormats returns the formats of what came of drawing programs; the first is the default.
func GeneratedFormats() []Format[*program.Generated] { return tabular(generatedText) }

// generatedText tells what was drawn, the difference, and what the programs came to.
func generatedText(g *program.Generated) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rules    %s\nagainst  %s\n", g.Rules, g.Against)
	fmt.Fprintf(&b, "drawn    programs of %s; seed %d\n", strings.Join(slices.Concat(g.Calls, choiceWords(g.May)), ", "), g.Seed)
	fmt.Fprintf(&b, "each     at most %s under each, by %s\n\n", plural(uint64(g.Bound), "execution"), strategyWords(g))
	if d := g.Difference; d != nil {
		differenceText(&b, g, d)
	} else {
		b.WriteString("no program differs\n\n")
	}
	perMinute := float64(g.Done) / max(g.Elapsed.Minutes(), time.Millisecond.Minutes())
	fmt.Fprintf(&b, "%s in %s, %.0f a minute: %d NEW, %d GONE, %d other, %d open, %d the same", programsText(g), duration(g.Elapsed), perMinute,
		g.Counts[program.ChangeNew], g.Counts[program.ChangeGone], g.Counts[program.ChangeOther], g.Counts[program.ChangeOpen],
		g.Counts[program.ChangeNone])
	if g.Both > 0 {
		fmt.Fprintf(&b, ", of which %d violated under both", g.Both)
	}
	fmt.Fprintf(&b, "; %s\n", plural(uint64(g.Executions), "execution"))
	var reached []string
	for _, name := range task.AllPoints().Names() {
		if n := g.Reached[name]; n > 0 {
			reached = append(reached, fmt.Sprintf("%s %d", name, n))
		}
	}
	fmt.Fprintf(&b, "reached        %s\n", strings.Join(reached, ", "))
	if never := g.NeverReached(); never != nil {
		fmt.Fprintf(&b, "never reached  %s\n", strings.Join(never, ", "))
	}
	return b.String()
}

func choiceWords(may []string) (words []string) {
	for _, name := range may {
		words = append(words, "may "+name)
	}
	return words
}

func strategyWords(g *program.Generated) string {
	var words []string
	for _, s := range g.Strategies {
		words = append(words, string(s))
	}
	return strings.Join(words, " and ") + map[bool]string{true: " in turn"}[len(words) > 1]
}

// programsText says how many programs there were, and why not more.
func programsText(g *program.Generated) string {
	if g.TimedOut {
		return fmt.Sprintf("the time is over: %s of %s", count(uint64(g.Done)), plural(uint64(g.Programs), "program"))
	}
	return done(g.Done, g.Programs, "program", g.Interrupted)
}

// differenceText shows the program that differs.
func differenceText(b *strings.Builder, g *program.Generated, d *program.Difference) {
	switch d.Change {
	case program.ChangeNew:
		fmt.Fprintf(b, "NEW %s", oraclesText(d.With))
	case program.ChangeGone:
		fmt.Fprintf(b, "GONE %s", oraclesText(d.Against))
	default:
		fmt.Fprintf(b, "other outcomes under %s", d.Under)
	}
	fmt.Fprintf(b, " in program %d of %d: %s\n", d.Program, g.Programs, shortNames(d.Message))
	switch {
	case d.File == "":
	case d.Change == program.ChangeOther:
		fmt.Fprintf(b, "with the results stated that come under the others, it is %s:\n", d.File)
	default:
		fmt.Fprintf(b, "made smaller, it is %s:\n", d.File)
	}
	b.WriteString("\n")
	for line := range strings.Lines(d.Text) {
		if strings.TrimSpace(line) != "" {
			line = "    " + line
		}
		b.WriteString(line)
	}
	if d.File != "" {
		command := fmt.Sprintf("vmasim explore --rules %s", d.Under)
		if d.Change == program.ChangeOther {
			command = fmt.Sprintf("vmasim explore --rules %s --against %s", g.Rules, g.Against)
		}
		fmt.Fprintf(b, "\nto see it: %s %s\n", command, d.File)
	}
	b.WriteString("\n")
}

// GenerateProgress words how far drawing programs is, in one line.
func GenerateProgress(g *program.Generated) string {
	return fmt.Sprintf("%s of %s, %.1fs, %s, %d other, %d open", count(uint64(g.Done)), plural(uint64(g.Programs), "program"), g.Elapsed.Seconds(),
		plural(uint64(g.Executions), "execution"), g.Counts[program.ChangeOther], g.Counts[program.ChangeOpen])
}
