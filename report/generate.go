package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vmasim/internal/task"
	"vmasim/internal/wrap"
	"vmasim/workloads/program"
)

// GeneratedFormats returns the formats of what came of drawing programs; the first is the default.
func GeneratedFormats() []Format[*program.Generated] { return tabular(generatedText) }

// generatedText tells what was drawn, the difference, and what the programs came to.
func generatedText(g *program.Generated, look Look) string {
	var b strings.Builder
	line := func(name, text string) {
		b.WriteString(wrap.Text(name+text, look.width(), strings.Repeat(" ", len(name))))
	}
	line("rules    ", g.Rules)
	line("against  ", g.Against)
	line("drawn    ", fmt.Sprintf("programs of %s; seed %d", strings.Join(slices.Concat(g.Calls, choiceWords(g.May)), ", "), g.Seed))
	if g.Shard != "" {
		line("shard    ", g.Shard+": every so many programs only")
	}
	if g.Parts != nil {
		line("shards   ", partsLine(g.Parts))
		for _, words := range slices.Concat(g.Parts.Lack, g.Parts.Notes) {
			line("         ", words)
		}
	}
	line("each     ", fmt.Sprintf("at most %s under each, by %s", plural(uint64(g.Bound), "execution"), strategyWords(g)))
	b.WriteString("\n")
	if d := g.Difference; d != nil {
		differenceText(&b, g, d, look)
	} else {
		b.WriteString("no program differs\n\n")
	}
	perMinute := float64(g.Done) / max(g.Elapsed.Minutes(), time.Millisecond.Minutes())
	words := fmt.Sprintf("%s in %s, %.0f a minute: %d NEW, %d GONE, %d other, %d open, %d the same", programsText(g), duration(g.Elapsed), perMinute,
		g.Counts[program.ChangeNew], g.Counts[program.ChangeGone], g.Counts[program.ChangeOther], g.Counts[program.ChangeOpen],
		g.Counts[program.ChangeNone])
	if g.Both > 0 {
		words += fmt.Sprintf(", of which %d violated under both", g.Both)
	}
	look.line(&b, words+fmt.Sprintf("; the rules made a difference in %s; %s", count(uint64(g.Differing)), plural(uint64(g.Executions), "execution")))
	var reached []string
	for _, name := range task.AllPoints().Names() {
		if n := g.Reached[name]; n > 0 {
			reached = append(reached, fmt.Sprintf("%s %d", name, n))
		}
	}
	line("reached        ", strings.Join(reached, ", "))
	if never := g.NeverReached(); never != nil {
		line("never reached  ", strings.Join(never, ", "))
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
	if last := len(words) - 1; last > 0 {
		return "each of " + strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return strings.Join(words, "")
}

// programsText says how many programs there were, and why not more.
func programsText(g *program.Generated) string {
	if g.TimedOut {
		return fmt.Sprintf("the time is over: %s of %s", count(uint64(g.Done)), plural(uint64(g.Programs), "program"))
	}
	return done(g.Done, g.Programs, "program", g.Interrupted)
}

// differenceText shows the program that differs.
func differenceText(b *strings.Builder, g *program.Generated, d *program.Difference, look Look) {
	what := ""
	switch d.Change {
	case program.ChangeNew:
		what = "NEW " + oraclesText(d.With)
	case program.ChangeGone:
		what = "GONE " + oraclesText(d.Against)
	default:
		what = "other outcomes under " + d.Under
	}
	look.line(b, fmt.Sprintf("%s in program %d of %d: %s", what, d.Program, g.Programs, d.Message))
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
		b.WriteString("\n")
		look.command(b, "to see it: ", command+" "+d.File)
	}
	b.WriteString("\n")
}

// GenerateProgress words how far drawing programs is, in one line.
func GenerateProgress(g *program.Generated) string {
	return fmt.Sprintf("%s of %s, %.1fs, %s, %d other, %d open", count(uint64(g.Done)), plural(uint64(g.Programs), "program"), g.Elapsed.Seconds(),
		plural(uint64(g.Executions), "execution"), g.Counts[program.ChangeOther], g.Counts[program.ChangeOpen])
}
