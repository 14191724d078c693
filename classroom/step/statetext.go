package step

import (
	"fmt"
	"slices"
	"strings"
)

// StateLines say how things stand beside the cells: the locks, the VMAs, the page tables, and RCU; or only what a reader cannot do without: the
// locks that protect address spaces and VMAs, what RCU waits for, and what the last step has changed. Changes are marked.
func (s *Session) StateLines(all bool) []Line {
	st := StateOf(s.trace)
	return slices.Concat(s.lockLines(st.Locks, all), s.rcuLines(&st.RCU, all), s.lifeLines(st.Lives, all), s.entryLines(st.Spaces, all))
}

// line is one about a task, "" for none. A change is marked.
func (s *Session) line(task string, changed bool, text string) Line {
	return Line{[...]string{"  ", "* "}[boolToInt(changed)] + text, slices.Index(s.trace.Tasks, task), changed}
}

func boolToInt(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// since words when something began.
func since(step int) string {
	if step == 0 {
		return "from the beginning"
	}
	return fmt.Sprintf("since step %d", step)
}

// lockLines are the locks that are held or waited for.
func (s *Session) lockLines(locks []Lock, all bool) (lines []Line) {
	for _, l := range locks {
		if !all && !(strings.HasSuffix(l.Name, ".mmap_lock") || strings.HasPrefix(l.Name, "vma#") || len(l.Queue) > 0) {
			continue
		}
		var words []string
		task := ""
		for _, h := range l.Holders {
			how := fmt.Sprintf("%s, %s)", h.Mode, since(h.Since))
			if h.Task == task { // in two ways, one inside the other
				last := &words[len(words)-1]
				*last = strings.TrimSuffix(*last, ")") + "; " + how
				continue
			}
			words = append(words, h.Task+" has it ("+how)
			task = h.Task
		}
		if len(l.Holders) == 0 {
			words = []string{"free"}
		}
		for i, q := range l.Queue {
			text := fmt.Sprintf("%s (%s, %s", q.Task, q.Mode, since(q.Since))
			if q.Granted {
				text += ", has been handed it"
			}
			if i == 0 {
				text = "waiting: " + text
			}
			words = append(words, text+")")
		}
		lines = append(lines, s.line(task, l.Changed, l.Name+": "+strings.Join(words, ", ")))
	}
	return lines
}

// rcuLines are the read sections, and what waits for a grace period.
func (s *Session) rcuLines(r *RCU, all bool) (lines []Line) {
	for _, in := range r.Sections {
		if all || in.Changed || len(r.Waiting) > 0 {
			lines = append(lines, s.line(in.Task, in.Changed, fmt.Sprintf("%s is inside %s %s", in.Task, in.Of, since(in.Since))))
		}
	}
	for _, w := range r.Waiting {
		text := fmt.Sprintf("%s of %s waits for a grace period %s", w.By, w.Task, since(w.Since))
		if len(w.Frees) > 0 {
			text += " to free " + strings.Join(w.Frees, ", ")
		}
		if len(w.For) > 0 {
			text += ": for " + strings.Join(w.For, ", ")
		} else {
			text += ": it is over, and nothing has noticed yet"
		}
		lines = append(lines, s.line(w.Task, w.Changed, text))
	}
	return lines
}

// lifeLines are the VMAs in their lives.
func (s *Session) lifeLines(lives []Life, all bool) (lines []Line) {
	words := map[string]string{"made": "made, and not attached yet", "waits": "detached, and waits for a grace period"}
	for _, l := range lives {
		if !all && !l.Changed {
			continue
		}
		text := fmt.Sprintf("%s is %s, %s", l.Name, or(words[l.Is], l.Is), since(l.Since))
		if l.After != "" {
			text += ", in the memory of " + l.After
		}
		if l.Next != "" {
			text += ", and its memory is " + l.Next
		}
		lines = append(lines, s.line("", l.Changed, text))
	}
	return lines
}

// entryLines are the pages in play.
func (s *Session) entryLines(spaces []Space, all bool) (lines []Line) {
	for _, sp := range spaces {
		for _, e := range sp.Entries {
			if !all && !e.Changed {
				continue
			}
			is := e.Words()
			if e.Changed {
				is = or(e.Was, nothing) + " -> " + is
			}
			lines = append(lines, s.line("", e.Changed, sp.Name+" "+e.Place+": "+is))
		}
	}
	return lines
}
