package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// PairFormats returns the ways to show two executions side by side; the first is the default.
func PairFormats() []Format[*trace.Pair] {
	return []Format[*trace.Pair]{
		{"text", "both side by side, with where they part", func(w io.Writer, look Look) func(*trace.Pair) error {
			return func(p *trace.Pair) error {
				_, err := io.WriteString(w, sideBySide(p, look))
				return err
			}
		}},
		{"json", "both executions and which steps are the same, as one JSON object", func(w io.Writer, _ Look) func(*trace.Pair) error {
			return func(p *trace.Pair) error { return json.NewEncoder(w).Encode(p) }
		}},
	}
}

// pairing draws two executions side by side.
type pairing struct {
	*trace.Pair
	look   Look
	digits int
	cells  int // of each side
	b      strings.Builder
	in     [2]map[string]string // the function that each task is in, as drawn last
	quiet  []trace.Row          // rows that are left out, since the last that is not
}

// Between the sides stands what a row is.
const (
	alike      = " = " // the same step of both
	unlike     = " ~ " // the same, with another value or operation
	onlyFirst  = " < "
	onlySecond = " > "
	neither    = "   "
)

func sideBySide(p *trace.Pair, look Look) string {
	d := &pairing{Pair: p, look: look, in: [2]map[string]string{{}, {}}}
	d.digits = max(2, len(fmt.Sprint(max(len(p.With.Steps), len(p.Against.Steps)))))
	d.cells = (look.width() - len(alike)) / 2
	if p.With.Title != "" {
		look.line(&d.b, p.With.Scenario+": "+p.With.Title+"\n")
	}
	var tasks []string
	for i, task := range p.With.Tasks {
		tasks = append(tasks, look.task(i, string(rune('A'+i))+" "+task))
	}
	d.b.WriteString(strings.Join(tasks, "  ") + "\n\n")
	d.row(d.wrapped(p.Names[0], ""), neither, d.wrapped(p.Names[1], ""), nil)
	d.b.WriteString(strings.Repeat("-", d.cells) + neither + strings.Repeat("-", d.cells) + "\n")
	next := 0
	for i, r := range p.Rows {
		next = d.part(next, i)
		if d.tells(r) {
			d.leaveOut()
			d.draw(r)
		} else {
			d.quiet = append(d.quiet, r)
		}
	}
	d.leaveOut()
	d.part(next, len(p.Rows))
	d.ends()
	return d.b.String()
}

// part writes where the sides part before a row, from the parting next on, and returns the one after.
func (d *pairing) part(next, row int) int {
	for ; next < len(d.Partings) && d.Partings[next].Row <= row; next++ {
		d.leaveOut()
		p := &d.Partings[next]
		for _, line := range wrap.Line("*** "+p.Text, d.look.width(), "    ") {
			d.b.WriteString(d.look.red(line) + "\n")
		}
		because := p.Because
		if next > 0 && because != "" && because == d.Partings[next-1].Because {
			because = "for the same reason"
		}
		if because != "" {
			d.b.WriteString(wrap.Text("    "+because, d.look.width(), ""))
		}
	}
	return next
}

// ends says how each side ends, and where there is none, that they do not part.
func (d *pairing) ends() {
	d.b.WriteString("\n")
	d.look.line(&d.b, "= the same step   ~ the same with another value or operation   < > a step of one side only\n")
	if len(d.Partings) == 0 {
		d.look.line(&d.b, "both go the same way\n")
	}
	for i, name := range d.Names {
		d.look.line(&d.b, name+" "+d.Ends[i]+"\n")
	}
	if len(d.Objects) > 0 {
		var same []string
		for _, o := range d.Objects {
			same = append(same, o[0]+" is "+o[1])
		}
		d.look.line(&d.b, "what is the same under two names: "+strings.Join(same, ", ")+"\n")
	}
}

// steps returns those of a row, nil for none.
func (d *pairing) steps(r trace.Row) (both [2]*trace.Step) {
	if r.With > 0 {
		both[0] = &d.With.Steps[r.With-1]
	}
	if r.Against > 0 {
		both[1] = &d.Against.Steps[r.Against-1]
	}
	return both
}

// tells reports whether a reader needs to see a row: other tasks meet one of its steps, or the sides do there what is not the same.
func (d *pairing) tells(r trace.Row) bool {
	if d.look.Full || r.Differs != trace.DiffersNot || r.Late > 0 {
		return true
	}
	for _, s := range d.steps(r) {
		if s != nil && (s.Shared || len(s.Violations) > 0) {
			return true
		}
	}
	return false
}

