package report

import (
	"slices"
	"strings"

	"vmasim/internal/wrap"
)

// table is rows of cells.
type table [][]string

// text sets the first column and, in a table of more than three, the last left, the others right.
func (t table) text(look Look) string {
	if last := len(t[0]) - 1; last > 2 {
		return t.set(look, 0, last)
	}
	return t.set(look, 0)
}

const betweenCells = "  "

// set lays the table out with these columns set left, the others right. Where it is too wide, cells that are set left are broken between
// words, those of the widest column first; where that is not enough, each row becomes lines.
func (t table) set(look Look, left ...int) string {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], wrap.Cells(cell))
		}
	}
	room := look.width() - (len(widths)-1)*len(betweenCells)
	if t.narrow(widths, room, left); sum(widths) > room {
		return t.lines(look)
	}
	var b strings.Builder
	for _, row := range t {
		parts, height := make([][]string, len(row)), 1
		for i, cell := range row {
			parts[i] = []string{cell}
			if slices.Contains(left, i) {
				parts[i] = wrap.Line(cell, widths[i], "")
			}
			height = max(height, len(parts[i]))
		}
		for n := range height {
			var line strings.Builder
			for i := range row {
				cell := ""
				if n < len(parts[i]) {
					cell = parts[i][n]
				}
				pad := strings.Repeat(" ", max(0, widths[i]-wrap.Cells(cell)))
				if i > 0 {
					line.WriteString(betweenCells)
				}
				if slices.Contains(left, i) {
					line.WriteString(cell + pad)
				} else {
					line.WriteString(pad + cell)
				}
			}
			b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		}
	}
	return b.String()
}

// lines lays each row out as its first cell and, below it, the others, which are not empty: behind what they are, if the table has a
// heading, which one of two or three columns has not unless its first cell is empty.
func (t table) lines(look Look) string {
	var b strings.Builder
	rows, heading := t, len(t[0]) > 3 || t[0][0] == ""
	column := 0
	if heading {
		rows = t[1:]
		for _, name := range t[0][1:] {
			column = max(column, wrap.Cells(name)+len(betweenCells))
		}
	}
	for _, row := range rows {
		look.line(&b, row[0])
		indent := strings.Repeat(" ", len(row[0])-len(strings.TrimLeft(row[0], " "))) + betweenCells
		for i, cell := range row[1:] {
			if cell == "" {
				continue
			}
			text := indent
			if heading {
				text += t[0][1+i] + strings.Repeat(" ", column-wrap.Cells(t[0][1+i]))
			}
			b.WriteString(wrap.Text(text+cell+"\n", look.width(), strings.Repeat(" ", column)))
		}
	}
	return b.String()
}

// narrow cuts the widths of the columns that are set left down to what there is room for, or to what their words take.
func (t table) narrow(widths []int, room int, left []int) {
	least := make([]int, len(widths))
	for i := range widths {
		least[i] = widths[i]
		if slices.Contains(left, i) {
			least[i] = t.widestPart(i, 1)
		}
	}
	if sum(widths) <= room {
		return
	}
	for sum(widths) > room {
		widest := -1
		for i := range widths {
			if widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
	last := left[len(left)-1]
	for _, i := range left { // what words leave of their columns is the last one's
		if used := t.widestPart(i, widths[i]); i != last {
			widths[last], widths[i] = widths[last]+widths[i]-used, used
		}
	}
}

// widestPart is how many cells the widest part takes of a column that is broken so that it has a width, if it can be.
func (t table) widestPart(column, width int) (widest int) {
	for _, row := range t {
		for _, line := range wrap.Line(row[column], width, "") {
			widest = max(widest, wrap.Cells(line))
		}
	}
	return widest
}

func sum(all []int) (n int) {
	for _, one := range all {
		n += one
	}
	return n
}
