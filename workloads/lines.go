package workloads

import "strings"

// maxDepth bounds how deep blocks and brackets nest: more is a mistake, and the
// parser recurses.
const maxDepth = 64

// line is one line that has code on it, with the lines indented below it.
type line struct {
	no       int // 1-based
	indent   string
	text     string
	children []*line
}

// slab makes values of one type many at a time: a recorded program has millions.
type slab[T any] struct {
	free []T
	made int // at once, the last time
}

func (s *slab[T]) get() *T {
	if len(s.free) == 0 {
		s.free = make([]T, min(max(8, 2*s.made), 256))
		s.made = len(s.free)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}

// splitLines cuts a file into its lines with code, nested by indentation, and
// its description: the first comment block, if that stands before all code.
func splitLines(file, src string, errs *ErrorList) (top []*line, description []string) {
	src = strings.TrimPrefix(src, "\ufeff")
	var all []*line
	var lines slab[line]
	describing := true // still before or inside the first comment block
	for no, more := 1, true; more; no++ {
		var text string
		text, src, more = strings.Cut(src, "\n")
		text = strings.TrimSuffix(text, "\r")
		trimmed := strings.TrimLeft(text, " \t")
		switch {
		case strings.HasPrefix(trimmed, "#"):
			if describing {
				description = append(description, commentText(trimmed))
			}
			continue
		case trimmed == "":
			describing = describing && description == nil
			continue
		}
		describing = false
		l := lines.get()
		l.no, l.indent, l.text = no, text[:len(text)-len(trimmed)], text
		all = append(all, l)
	}
	return nest(file, all, errs), trimBlank(description)
}

func commentText(comment string) string {
	return strings.TrimRight(strings.TrimPrefix(comment[1:], " "), " \t\r")
}

// trimBlank drops empty lines at both ends.
func trimBlank(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// nest gives each line the lines indented below it. A line belongs to the
// nearest line above whose indentation its own begins with and exceeds.
func nest(file string, all []*line, errs *ErrorList) (top []*line) {
	root := &line{}
	open := []*line{root} // the enclosing lines, outermost first
	for _, l := range all {
		for len(open) > 1 && len(open[len(open)-1].indent) >= len(l.indent) {
			open = open[:len(open)-1]
		}
		if above := open[len(open)-1]; !strings.HasPrefix(l.indent, above.indent) {
			mixed(file, l, above, errs)
			for !strings.HasPrefix(l.indent, open[len(open)-1].indent) {
				open = open[:len(open)-1]
			}
		} else {
			checkSibling(file, l, above, errs)
		}
		parent := open[len(open)-1]
		parent.children = append(parent.children, l)
		if len(open) <= maxDepth {
			open = append(open, l)
		} else {
			errs.addf(l.pos(file), "blocks nest deeper than %d, expected fewer", maxDepth)
		}
	}
	return root.children
}

// checkSibling reports a line that is indented unlike the one before it in the
// same block.
func checkSibling(file string, l, parent *line, errs *ErrorList) {
	if len(parent.children) == 0 {
		return
	}
	sibling := parent.children[len(parent.children)-1]
	switch {
	case sibling.indent == l.indent:
	case strings.ContainsRune(l.indent, '\t') != strings.ContainsRune(sibling.indent, '\t'):
		mixed(file, l, sibling, errs)
	default:
		errs.addf(l.pos(file), "indentation matches no line above, expected that of line %d", sibling.no)
	}
}

func mixed(file string, l, above *line, errs *ErrorList) {
	errs.addf(l.pos(file), "indentation mixes tabs and spaces unlike line %d, expected the same characters as there", above.no)
}

// pos is where the line's code begins.
func (l *line) pos(file string) Pos {
	return Pos{File: file, Line: l.no, Col: len(l.indent) + 1}
}