// draw writes a row.
func (d *pairing) draw(r trace.Row) {
	between := alike
	steps := d.steps(r)
	switch {
	case r.Against == 0:
		between = onlyFirst
	case r.With == 0:
		between = onlySecond
	case r.Differs != trace.DiffersNot:
		between = unlike
	}
	d.enter(steps)
	d.row(d.cell(d.With, steps[0], 0), between, d.cell(d.Against, steps[1], r.Late), steps[:])
}

// enter writes the function that the steps are in, where their tasks have been in another.
func (d *pairing) enter(steps [2]*trace.Step) {
	var texts [2]string
	for i, s := range steps {
		if s == nil {
			continue
		}
		if in := function(s); in != d.in[i][s.Task] {
			d.in[i][s.Task] = in
			texts[i] = strings.Repeat(" ", d.digits+1) + d.letter(s) + "  " + in
		}
	}
	if texts[0]+texts[1] != "" {
		hang := strings.Repeat(" ", d.digits+5)
		d.row(d.wrapped(texts[0], hang), neither, d.wrapped(texts[1], hang), steps[:])
	}
}

func function(s *trace.Step) string {
	switch {
	case s.Func == "" || s.Func == s.Statement:
		return s.Statement
	case s.Statement == "":
		return s.Func + "()"
	}
	return s.Statement + ": " + s.Func + "()"
}

func (d *pairing) letter(s *trace.Step) string {
	return string(rune('A' + slices.Index(d.With.Tasks, s.Task)))
}

// cell words a step in a column.
func (d *pairing) cell(t *trace.Trace, s *trace.Step, late int) []string {
	if s == nil {
		return nil
	}
	text := fmt.Sprintf("%*d %s  %s", d.digits, s.Number, d.letter(s), stepText(t, s, d.look))
	if late > 0 {
		text += fmt.Sprintf(", as step"+wrap.Bound+"%d", late)
	}
	lines := d.wrapped(text, strings.Repeat(" ", d.digits+5))
	for _, v := range s.Violations {
		lines = append(lines, d.wrapped(strings.Repeat(" ", d.digits+3)+mark(v), "    ")...)
	}
	return lines
}

func (d *pairing) wrapped(text, hang string) []string {
	if text == "" {
		return nil
	}
	indent := len(text) - len(strings.TrimLeft(text, " "))
	lines := wrap.Line(text, d.cells, strings.Repeat(" ", max(0, len(hang)-indent)))
	for i, line := range lines {
		if wrap.Cells(line) > d.cells { // a name that is wider than the column
			lines[i] = string([]rune(line)[:d.cells-1]) + "…"
		}
	}
	return lines
}

// row writes the lines of both sides.
func (d *pairing) row(first []string, between string, second []string, steps []*trace.Step) {
	paint := func(i int, text string) string {
		if steps == nil || steps[i] == nil {
			return text
		}
		if n := slices.Index(d.With.Tasks, steps[i].Task); len(steps[i].Violations) > 0 {
			return d.look.violated(n)(text)
		} else {
			return d.look.task(n, text)
		}
	}
	for i := range max(len(first), len(second)) {
		var left, right string
		if i < len(first) {
			left = first[i]
		}
		if i < len(second) {
			right = second[i]
		}
		line := paint(0, left) + strings.Repeat(" ", d.cells-wrap.Cells(left)) + between + paint(1, right)
		d.b.WriteString(strings.TrimRight(line, " ") + "\n")
		between = neither
	}
}

// leaveOut writes the rows that are left out as one for each task.
func (d *pairing) leaveOut() {
	for _, task := range d.With.Tasks {
		var texts [2]string
		between := neither
		for i := range texts {
			var steps []*trace.Step
			for _, r := range d.quiet {
				if s := d.steps(r)[i]; s != nil && s.Task == task {
					steps = append(steps, s)
				}
			}
			if len(steps) > 0 {
				texts[i] = fmt.Sprintf("%*s %s  … %s", d.digits, "", d.letter(steps[0]), plural(uint64(len(steps)), "step"))
				if fns := functionsIn(steps, 1); len(fns) > 0 {
					texts[i] += ": " + strings.Join(fns, ", ")
				}
				d.in[i][task] = ""
			}
		}
		switch {
		case texts[0]+texts[1] == "":
			continue
		case texts[1] == "":
			between = onlyFirst
		case texts[0] == "":
			between = onlySecond
		case texts[0] == texts[1]:
			between = alike
		default:
			between = unlike
		}
		hang := strings.Repeat(" ", d.digits+5)
		d.row(d.wrapped(texts[0], hang), between, d.wrapped(texts[1], hang), nil)
	}
	d.quiet = nil
}
