package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"vmasim/internal/wrap"
	"vmasim/workloads/measure"
	"vmasim/workloads/turns"
)

// TurnsFormats returns the formats of measurements in turns; the first is the default.
func TurnsFormats() []Format[*turns.Judged] {
	return []Format[*turns.Judged]{
		{"text", "tables, and bars", writing(turnsText)},
		{"json", "one JSON object, with all samples", writing(turnsJSON)},
		{"csv", "a line for each figure, point and rules", writing(turnsCSV)},
		{"bench", "a line of go test -bench for each sample, which benchstat -col /rules reads", writing(turnsBench)},
		{"markdown", "a table for each figure", writing(turnsMarkdown)},
		{"html", "a page with plots that needs nothing else", writing(turnsHTML)},
	}
}

// writing makes a format of what words a whole.
func writing(text func(*turns.Judged, Look) (string, error)) func(io.Writer, Look) func(*turns.Judged) error {
	return func(w io.Writer, look Look) func(*turns.Judged) error {
		return func(j *turns.Judged) error {
			words, err := text(j, look)
			if err == nil {
				_, err = io.WriteString(w, words)
			}
			return err
		}
	}
}

// byScenario returns the points of each scenario.
func byScenario(j *turns.Judged) (groups [][]turns.JudgedPoint) {
	for _, p := range j.Points {
		if last := len(groups) - 1; last >= 0 && groups[last][0].Scenario == p.Scenario {
			groups[last] = append(groups[last], p)
			continue
		}
		groups = append(groups, []turns.JudgedPoint{p})
	}
	return groups
}

func turnsText(j *turns.Judged, look Look) (string, error) {
	var b strings.Builder
	for _, points := range byScenario(j) {
		look.line(&b, turnsTitle(points))
		look.line(&b, takenLine(j, points))
		for _, line := range failedLines(j, points) {
			look.line(&b, line)
		}
		b.WriteString("\n")
		if len(figureRows(points)) == 0 {
			look.line(&b, noneCounts(points))
			continue
		}
		if len(j.Rules) == 2 {
			b.WriteString(besideEachOther(j, points, look))
		} else {
			b.WriteString(belowEachOther(j, points, look))
		}
		b.WriteString("\n" + turnsBars(j, points, look) + "\n")
	}
	for _, line := range footnotes(j) {
		look.line(&b, line)
	}
	return b.String(), nil
}

// turnsTitle names a scenario, and its numbers of tasks where it has one point.
func turnsTitle(points []turns.JudgedPoint) string {
	name := points[0].Scenario
	if setting := points[0].Setting(); setting != "" && len(points) == 1 {
		name += ", " + setting
	}
	return named(name, points[0].Title)
}

// takenLine says how many samples there are, and how many do not count.
func takenLine(j *turns.Judged, points []turns.JudgedPoint) string {
	least, most, dropped, all := math.MaxInt, 0, 0, 0
	for _, p := range points {
		least, most = min(least, p.Good()), max(most, p.Good())
		for _, c := range p.Candidates {
			dropped += c.Dropped
			all += c.Dropped + c.Samples + c.Failed
		}
	}
	rounds := plural(uint64(most), "round")
	if least < most {
		rounds = fmt.Sprintf("%d to %s", least, rounds)
	}
	line := fmt.Sprintf("%s of %d samples of %v in turns; %s", rounds, len(j.Rules), j.Sample, strings.Join(j.Hosts, "; "))
	if dropped > 0 {
		line += fmt.Sprintf("; %d of %s dropped, as their tasks had less than %.0f %% of the CPUs", dropped, plural(uint64(all), "sample"), 100*j.MinShare)
	}
	return line
}

// noneCounts says that nothing was measured, and what helps, if samples were dropped.
func noneCounts(points []turns.JudgedPoint) string {
	for _, p := range points {
		for _, c := range p.Candidates {
			if c.Dropped > 0 {
				return "no sample counts; --min-share keeps those of a machine that is busy\n"
			}
		}
	}
	return "no sample counts\n"
}

// failedLines says which samples failed, and how the first of them did.
func failedLines(j *turns.Judged, points []turns.JudgedPoint) (lines []string) {
	for _, p := range points {
		for i, c := range p.Candidates {
			if c.Failed > 0 {
				lines = append(lines, fmt.Sprintf("FAILED, and not counted: %s of %s under %s: %s", plural(uint64(c.Failed), "sample"), p.Name(), j.Rules[i], c.Failure))
			}
		}
	}
	return lines
}

