package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"vmasim/explore/trace"
)

// drawing draws a trace as changelogs of the kernel draw races: a column for each task, time downwards, indented by
// function, with the values beside the steps that change them.
type drawing struct {
	trace *trace.Trace
	full  bool // every step
	cols  []string
	rows  []row
	stack map[string][]string // the functions drawn last, by task
	named map[int]bool        // steps, from 1, that a load's value is said to be from
}

func newDrawing(t *trace.Trace, full bool) *drawing {
	d := &drawing{trace: t, full: full, stack: map[string][]string{}, named: map[int]bool{}}
	for i := range t.Steps {
		if s := &t.Steps[i]; s.Word() {
			d.named[s.From] = true
		}
	}
	for i := range t.Finally {
		d.named[t.Finally[i].From] = true
	}
	return d
}

// row is a line in one column.
type row struct {
	col  int
	step int // from 1; 0: none
	text string
}

// draw returns the drawing, a line for each row, and below it what came after the threads had ended.
func draw(t *trace.Trace, full bool) string { return drawColumns(t, full) + aftermath(t) }

// aftermath words what finally did, and what was found before and after all steps.
func aftermath(t *trace.Trace) string {
	var b strings.Builder
	marks := func(title string, all []string) {
		if len(all) > 0 {
			b.WriteString("\n" + title + "\n")
		}
		for _, oracle := range all {
			fmt.Fprintf(&b, "      *** %s ***\n", oracle)
		}
	}
	marks("before the first step", t.Start)
	if len(t.Finally) > 0 {
		b.WriteString("\nfinally\n")
	}
	for i := range t.Finally {
		p := &t.Finally[i]
		fmt.Fprintf(&b, "      %s\n", performedText(p))
		for _, oracle := range p.Violations {
			fmt.Fprintf(&b, "        *** %s ***\n", oracle)
		}
	}
	marks("when all had ended", t.End)
	return b.String()
}

// performedText words a statement of finally.
func performedText(p *trace.Performed) string {
	text := p.Text + " => " + p.Result
	if p.From > 0 {
		text += fmt.Sprintf("  (from %d)", p.From)
	}
	return text
}

func drawColumns(t *trace.Trace, full bool) string {
	d := newDrawing(t, full)
	for _, name := range t.Tasks {
		if slices.ContainsFunc(t.Steps, func(s trace.Step) bool { return s.Task == name }) || d.blocked(name) != nil {
			d.cols = append(d.cols, name)
		}
	}
	if len(d.cols) == 0 {
		return "It was so when the threads had not taken a step.\n"
	}
	for at := 0; at < len(t.Steps); {
		at = d.take(at)
	}
	d.endings()
	return d.layout()
}

func (d *drawing) blocked(name string) *trace.Blocked {
	for i := range d.trace.Blocked {
		if b := &d.trace.Blocked[i]; b.Task == name {
			return b
		}
	}
	return nil
}

// shows reports whether a step is drawn: tasks affect each other through it, or something is to be said about it.
func (d *drawing) shows(i int) bool {
	s := &d.trace.Steps[i]
	switch {
	case d.full, i == len(d.trace.Steps)-1, len(s.Violations) > 0, len(s.Notes) > 0:
		return true
	case s.Waits(), s.Wakes(), s.Word(), d.named[i+1]:
		return true
	case strings.HasPrefix(s.Cell, "page#"), strings.HasPrefix(s.Cell, "frame#"), strings.HasPrefix(s.Cell, "node#"), strings.HasPrefix(s.Cell, "lock#"):
		return s.Shared && s.Writes()
	}
	return s.Shared && s.Cell != ""
}

// take draws the step at i, or leaves out it and those after it that are of no interest. It returns the next one.
func (d *drawing) take(i int) int {
	if d.shows(i) {
		d.step(i)
		return i + 1
	}
	n, who, stmt := 0, d.trace.Steps[i].Task, d.trace.Steps[i].Statement
	for i+n < len(d.trace.Steps) && !d.shows(i+n) && d.trace.Steps[i+n].Task == who && d.trace.Steps[i+n].Statement == stmt {
		n++
	}
	hidden := d.trace.Steps[i : i+n]
	d.enter(&hidden[0], common(hidden))
	d.add(who, 0, d.indent(who)+omission(hidden, len(d.stack[who])))
	return i + n
}

// common returns the functions that all steps are in.
func common(steps []trace.Step) []string {
	stack := steps[0].Stack
	for i := range steps {
		n := 0
		for n < min(len(stack), len(steps[i].Stack)) && stack[n] == steps[i].Stack[n] {
			n++
		}
		stack = stack[:n]
	}
	return stack
}

const namedFunctions = 3

