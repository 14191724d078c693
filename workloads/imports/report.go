package imports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/internal/wrap"
)

// Report says what became of a log.
type Report struct {
	Lines       int
	Calls       int  // whole ones
	Statements  int  // that they became
	Noted       int  // calls that are no statements, but that others mean something by: open, close, clone, execve, exit
	Touches     int  // that were added
	Faults      bool // the touches are those of perf
	Waits       int  // likewise: statements that wait for one of another task
	Tasks       int
	Spaces      int
	Searched    bool      // the order of the calls was
	Unexplained int       // calls for whose addresses no order was found
	Dropped     []Dropped // the most frequent first
	Notes       []string
}

// Dropped are calls that the scenario has not.
type Dropped struct {
	Call  string
	Why   string
	Count int
	Line  int // of the first
}

func (im *importer) drop(line int, name, why string) {
	for i := range im.report.Dropped {
		if d := &im.report.Dropped[i]; d.Call == name && d.Why == why {
			d.Count++
			return
		}
	}
	im.report.Dropped = append(im.report.Dropped, Dropped{name, why, 1, line})
}

// mostNotes bounds the notes: a log that is cut out of a longer one could have as many as it has tasks.
const mostNotes = 20

func (im *importer) note(format string, args ...any) {
	if len(im.report.Notes) < mostNotes {
		im.report.Notes = append(im.report.Notes, fmt.Sprintf(format, args...))
	}
}

// String is the report as text.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d lines, %d calls of %s in %s: %d are statements, %d are told by others", r.Lines, r.Calls,
		counted(r.Tasks, "task"), counted(r.Spaces, "address space"), r.Statements, r.Noted)
	dropped := 0
	for _, d := range r.Dropped {
		if d.Call != faultEvent {
			dropped += d.Count
		}
	}
	fmt.Fprintf(&b, ", %d are dropped\n", dropped)
	for _, group := range r.reasons() {
		b.WriteString(wrap.Text(droppedText(group), reportWidth, "  "))
	}
	if r.Touches > 0 {
		b.WriteString(r.touchesText())
	}
	if r.Waits > 0 {
		fmt.Fprintf(&b, "added: %s for calls that had ended before another began\n", counted(r.Waits, "wait"))
	}
	switch {
	case r.Searched && r.Unexplained > 0:
		fmt.Fprintf(&b, "order: none found that explains the addresses of %s\n", counted(r.Unexplained, "call"))
	case r.Searched:
		b.WriteString("order: one found that explains every address\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

// reportWidth is how long the lines of a report are.
const reportWidth = 100

// reasons returns what is dropped by the reason, the most frequent first.
func (r *Report) reasons() (groups [][]Dropped) {
	slices.SortStableFunc(r.Dropped, func(a, b Dropped) int { return cmp.Compare(b.Count, a.Count) })
	for _, d := range r.Dropped {
		i := slices.IndexFunc(groups, func(g []Dropped) bool { return g[0].Why == d.Why })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	slices.SortStableFunc(groups, func(a, b []Dropped) int { return cmp.Compare(sum(b), sum(a)) })
	return groups
}

func sum(group []Dropped) (n int) {
	for _, d := range group {
		n += d.Count
	}
	return n
}

// droppedText tells of calls that are dropped for one reason.
func droppedText(group []Dropped) string {
	first, names := group[0].Line, make([]string, len(group))
	for i, d := range group {
		first, names[i] = min(first, d.Line), d.Call+wrap.Bound+strconv.Itoa(d.Count)
	}
	if len(group) == 1 {
		return fmt.Sprintf("dropped: %s, %s, first in line %d: %s\n", group[0].Call, counted(group[0].Count, "time"), first, group[0].Why)
	}
	return fmt.Sprintf("dropped: %s, first in line %d: %s: %s\n", counted(sum(group), "call"), first, group[0].Why, strings.Join(names, ", "))
}

func counted(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "ch"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// summary is the first line of the report, for the scenario's description.
func (r *Report) summary() string {
	first, _, _ := strings.Cut(r.String(), "\n")
	return first + "."
}
