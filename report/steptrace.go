package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"vmasim/explore/trace"
)

func floatBits(v float64) uint64 { return math.Float64bits(v) }

// stepTime is what a step takes in a timeline, in ns.
const stepTime = 1000

// newTimeline writes each execution as a trace for Perfetto: its tasks are threads, its time is the number of the step.
func newTimeline(w io.Writer, _ Look) func(*trace.Trace) error {
	n := uint64(0)
	return func(t *trace.Trace) error {
		n++
		b := &strings.Builder{}
		p := newPerfetto(b, n)
		name := named(t.Scenario, t.Title)
		process := p.process(n, name)
		if t.Ending.Failed() {
			p.instant(uint64(len(t.Steps))*stepTime, process, t.Oracle())
		}
		for i, task := range t.Tasks {
			l := timeline{p: p, track: p.thread(n, n<<16|uint64(i+1), task)}
			l.draw(t, task)
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
}

// timeline is the track of one task.
type timeline struct {
	p     *perfetto
	track uint64
	open  []string // what the task is in, outermost first: a statement, and functions
	last  int      // the task's last step
}

// draw writes the steps of a task, within what it is in, and its waits.
func (l *timeline) draw(t *trace.Trace, task string) {
	queued := slices.DeleteFunc(slices.Clone(t.Queued), func(q trace.Queued) bool { return q.Task != task })
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Task != task {
			continue
		}
		for len(queued) > 0 && queued[0].From == l.last && queued[0].To == s.Number && s.Number > l.last+1 {
			l.wait(t, queued[0], s.Number)
			queued = queued[1:]
		}
		l.enter(s)
		l.last = s.Number
		args := []argument{{"step", fmt.Sprint(s.Number)}}
		for _, a := range []argument{{"cell", s.Cell}, {"old", s.Was}, {"new", s.Is}, {"violates", strings.Join(s.Violations, ", ")}, {"notes", strings.Join(s.Notes, "; ")}} {
			if a.value != "" {
				args = append(args, a)
			}
		}
		l.p.begin(uint64(s.Number)*stepTime, l.track, strings.TrimSpace(s.Op.String()+" "+s.Cell), args...)
		l.p.end(uint64(s.Number+1)*stepTime, l.track)
	}
	if len(queued) > 0 && queued[0].From == l.last && queued[0].To == 0 {
		l.wait(t, queued[0], len(t.Steps)+1)
		l.last = len(t.Steps)
	}
	l.leave(0)
}

// enter closes what the task has left since its last step, and opens what it is in now.
func (l *timeline) enter(s *trace.Step) {
	in := s.Stack // whose outermost is the statement, where the task has come to a function
	if s.Statement != "" && (len(in) == 0 || in[0] != s.Statement) {
		in = append([]string{s.Statement}, in...)
	}
	same := 0
	for same < min(len(in), len(l.open)) && in[same] == l.open[same] {
		same++
	}
	l.leave(same)
	for _, name := range in[same:] {
		l.p.begin(uint64(s.Number)*stepTime, l.track, name)
		l.open = append(l.open, name)
	}
}

// leave closes all but the outermost n.
func (l *timeline) leave(n int) {
	for len(l.open) > n {
		l.p.end(uint64(l.last+1)*stepTime, l.track)
		l.open = l.open[:len(l.open)-1]
	}
}

// wait writes a wait between the last step and the one in which the task goes on.
func (l *timeline) wait(t *trace.Trace, q trace.Queued, to int) {
	var holders []string
	for _, h := range t.Holdings {
		if h.Lock == q.Lock && h.Task != q.Task && h.From <= q.From && (h.To == 0 || h.To > q.From) {
			holders = append(holders, strings.TrimSuffix(h.Task+" in "+h.Func, " in "))
		}
	}
	l.p.begin(uint64(l.last+1)*stepTime, l.track, strings.TrimSpace("waits for "+q.Lock+" "+q.Mode), argument{"held by", strings.Join(holders, ", ")})
	l.p.end(uint64(to)*stepTime, l.track)
}
