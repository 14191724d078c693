package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads/program"
)

// exploreFormats are the formats of searches that show more than each counterexample; the first is the default.
var exploreFormats = []Format[*program.Result]{
	{"text", "races drawn in columns, and the verdict", newExploreText},
	{"json", "one JSON object a line for each scenario", newExploreJSON},
}

// ExploreFormats returns the formats of searches; the first is the default.
func ExploreFormats() []Format[*program.Result] {
	all := slices.Clone(exploreFormats)
	for _, f := range traceFormats[1:] {
		all = append(all, Format[*program.Result]{f.Name, f.Help, drawEach(f)})
	}
	return all
}

// drawEach draws each counterexample by itself.
func drawEach(f TraceFormat) func(io.Writer, Look) func(*program.Result) error {
	return func(w io.Writer, look Look) func(*program.Result) error {
		return func(r *program.Result) error {
			b := &strings.Builder{}
			draw := f.new(b, look)
			for _, v := range r.Violations {
				if err := draw(v.Trace); err != nil {
					return err
				}
			}
			_, err := io.WriteString(w, b.String())
			return err
		}
	}
}

func newExploreJSON(w io.Writer, _ Look) func(*program.Result) error {
	encoder := encoderTo(w)
	return func(r *program.Result) error { return encoder.Encode(r) }
}

func newExploreText(w io.Writer, look Look) func(*program.Result) error {
	sep := ""
	return func(r *program.Result) error {
		b := &strings.Builder{}
		b.WriteString(sep)
		sep = "\n"
		titled(b, r.Scenario, r.Title, r.Rules, look)
		for _, v := range r.Violations {
			b.WriteString("\n")
			counterexample(b, r, v, look)
		}
		b.WriteString("\n")
		verdictBlock(b, r, look)
		_, err := io.WriteString(w, b.String())
		return err
	}
}

// counterexample draws a violation and says how to see it again.
func counterexample(b *strings.Builder, r *program.Result, v *program.Violation, look Look) {
	complaint(b, v.Oracle(), v.Message(), look)
	b.WriteString("\n")
	withNotes(b, v.Trace, look)
	if look.Full && len(v.Violations) > 0 {
		panickedIn(b, v.Violations[0].Where)
	}
	if v.Shrunk != nil {
		b.WriteString("\n")
		look.line(b, fmt.Sprintf("shrunk from %s to %s", sizeText(v.Shrunk.From), sizeText(v.Shrunk.To)))
	}
	dropped(b, v.Trace, look)
	if v.Unstable {
		b.WriteString("\n")
		look.line(b, "The schedule does not fail a second time: the program is not deterministic.")
	}
	look.command(b, "replay: ", r.ReplayCommand(&v.Schedule))
}

// panickedIn tells where in this program a panic was.
func panickedIn(b *strings.Builder, where string) {
	if where != "" {
		fmt.Fprintf(b, "\nin the code of vmasim\n  %s\n", strings.ReplaceAll(where, "\n", "\n  "))
	}
}

func sizeText(s explore.Size) string {
	noun := "switches"
	if s.Switches == 1 {
		noun = "switch"
	}
	return fmt.Sprintf("%s, %s, %d %s, %s", plural(uint64(s.Tasks), "task"), plural(uint64(s.Statements), "statement"),
		s.Switches, noun, plural(uint64(s.Steps), "step"))
}