// footnotes say what the intervals and the verdicts mean.
func footnotes(j *turns.Judged) (lines []string) {
	if j.Interrupted {
		lines = append(lines, "interrupted: this is what was measured until then")
	}
	if j.Verdicts == 0 {
		return lines
	}
	least := math.MaxInt
	for _, p := range j.Points {
		least = min(least, p.Good())
	}
	if need := j.Enough(); least < need {
		lines = append(lines, fmt.Sprintf("note: a verdict can name a difference from %d good rounds on, as there are %d verdicts: take more, or fewer points", need, j.Verdicts))
	}
	return append(lines,
		fmt.Sprintf("±: the farther end of the %.0f %% interval of the median, by order statistics. Changes are against %s, round by round, with their intervals.",
			100*measure.Confidence, label0(j)),
		fmt.Sprintf("verdicts: corrected for all %d (Holm): with %.0f %% confidence none that names a difference is wrong; \"no difference\" excludes one of %.0f %%.",
			j.Verdicts, 100*measure.Confidence, 100*measure.Margin))
}

func label0(j *turns.Judged) string { return turnsLabels(j)[0] }

// turnsLabels are the rules, told apart where they are given twice.
func turnsLabels(j *turns.Judged) []string {
	labels := make([]string, len(j.Rules))
	for i, r := range j.Rules {
		before := 0
		for _, other := range j.Rules[:i] {
			if other == r {
				before++
			}
		}
		if labels[i] = r; before > 0 {
			labels[i] = fmt.Sprintf("%s (%d)", r, before+1)
		}
	}
	return labels
}

// figureRow is a figure at each of the points that have it.
type figureRow struct {
	figure *turns.Figure
	at     []*turns.JudgedPoint
	rows   []*turns.Row
}

// figureRows turns points with rows into figures with points, in the order of the figures.
func figureRows(points []turns.JudgedPoint) (all []figureRow) {
	for _, f := range turns.Figures() {
		one := figureRow{}
		for i := range points {
			for r := range points[i].Rows {
				if row := &points[i].Rows[r]; row.Key == f.Key && !(f.Exact && one.figure != nil) { // one is as good as all
					one.figure, one.at, one.rows = row.Figure, append(one.at, &points[i]), append(one.rows, row)
				}
			}
		}
		if one.figure != nil {
			all = append(all, one)
		}
	}
	return all
}

// besideEachOther has a column for each rules. With several points these are the rows of each figure.
func besideEachOther(j *turns.Judged, points []turns.JudgedPoint, look Look) string {
	heading := ""
	if len(points) > 1 {
		heading = strings.Join(points[0].Swept(), ", ")
	}
	t := table{append([]string{heading}, append(slices.Clone(turnsLabels(j)), "change", "verdict")...)}
	for _, f := range figureRows(points) {
		below := len(points) > 1 && !f.figure.Exact
		if below {
			t = append(t, []string{f.figure.Name, "", "", "", ""})
		}
		for i, row := range f.rows {
			name := f.figure.Name
			if below {
				name = "  " + numbersText(f.at[i])
			}
			cells := []string{name}
			for _, c := range row.Cells {
				cells = append(cells, medianText(f.figure, &c))
			}
			t = append(t, append(cells, changeOf(row, &row.Cells[1])...))
		}
	}
	return t.set(look, 0, 4)
}

// belowEachOther has a row for each rules, below the figure, or its point.
func belowEachOther(j *turns.Judged, points []turns.JudgedPoint, look Look) string {
	t := table{{"", "median", "change", "verdict"}}
	for _, f := range figureRows(points) {
		for i, row := range f.rows {
			name := f.figure.Name
			if !f.figure.Exact {
				name = strings.TrimSpace(name + " " + f.at[i].Setting())
			}
			t = append(t, []string{name, "", "", ""})
			for k, c := range row.Cells {
				t = append(t, append([]string{"  " + turnsLabels(j)[k], medianText(f.figure, &c)}, changeOf(row, &c)...))
			}
		}
	}
	return t.set(look, 0, 3)
}

// numbersText are the numbers of tasks of a point, as in "4, 1".
func numbersText(p *turns.JudgedPoint) string {
	var words []string
	for _, n := range p.Numbers() {
		words = append(words, fmt.Sprint(n))
	}
	return strings.Join(words, ", ")
}

// medianText is as in "6.12 M/s ±2 %".
func medianText(f *turns.Figure, c *turns.Cell) string {
	if c.N == 0 {
		return "-"
	}
	text := valueText(f.Unit, c.Median)
	switch away := max(c.High-c.Median, c.Median-c.Low); {
	case away == 0:
		return text
	case c.Median == 0:
		return fmt.Sprintf("%s (to %s)", text, valueText(f.Unit, c.High))
	case !c.Known:
		return text + " ±?"
	default:
		return fmt.Sprintf("%s ±%s", text, percentOf(away/c.Median))
	}
}

