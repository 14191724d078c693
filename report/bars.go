package report

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// The sizes of bars.
const (
	barsLabel = 11 // cells before them
	widestBar = 14 // cells of a page
	holeCells = 3  // of a hole that is wider than what is mapped
	mostBars  = 10 // between the first and the last
)

// Bars draws the address spaces of a trace that change, or have more than one VMA.
func Bars(t *trace.Trace, look Look) string {
	var b strings.Builder
	for i := range t.Before {
		b.WriteString(bars(t, i, look))
	}
	return b.String()
}

// BarsNow draws the address spaces as they are where a trace ends, each VMA where it was drawn before, as far as that can be.
func BarsNow(t *trace.Trace, look Look) string {
	var b strings.Builder
	for i := range t.Before {
		all := moments(t, i)
		if s := newScale(all, look.width()-barsLabel); s != nil {
			all[len(all)-1].when, all[len(all)-1].task = "now", -1
			drawBars(&b, s, t.Before[i].Name, all, all[len(all)-1:], look)
		}
	}
	return b.String()
}

// moment is what an address space maps at some time.
type moment struct {
	when  string
	task  int // whose step it is behind, -1 for none
	areas []trace.Area
}

// bars draws an address space as it was at the beginning, after each step that changed it, and in the end, each VMA as wide as it has pages,
// if it changed, or has more than one VMA.
func bars(t *trace.Trace, space int, look Look) string {
	all := moments(t, space)
	if len(all) == 1 && len(all[0].areas) < 2 {
		return ""
	}
	s := newScale(all, look.width()-barsLabel)
	if s == nil {
		return ""
	}
	if more := len(all) - 2 - mostBars; more > 0 {
		half := 1 + mostBars/2
		left := moment{when: fmt.Sprintf("… %s", plural(uint64(more), "change")), task: -1}
		all = slices.Concat(all[:half], []moment{left}, all[len(all)-half:])
	}
	var b strings.Builder
	drawBars(&b, s, t.Before[space].Name, all, all, look)
	return b.String()
}

// drawBars draws some of the moments of an address space, to the scale of all.
func drawBars(b *strings.Builder, s *scale, name string, all, some []moment, look Look) {
	line := func(label, text string) {
		if text = strings.TrimRight(text, " "); text != "" || strings.TrimSpace(label) != "" {
			b.WriteString(strings.TrimRight(label+strings.Repeat(" ", max(1, barsLabel-wrap.Cells(label)))+text, " ") + "\n")
		}
	}
	line("  "+clipped(name, barsLabel-3), s.ruler(all))
	var last [3]string
	for _, m := range some {
		drawn := s.bar(m.areas)
		bar := drawn[0]
		if m.task >= 0 {
			bar = look.task(m.task, strings.TrimRight(bar, " "))
		}
		line("  "+m.when, bar)
		for i := 1; i < len(drawn); i++ { // only once what stays
			if drawn[i] != last[i] {
				line("", drawn[i])
			}
		}
		for _, a := range m.areas {
			if a.Itself != "" {
				b.WriteString(wrap.Text(strings.Repeat(" ", barsLabel)+a.VMA+" itself: "+a.Itself, look.width(), "  "))
			}
		}
		last = drawn
	}
}

// moments returns what an address space has mapped, each different from the one before.
func moments(t *trace.Trace, space int) []moment {
	all := []moment{{"before", -1, t.Before[space].Areas}}
	for _, c := range t.Between {
		if space < len(c.Spaces) && !trace.SameAreas(all[len(all)-1].areas, c.Spaces[space].Areas) {
			task := slices.Index(t.Tasks, t.Steps[c.Step-1].Task)
			all = append(all, moment{fmt.Sprint("step ", c.Step), task, c.Spaces[space].Areas})
		}
	}
	if last := all[len(all)-1].areas; space < len(t.After) && !(trace.SameAreas(last, t.After[space].Areas) && samePages(last, t.After[space].Areas)) {
		all = append(all, moment{"after", -1, t.After[space].Areas})
	}
	return all
}

// samePages reports whether areas that are the same have the same pages, whatever frames these are.
func samePages(a, b []trace.Area) bool {
	return slices.EqualFunc(a, b, func(a, b trace.Area) bool {
		return slices.EqualFunc(a.Pages, b.Pages, func(a, b trace.Page) bool { return a.At == b.At && a.Writable == b.Writable })
	})
}

// pageShift is the binary logarithm of the size of a page.
const pageShift = 12

// scale says where an address lies in a line.
type scale struct {
	spans []span
	each  int // cells of a page; 0: a cell stands for several pages
	pages int // in a cell
	width int
}

// span is a range that something maps at some time, in pages, and where it begins in the line.
type span struct{ start, end, at int }

