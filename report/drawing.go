package report

import (
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// drawing draws a trace as changelogs of the kernel draw races: a column for each task, time downwards, indented by
// function, with the values beside the steps that change them.
type drawing struct {
	*meetings
	look  Look
	cols  []string
	rows  []row
	stack map[string][]string      // the functions drawn last, by task
	quiet map[string][]*trace.Step // steps that are left out, by task, since its last row
}

func newDrawing(t *trace.Trace, look Look) *drawing {
	return &drawing{meetings: meet(t, look.Full), look: look, stack: map[string][]string{}, quiet: map[string][]*trace.Step{}}
}

// row is something in one column.
type row struct {
	col   int
	depth int  // how many functions it is in
	step  int  // from 1; 0: none
	frame bool // it is a function, of the rows below it that are deeper
	text  string
	notes []string
	marks []string // rules that it breaks
}

// draw returns the drawing, and below it what came after the threads had ended.
func draw(t *trace.Trace, look Look) string { return drawTasks(t, look) + aftermath(t, look) }

// aftermath words what finally did, and what was found before and after all steps.
func aftermath(t *trace.Trace, look Look) string {
	var b strings.Builder
	const indent = "      "
	line := func(text string) { b.WriteString(wrap.Text(indent+text, look.width(), "  ")) }
	marks := func(title string, all []string) {
		if len(all) > 0 {
			b.WriteString("\n" + title + "\n")
		}
		for _, oracle := range all {
			b.WriteString(look.red(indent+mark(oracle)) + "\n")
		}
	}
	marks("before the first step", t.Start)
	if len(t.Finally) > 0 {
		b.WriteString("\nfinally\n")
	}
	for i := range t.Finally {
		p := &t.Finally[i]
		line(performedText(p))
		for _, oracle := range p.Violations {
			b.WriteString(look.red(indent+"  "+mark(oracle)) + "\n")
		}
	}
	marks("when all had ended", t.End)
	return b.String()
}

func drawTasks(t *trace.Trace, look Look) string {
	d := newDrawing(t, look)
	for _, name := range t.Tasks {
		if slices.ContainsFunc(t.Steps, func(s trace.Step) bool { return s.Task == name }) || d.blocked(name) {
			d.cols = append(d.cols, name)
		}
	}
	if len(d.cols) == 0 {
		return wrap.Text("It was so when the threads had not taken a step.\n", look.width(), "")
	}
	for i := range t.Steps {
		d.take(i)
	}
	for _, name := range d.cols {
		d.leaveOut(name, nil)
	}
	d.endings()
	return d.layout()
}

func (d *drawing) blocked(name string) bool {
	return slices.ContainsFunc(d.trace.Blocked, func(b trace.Blocked) bool { return b.Task == name })
}

// take draws a step, or keeps it as one that is left out. Those of other tasks are drawn first if they are no matter of their tasks alone.
func (d *drawing) take(i int) {
	s := &d.trace.Steps[i]
	if quiet := d.quiet[s.Task]; len(quiet) > 0 && quiet[0].Statement != s.Statement {
		d.leaveOut(s.Task, nil)
	}
	if !d.shown[i] {
		d.quiet[s.Task] = append(d.quiet[s.Task], s)
		return
	}
	for _, name := range d.cols {
		if name == s.Task || slices.ContainsFunc(d.quiet[name], func(o *trace.Step) bool { return o.Shared }) {
			d.leaveOut(name, d.next(name, i))
		}
	}
	d.enter(s.Task, s.Stack)
	r := row{step: i + 1, text: stepText(d.trace, s, d.look), marks: s.Violations}
	for _, n := range s.Notes {
		if d.look.Full || d.tellsNote(s, n) {
			r.notes = append(r.notes, n)
		}
	}
	if len(r.notes) == 1 && s.Cell == "" {
		r.text, r.notes = r.text+": "+r.notes[0], nil
	}
	d.add(s.Task, r)
}

// next returns the functions of the step of a task that is drawn next, from step i on, if that belongs to the statement of its last one.
func (d *drawing) next(who string, i int) []string {
	for ; i < len(d.trace.Steps); i++ {
		s := &d.trace.Steps[i]
		switch quiet := d.quiet[who]; {
		case s.Task != who:
		case len(quiet) > 0 && quiet[0].Statement != s.Statement:
			return nil
		case d.shown[i]:
			return s.Stack
		}
	}
	return nil
}

// leaveOut draws, as one row, the steps of a task that are left out, with the functions that they are in and that are not drawn around them:
// next are those of the step that is drawn next. Where there are none, the numbers of the steps tell enough.
func (d *drawing) leaveOut(who string, next []string) {
	steps := d.quiet[who]
	if len(steps) == 0 {
		return
	}
	delete(d.quiet, who)
	stack := common(steps)
	stack = stack[:max(min(1, len(stack)), shared(stack, d.stack[who]), shared(stack, next))]
	fns := functionsIn(steps, len(stack))
	if len(fns) == 0 && (next != nil || shared(stack, d.stack[who]) == len(stack)) && len(stack) > 0 {
		return
	}
	d.enter(who, stack)
	text := "… " + plural(uint64(len(steps)), "step")
	if len(fns) > 0 {
		text += ": " + strings.Join(fns, ", ")
	}
	d.add(who, row{text: text})
}

// shared is how many functions two stacks have in common.
func shared(a, b []string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// common returns the functions that all steps are in.
func common(steps []*trace.Step) []string {
	stack := steps[0].Stack
	for _, s := range steps {
		stack = stack[:shared(stack, s.Stack)]
	}
	return stack
}

const namedFunctions = 3

// functionsIn names the functions called in steps that are left out, of which those up to depth are drawn.
func functionsIn(steps []*trace.Step, depth int) (fns []string) {
	for _, s := range steps {
		fn := treeFunction(s)
		if fn == "" && len(s.Stack) > depth {
			fn = s.Stack[depth]
		}
		if fn != "" && !slices.Contains(fns, fn) {
			fns = append(fns, fn)
		}
	}
	if len(fns) > namedFunctions {
		fns = append(fns[:namedFunctions-1], fns[namedFunctions-1]+","+wrap.Bound+"…")
	}
	return fns
}

// add draws a row in the function that its task is in.
func (d *drawing) add(who string, r row) {
	r.col, r.depth = slices.Index(d.cols, who), len(d.stack[who])
	d.rows = append(d.rows, r)
}

// enter draws the functions that a task has come into since its last step.
func (d *drawing) enter(who string, stack []string) {
	for n := shared(stack, d.stack[who]); n < len(stack); n++ {
		name := stack[n]
		if n > 0 {
			name += "()"
		}
		d.stack[who] = stack[:n]
		d.add(who, row{frame: true, text: name})
	}
	d.stack[who] = stack
}

// endings draws who is blocked.
func (d *drawing) endings() {
	for i := range d.trace.Blocked {
		b := &d.trace.Blocked[i]
		d.add(b.Task, row{marks: []string{waitingText(d.trace, b, d.look)}})
	}
}