// percentOf has two digits below ten.
func percentOf(v float64) string {
	if v < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*v)
	}
	return fmt.Sprintf("%.0f %%", 100*v)
}

func valueText(unit turns.Unit, v float64) string {
	switch unit {
	case turns.PerSecond, turns.PerCPU:
		if v == 0 {
			return "0"
		}
		return rate(v)
	case turns.Nanoseconds:
		if v == 0 {
			return "0"
		}
		if v < 9.95 { // a mean may be less than a nanosecond
			return fmt.Sprintf("%.2g ns", v)
		}
		return nanos(uint64(math.Round(v)))
	case turns.Part:
		switch {
		case v == 0:
			return "0 %"
		case v < 0.00005:
			return "<0.01 %"
		}
		return threeDigits(100*v) + " %"
	}
	return fmt.Sprintf("%.0f", v)
}

// changeOf are the change and the verdict, for two cells; empty for the rules that others are compared with.
func changeOf(row *turns.Row, c *turns.Cell) []string {
	if c.Change == nil {
		return []string{"", ""}
	}
	return []string{changeWords(c.Change), row.Word(c.Change.Verdict)}
}

// changeWords is as in "+12.3 % (+10.1 to +14.9)", of large ones as in "×4.21 (3.90 to 4.52)".
func changeWords(c *measure.Change) string {
	r := c.Ratio
	switch {
	case r.Median == 1 && r.Low == 1 && r.High == 1:
		return "0 %"
	case math.IsInf(r.Median, 1):
		return "from 0"
	}
	if r.Median >= 2 || r.Median > 0 && r.Median <= 0.5 {
		text := "×" + factor(r.Median)
		if r.Known {
			text += fmt.Sprintf(" (%s to %s)", factor(r.Low), factor(r.High))
		}
		return text
	}
	text := fmt.Sprintf("%+.1f %%", 100*(r.Median-1))
	if r.Known {
		text += fmt.Sprintf(" (%s to %s)", signed(r.Low), signed(r.High))
	}
	return text
}

func signed(ratio float64) string {
	if math.IsInf(ratio, 1) {
		return "any"
	}
	return fmt.Sprintf("%+.1f", 100*(ratio-1))
}

func factor(ratio float64) string {
	if math.IsInf(ratio, 1) {
		return "any"
	}
	if ratio < 0.01 {
		return fmt.Sprintf("%.2g", ratio)
	}
	return threeDigits(ratio)
}

// turnsBars draws the first figure of a scenario, which is its rate, a bar for each rules at each point.
func turnsBars(j *turns.Judged, points []turns.JudgedPoint, look Look) string {
	f, labels := figureRows(points)[0], turnsLabels(j)
	most, settings, names := 0.0, 0, 0
	for i, row := range f.rows {
		settings = max(settings, wrap.Cells(f.at[i].Setting()))
		for _, c := range row.Cells {
			most = max(most, c.High)
		}
	}
	for _, l := range labels {
		names = max(names, wrap.Cells(l))
	}
	if settings > 0 {
		settings += len(betweenCells)
	}
	room := max(look.width()-settings-names-len(betweenCells)-len("  123 M/s"), 10)
	var b strings.Builder
	b.WriteString(f.figure.Name + ", and the interval\n")
	for i, row := range f.rows {
		setting := f.at[i].Setting()
		for k, c := range row.Cells {
			bar := look.task(k, barOf(&c, most, room))
			fmt.Fprintf(&b, "%-*s%-*s%s%s %s\n", settings, setting, names, labels[k], betweenCells, bar, valueText(f.figure.Unit, c.Median))
			setting = ""
		}
	}
	return b.String()
}

// barOf is a bar as long as the median, its end between the marks of the interval.
func barOf(c *turns.Cell, most float64, room int) string {
	if c.N == 0 || most <= 0 {
		return ""
	}
	at := func(v float64) int { return int(math.Round(v / most * float64(room-1))) }
	cells := []rune(strings.Repeat("█", at(c.Median)) + strings.Repeat(" ", room-at(c.Median)))
	for i := at(c.Low); i < at(c.Median); i++ {
		cells[i] = '▓'
	}
	for i := at(c.Median); i < at(c.High); i++ {
		cells[i] = '░'
	}
	return strings.TrimRight(string(cells), " ")
}

// TurnsProgress words how far a measurement has come, in one line.
func TurnsProgress(p turns.Progress) string {
	text := fmt.Sprintf("%s: sample %d of about %d, %v left", p.Scenario, p.Done+1, max(p.All, p.Done+1), p.Left.Round(time.Second))
	if p.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped", p.Dropped)
	}
	return text
}