// omission words steps that are left out: how many, and the functions called in them, which depth says are not drawn.
func omission(steps []trace.Step, depth int) string {
	var fns []string
	for i := range steps {
		fn := treeFunction(&steps[i])
		if fn == "" && len(steps[i].Stack) > depth {
			fn = steps[i].Stack[depth]
		}
		if fn != "" && !slices.Contains(fns, fn) {
			fns = append(fns, fn)
		}
	}
	if len(fns) > namedFunctions {
		fns = append(fns[:namedFunctions], "…")
	}
	text := "… " + plural(uint64(len(steps)), "step")
	if len(fns) > 0 {
		text += ": " + strings.Join(fns, ", ")
	}
	return text
}

// treeFunction is the maple tree's function that a step stands for, "" for none: the tree's own code names none.
func treeFunction(s *trace.Step) string {
	switch {
	case !strings.HasSuffix(s.Cell, ".mm_mt") && !strings.HasPrefix(s.Cell, "node#"):
		return ""
	case s.Writes():
		return "mas_store"
	}
	return "mas_walk"
}

func (d *drawing) add(who string, step int, text string) {
	d.rows = append(d.rows, row{slices.Index(d.cols, who), step, text})
}

func (d *drawing) indent(who string) string { return strings.Repeat("  ", len(d.stack[who])) }

// enter draws the functions that the step's task has come into since its last step.
func (d *drawing) enter(s *trace.Step, stack []string) {
	last := d.stack[s.Task]
	n := 0
	for n < min(len(last), len(stack)) && last[n] == stack[n] {
		n++
	}
	for ; n < len(stack); n++ {
		name := stack[n]
		if n > 0 {
			name += "()"
		}
		d.add(s.Task, 0, strings.Repeat("  ", n)+name)
	}
	d.stack[s.Task] = stack
}

func (d *drawing) step(i int) {
	s := &d.trace.Steps[i]
	d.enter(s, s.Stack)
	d.add(s.Task, i+1, d.indent(s.Task)+stepText(s))
	for _, n := range s.Notes {
		d.add(s.Task, 0, d.indent(s.Task)+"  "+n)
	}
	for _, oracle := range s.Violations {
		d.add(s.Task, 0, d.indent(s.Task)+"*** "+oracle+" ***")
	}
}

// endings draws who is blocked.
func (d *drawing) endings() {
	for i := range d.trace.Blocked {
		b := &d.trace.Blocked[i]
		d.enter(&trace.Step{}, nil)
		d.add(b.Task, 0, d.indent(b.Task)+"*** "+waiting(b)+" ***")
	}
}

func waiting(b *trace.Blocked) string {
	verb := "waits: "
	switch {
	case b.Slept:
		verb = "sleeps on: "
	case b.Spins:
		verb = "goes round for ever: "
	}
	return strings.TrimRight(verb+b.Op.String()+" "+b.Cell, " ")
}

// stepText words a step: the operation, the cell, and what it saw and left.
func stepText(s *trace.Step) string {
	text := s.Op.String()
	if s.Cell != "" {
		text += " " + s.Cell
	}
	if s.Target != "" {
		text += ": " + s.Target
	}
	switch {
	case s.Interrupted:
		text += "  interrupted"
	case s.Tries() && !s.Writes():
		text += "  fails"
	case s.Is == "" && s.Was == "":
	case s.Writes() || s.Updates() && s.Was != s.Is:
		text += fmt.Sprintf("  %s -> %s", s.Was, s.Is)
	case !s.Reads():
		text += "  = " + s.Was + ", unchanged"
	default:
		text += "  = " + s.Was
	}
	if s.From > 0 && s.Reads() {
		text += fmt.Sprintf("  (from %d)", s.From)
	}
	return text
}

const between = "   "

// layout puts the rows into columns.
func (d *drawing) layout() string {
	widths := make([]int, len(d.cols))
	for i, c := range d.cols {
		widths[i] = utf8.RuneCountInString(c)
	}
	for _, r := range d.rows {
		widths[r.col] = max(widths[r.col], utf8.RuneCountInString(r.text))
	}
	digits := max(2, len(fmt.Sprint(len(d.trace.Steps))))
	var b strings.Builder
	line := func(number string, col int, text string) {
		out := fmt.Sprintf("%*s", digits, number)
		for i := range col {
			out += between + strings.Repeat(" ", widths[i])
		}
		b.WriteString(strings.TrimRight(out+between+text, " ") + "\n")
	}
	var heads, rules []string
	for i, c := range d.cols {
		heads = append(heads, c+strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)))
		rules = append(rules, strings.Repeat("-", widths[i]))
	}
	line("", 0, strings.Join(heads, between))
	line("", 0, strings.Join(rules, between))
	for _, r := range d.rows {
		number := ""
		if r.step > 0 {
			number = fmt.Sprint(r.step)
		}
		line(number, r.col, r.text)
	}
	return b.String()
}