// verdictBlock says what was searched, whether that was all, and what was not seen.
func verdictBlock(b *strings.Builder, r *program.Result, look Look) {
	line := func(name, format string, args ...any) {
		look.named(b, name, fmt.Sprintf(format, args...))
	}
	line("verdict", "%s", verdictLine(r, strings.Join(r.Broken(), ", ")))
	s := &r.Search
	line("search", "%s", searchLine(s))
	line("finished", "%s", finishedLine(r))
	if r.Advice != nil {
		adviceLines(line, r.Advice, r.ExploreCommand()+" ")
	}
	line("memory", "%s", memoryLine(r))
	line("rules", "%s", r.Rules)
	if r.Settings != "" {
		line("machine", "%s", r.Settings)
	}
	line("choices", "%s", choiceLine(r))
	line("oracles", "%s", oracleLine(r))
	for i, o := range r.Outcomes {
		name := ""
		if i == 0 {
			name = "outcomes"
		}
		line(name, "%d× %s", o.Executions, o.Text)
	}
	for _, o := range r.Observations {
		look.line(b, o.Question)
		look.line(b, fmt.Sprintf("Observation %s %s %d %d", r.Scenario, o.Answer(), o.Positive, o.Negative))
	}
	if r.Parts != nil {
		line("parts", "%s", partsLine(r.Parts))
		for _, words := range slices.Concat(r.Parts.Lack, r.Parts.Notes) {
			line("", "%s", words)
		}
	}
	if r.Checkpoint != "" {
		line("go on", "the same command goes on from %s", r.Checkpoint)
	}
	if len(r.Reached) > 0 {
		line("reached", "%s", strings.Join(r.Reached, ", "))
	}
	if len(r.NeverReached) > 0 {
		line("never reached", "%s", strings.Join(r.NeverReached, ", "))
	}
	if len(r.NeverOlder) > 0 {
		line("never older", "%s", strings.Join(r.NeverOlder, ", "))
	}
}

// memoryLine says what loads may see.
func memoryLine(r *program.Result) string {
	if r.Memory.TSO {
		return "tso: loads may come before earlier stores of their task, as on x86"
	}
	if m := r.Memory; m.Views {
		text := "views: loads may see older stores, and stores take earlier places, as the kernel's memory model allows"
		if m.Limit > 0 {
			text += fmt.Sprintf(", at most %d in an execution", m.Limit)
		}
		return text + "; not explored: load buffering"
	}
	if slices.Contains(r.Choices, task.StaleWalk) {
		return "sequentially consistent, but that a walk of the tree may miss the latest stores"
	}
	return "sequentially consistent"
}

// verdictLine words the verdict, and names what was broken as told.
func verdictLine(r *program.Result, broken string) string {
	words := r.Verdict()
	if r.Verdict() == program.Verified && r.Memory.Weak() {
		words += " for " + r.Memory.Family()
	}
	if r.Verdict() == program.Verified && len(r.ByWay) > 0 {
		words += " by states, without " + strings.Join(r.ByWay, ", ")
	}
	if r.Verdict() == program.NotFound && r.Search.Truncated > 0 {
		words += ": " + cutWords(r)
	}
	if broken != "" {
		words += " " + broken
	}
	if r.Part != "" {
		words += " in part " + r.Part
	}
	if r.Fallback {
		words += "; " + goalText(r) + " never came"
	}
	for _, q := range r.Unmet {
		words += "; never: " + q
	}
	switch {
	case r.Stated == nil, r.Part != "" && r.Verdict() != program.Violated: // another part may show it
	case r.OK() && (r.Verdict() != program.NotFound):
		words += " (as stated)"
	default:
		words += fmt.Sprintf(" (stated: %s)", strings.TrimPrefix(r.Stated.String(), "verdict "+r.Stated.Rules+" "))
	}
	return words
}

// cutWords says that executions were too long.
func cutWords(r *program.Result) string {
	words := fmt.Sprintf("cut off at %s (--depth)", plural(uint64(r.Search.Depth), "step"))
	if r.Cut != "" {
		words += "; shorten " + r.Cut
	}
	return words
}

