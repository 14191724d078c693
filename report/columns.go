package report

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/wrap"
)

const (
	columnsFrom  = 100 // from this width on each task has a column
	narrowest    = 30  // unless its column would be narrower
	between      = "   "
	leastText    = 20 // cells that no indentation takes away
	widestOffset = 16 // between the beginnings of tasks that share a column
)

// layout puts the rows into lines.
func (d *drawing) layout() string {
	digits := max(2, len(fmt.Sprint(len(d.trace.Steps))))
	n := len(d.cols)
	room := d.look.width() - digits - n*len(between)
	if d.look.width() < columnsFrom || room/n < narrowest {
		return d.oneColumn(digits)
	}
	d.fold(room / n)
	widths := make([]int, n)
	for i, name := range d.cols {
		widths[i] = wrap.Cells(name)
	}
	for _, r := range d.rows {
		widths[r.col] = max(widths[r.col], r.widest())
	}
	share(widths, room)
	var b strings.Builder
	line := func(number, text string) { b.WriteString(fmt.Sprintf("%*s%s%s", digits, number, between, text) + "\n") }
	var heads, rules []string
	for i, name := range d.cols {
		heads = append(heads, d.look.task(i, name)+strings.Repeat(" ", max(0, widths[i]-wrap.Cells(name))))
		rules = append(rules, strings.Repeat("-", widths[i]))
	}
	line("", strings.TrimRight(strings.Join(heads, between), " "))
	line("", strings.Join(rules, between))
	before := make([]string, n)
	for i := 1; i < n; i++ {
		before[i] = before[i-1] + strings.Repeat(" ", widths[i-1]) + between
	}
	for i := range d.rows {
		r := &d.rows[i]
		r.each(d.look, widths[r.col], func(number, text string) { line(number, before[r.col]+text) })
	}
	return b.String()
}

// oneColumn puts the rows of all tasks into one column, each behind the letter that its task has in schedules. As no two stand in one line, those
// of a later task begin farther right, as far as there is room.
func (d *drawing) oneColumn(digits int) string {
	room := d.look.width() - digits - len(" A ")
	d.fold(room - (len(d.cols)-1)*2)
	offset := widestOffset
	for _, r := range d.rows {
		if r.col > 0 {
			offset = min(offset, (room-r.widest())/r.col)
		}
	}
	offset = max(offset, 2)
	if (len(d.cols)-1)*offset > room/2 {
		offset = 0
	}
	var b strings.Builder
	line := func(number string, col int, text string) {
		letter := d.look.task(col, string(rune('A'+slices.Index(d.trace.Tasks, d.cols[col]))))
		fmt.Fprintf(&b, "%*s %s %s%s\n", digits, number, letter, strings.Repeat(" ", col*offset), text)
	}
	for col, name := range d.cols {
		line("", col, d.look.task(col, name))
	}
	fmt.Fprintf(&b, "%*s %s\n", digits, "", strings.Repeat("-", min(d.widestRow(offset)+2, d.look.width()-digits-1)))
	for i := range d.rows {
		r := &d.rows[i]
		r.each(d.look, room-r.col*offset, func(number, text string) { line(number, r.col, text) })
	}
	return b.String()
}

// widestRow is where the widest row ends.
func (d *drawing) widestRow(offset int) (widest int) {
	for col, name := range d.cols {
		widest = max(widest, col*offset+wrap.Cells(name))
	}
	for i := range d.rows {
		widest = max(widest, d.rows[i].col*offset+d.rows[i].widest())
	}
	return widest
}

// fold puts a function in which there is only one row into the line of that row, if it takes at most so many cells.
func (d *drawing) fold(room int) {
	gone := make([]bool, len(d.rows))
	for i := len(d.rows) - 1; i >= 0; i-- { // the innermost first
		f := &d.rows[i]
		if !f.frame || f.depth == 0 {
			continue
		}
		only, inside := -1, 0
		for j := i + 1; j < len(d.rows) && inside < 2; j++ {
			if r := &d.rows[j]; r.col != f.col || gone[j] {
				continue
			} else if r.depth <= f.depth {
				break
			}
			only = j
			inside++
		}
		if inside != 1 || only != i+1 && !allGone(gone[i+1:only]) {
			continue
		}
		r := &d.rows[only]
		if text := f.text + " " + r.text; r.text != "" && f.depth+wrap.Cells(text) <= room {
			r.text, r.depth = text, f.depth
			gone[i] = true
		}
	}
	kept := d.rows[:0]
	for i, r := range d.rows {
		if !gone[i] {
			kept = append(kept, r)
		}
	}
	d.rows = kept
}

func allGone(gone []bool) bool { return !slices.Contains(gone, false) }

// widest is how many cells the widest line of a row takes.
func (r *row) widest() int {
	n := r.depth + wrap.Cells(r.text)
	for _, note := range r.notes {
		n = max(n, r.depth+1+wrap.Cells(note))
	}
	for _, m := range r.marks {
		n = max(n, r.depth+wrap.Cells(mark(m)))
	}
	return n
}

// each gives out the lines of a row that has so many cells.
func (r *row) each(look Look, width int, line func(number, text string)) {
	number := ""
	if r.step > 0 {
		number = fmt.Sprint(r.step)
	}
	put := func(depth int, text, hang string, paint func(string) string) {
		indent := strings.Repeat(" ", min(depth, max(0, width-leastText)))
		for _, part := range wrap.Line(indent+text, width, hang) {
			line(number, paint(part))
			number = ""
		}
	}
	paint := func(text string) string { return look.task(r.col, text) }
	if len(r.marks) > 0 {
		paint = look.violated(r.col)
	}
	if r.text != "" {
		put(r.depth, r.text, "  ", paint)
	}
	for _, n := range r.notes {
		put(r.depth+1, n, "  ", func(text string) string { return look.task(r.col, text) })
	}
	for _, m := range r.marks {
		put(r.depth, mark(m), "    ", look.red)
	}
}

// share cuts widths down so that they have room together: the widest give first.
func share(widths []int, room int) {
	for {
		sum, widest := 0, 0
		for i, w := range widths {
			sum += w
			if w > widths[widest] {
				widest = i
			}
		}
		if sum <= room {
			return
		}
		second := 0
		for i, w := range widths {
			if i != widest && w < widths[widest] {
				second = max(second, w)
			}
		}
		widths[widest] -= max(1, min(sum-room, widths[widest]-second))
	}
}