// newScale fits all that is mapped at some time into a width; nil if nothing is, or it cannot be drawn.
func newScale(all []moment, width int) *scale {
	s := &scale{width: width, pages: 1}
	for _, m := range all {
		for _, a := range m.areas {
			if a.Start < a.End {
				s.spans = append(s.spans, span{start: int(a.Start >> pageShift), end: int((a.End-1)>>pageShift) + 1})
			}
		}
	}
	if len(s.spans) == 0 {
		return nil
	}
	slices.SortFunc(s.spans, func(a, b span) int { return a.start - b.start })
	joined := s.spans[:1]
	for _, one := range s.spans[1:] {
		if last := &joined[len(joined)-1]; one.start <= last.end {
			last.end = max(last.end, one.end)
		} else {
			joined = append(joined, one)
		}
	}
	s.spans = joined
	for s.each = widestBar; s.each > 1 && s.place() > width; s.each-- {
	}
	for s.place() > width {
		if s.pages > 1<<40 {
			return nil // there are more spans than cells
		}
		s.pages += 1 + s.pages/8
	}
	return s
}

// place puts the spans one after the other, and returns how many cells they take. Small holes are as wide as they are.
func (s *scale) place() int {
	at := 0
	for i := range s.spans {
		one := &s.spans[i]
		if i > 0 {
			hole := s.cellsOf(one.start - s.spans[i-1].end)
			at += min(hole, max(holeCells, s.each))
		}
		one.at = at
		at += max(1, s.cellsOf(one.end-one.start))
	}
	return at
}

func (s *scale) cellsOf(pages int) int { return (pages*s.each + s.pages - 1) / s.pages }

// column is where a page begins.
func (s *scale) column(page int) int {
	for _, one := range s.spans {
		if page < one.end {
			return one.at + s.cellsOf(max(0, page-one.start))
		}
	}
	return s.width
}

// end is where the page before ends.
func (s *scale) end(page int) int {
	for _, one := range s.spans {
		if page <= one.end {
			return one.at + max(1, s.cellsOf(max(0, page-one.start)))
		}
	}
	return s.width
}

// ruler names the places where areas begin and end.
func (s *scale) ruler(all []moment) string {
	line := make([]rune, 0, s.width)
	type place struct {
		at   int
		name string
	}
	var places []place
	for _, m := range all {
		for _, a := range m.areas {
			if from, to, ok := strings.Cut(a.Place, ".."); ok && a.Start < a.End {
				places = append(places, place{s.column(int(a.Start >> pageShift)), from}, place{s.end(int((a.End-1)>>pageShift) + 1), to})
			}
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return a.at - b.at })
	for _, p := range places {
		if (len(line) == 0 || p.at > len(line)) && p.at+wrap.Cells(p.name) <= s.width {
			line = append(line, []rune(strings.Repeat(" ", p.at-len(line))+p.name)...)
		}
	}
	return string(line)
}

// bar draws the areas: the VMAs, the pages that are present, and the anon_vmas.
func (s *scale) bar(areas []trace.Area) (drawn [3]string) {
	var lines [3][]rune
	for i := range lines {
		lines[i] = []rune(strings.Repeat(" ", s.width))
	}
	put := func(line, at int, text string) {
		for i, r := range []rune(text) {
			if at+i < s.width {
				lines[line][at+i] = r
			}
		}
	}
	for _, a := range areas {
		if a.Start >= a.End {
			continue
		}
		from, to := s.column(int(a.Start>>pageShift)), s.end(int((a.End-1)>>pageShift)+1)
		room := max(1, to-from)
		_, number, _ := strings.Cut(a.VMA, "#")
		label := fits(room-2, a.VMA+" "+a.Rights, a.VMA, number)
		if room < 2 {
			put(0, from, "|")
		} else {
			put(0, from, "["+label+strings.Repeat(" ", room-2-wrap.Cells(label))+"]")
		}
		for at := from; at < to; at++ {
			if s.each > 1 && (at-from)%s.each != min(1, s.each-1) {
				continue
			}
			put(1, at, "·")
		}
		for _, p := range a.Pages {
			mark := "□"
			if p.Writable {
				mark = "■"
			}
			if p.At >= a.Start && p.At < a.End {
				put(1, s.column(int(p.At>>pageShift))+min(1, s.each-1), mark)
			}
		}
		if a.AnonVMA != "" {
			_, number, _ := strings.Cut(a.AnonVMA, "#")
			put(2, from+1, fits(room-1, a.AnonVMA, "av#"+number, number))
		}
	}
	for i, l := range lines {
		drawn[i] = string(l)
	}
	return drawn
}

// fits returns the first text that takes at most so many cells, "" if none does.
func fits(room int, texts ...string) string {
	for _, text := range texts {
		if wrap.Cells(text) <= room {
			return text
		}
	}
	return ""
}

// clipped cuts a text after so many cells.
func clipped(text string, room int) string {
	if wrap.Cells(text) <= room {
		return text
	}
	return string([]rune(text)[:room-1]) + "…"
}