func searchLine(s *explore.Report) string {
	words := fmt.Sprintf("%s, %s", s.Strategy, plural(uint64(s.Executions), "execution"))
	if s.States > 0 {
		words += fmt.Sprintf(", %s", plural(uint64(s.States), "state"))
	}
	if s.Redundant > 0 {
		words += fmt.Sprintf(" (%s redundant)", count(uint64(s.Redundant)))
	}
	if s.Truncated > 0 {
		words += fmt.Sprintf(", %s cut off", count(uint64(s.Truncated)))
	}
	words += fmt.Sprintf(", at most %s, %s", plural(uint64(s.Steps), "step"), duration(s.Elapsed))
	if s.Earlier > 0 {
		words += fmt.Sprintf(", %s in earlier runs", plural(uint64(s.Earlier), "execution"))
	}
	return words
}

func finishedLine(r *program.Result) string {
	s := &r.Search
	bound := ""
	if counted := s.Strategy.Counts(); counted != "" {
		bound = fmt.Sprintf("; all with at most %s are searched", plural(uint64(max(s.Bound, 0)), counted))
		if s.Bound < 0 {
			bound = "; no bound is searched in full"
		}
	}
	switch {
	case s.Complete && r.Part != "":
		return "yes, every interleaving of the part is covered"
	case s.Complete:
		return "yes, every interleaving is covered"
	case s.Unlike > 0:
		return fmt.Sprintf("no, of %s looked at twice %d went on otherwise the second time; dpor needs no states", plural(uint64(s.Compared), "state"), s.Unlike)
	case r.Interrupted:
		return "no, interrupted" + bound
	case s.Truncated > 0 && s.Truncated == s.Executions-s.Redundant:
		return "no, every execution was cut off"
	case s.Enough:
		return "no, it stopped at what it found" + bound
	case r.Parts != nil && s.Stopped:
		return "no, parts of it are not" + bound
	case !r.Bounded:
		return "no, a random search never is"
	}
	return "no, it reached its limit" + bound
}

func choiceLine(r *program.Result) string {
	var names []string
	for _, c := range r.Choices {
		names = append(names, string(c))
	}
	if len(names) == 0 {
		return "scheduling only"
	}
	return "scheduling, " + strings.Join(names, ", ") + " (one a run)"
}

func oracleLine(r *program.Result) string {
	words := fmt.Sprintf("all %d", len(r.Oracles))
	if len(r.Without) > 0 {
		words = fmt.Sprintf("%d, without %s", len(r.Oracles), strings.Join(r.Without, ", "))
	}
	if r.Goals != nil || r.Muted {
		words += ", each execution going on to " + goalText(r)
	}
	return words
}

// goalText names what executions go on to.
func goalText(r *program.Result) string {
	if r.Muted {
		return "what is no matter of lock discipline"
	}
	return strings.Join(r.Goals, ", ")
}

// ExploreProgress words how far a search is, in one line.
func ExploreProgress(scenario string, p explore.Progress) string {
	words := []string{fmt.Sprintf("%s: %.1fs", scenario, p.Elapsed.Seconds()), plural(uint64(p.Executions), "execution"), rate(p.Rate)}
	of := ""
	if p.Bound >= 0 {
		words = append(words, plural(uint64(p.Bound), p.Counted))
		of = " of it"
	}
	if p.States > 0 {
		words = append(words, plural(uint64(p.States), "state"))
	}
	if p.Open > 0 {
		words = append(words, count(uint64(p.Open))+" open")
	}
	if p.Share > 0 {
		words = append(words, shareText(p.Share)+of+" done")
	}
	if p.Left > 0 && (p.Share == 0 || p.Share >= tellingShare) {
		words = append(words, "~"+p.Left.Round(time.Second).String()+" left")
	}
	return strings.Join(words, ", ")
}

// shareText words a share of what is estimated, with the more digits the smaller it is.
func shareText(share float64) string {
	switch share *= 100; {
	case share >= 10:
		return fmt.Sprintf("about %.0f%%", share)
	case share >= tellingShare*100:
		return fmt.Sprintf("about %.1f%%", share)
	}
	return "less than 0.1%"
}

// tellingShare is of how much of a search something can be told about the rest.
const tellingShare = 0.001
