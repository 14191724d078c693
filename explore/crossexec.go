package explore

import "slices"

// Learner is a [Watcher] of one worker's executions that knows what several of them break together, though none does alone:
// locks taken in orders that can deadlock. It judges each execution by itself, unless it is joined to the one before.
type Learner interface {
	Restarter
	// Lessons returns what the execution just run has shown for the first time since Forget.
	Lessons() []Lesson
	// Forget forgets all lessons.
	Forget()
	// Join makes the next execution be judged together with the one just run, and with those that this one was joined to.
	Join()
}

// Lesson is a fact that an execution has shown.
type Lesson struct {
	Fact string
	With []string // the facts of other executions that, together with this execution, break a rule; none: nothing is broken
}

// lessons is what executions have shown, in the order in which they did, and by which schedules.
type lessons []remembered

type remembered struct {
	facts    []string // that were new
	schedule Schedule
}

func (m lessons) knows(fact string) bool { return m.find(fact) >= 0 }

// find returns the index of the execution that showed a fact first, -1 if none did.
func (m lessons) find(fact string) int {
	return slices.IndexFunc(m, func(r remembered) bool { return slices.Contains(r.facts, fact) })
}

// joined returns the schedule that runs first what has shown the facts, and then the last one remembered.
func (m lessons) joined(facts []string) Schedule {
	last := len(m) - 1
	var first []int
	for _, fact := range facts {
		if i := m.find(fact); i >= 0 && i != last && !slices.Contains(first, i) {
			first = append(first, i)
		}
	}
	slices.Sort(first)
	s := m[last].schedule.clone()
	for _, i := range first {
		s.Before = append(s.Before, m[i].schedule.clone())
	}
	return s
}

// forget makes the watcher know of no execution.
func (x *executor) forget() {
	if l, ok := x.watcher.(Learner); ok {
		l.Forget()
	}
}

// join joins the next execution to the one just run.
func (x *executor) join() {
	if l, ok := x.watcher.(Learner); ok {
		l.Join()
	}
}

// learn remembers what the execution just run has shown, and returns what it breaks together with earlier ones, if it does.
// The strategy has to be put in place again after that.
func (x *executor) learn(m *lessons) (*Found, error) {
	l, ok := x.watcher.(Learner)
	if !ok {
		return nil, nil
	}
	lessons := l.Lessons()
	if len(lessons) == 0 {
		return nil, nil
	}
	now := remembered{schedule: x.schedule()}
	var with []string
	for _, lesson := range lessons {
		now.facts = append(now.facts, lesson.Fact)
		if with == nil {
			with = lesson.With
		}
	}
	*m = append(*m, now)
	if with == nil || len(x.res.violations) > 0 {
		return nil, nil
	}
	together := m.joined(with)
	f, err := x.after(together.Before, &script{schedule: &together, early: true})
	if err != nil {
		return nil, err
	}
	if err := x.teach(*m); err != nil || !f.Ending.Failed() && len(f.Passed) == 0 {
		return nil, err
	}
	return f, nil
}

// teach makes the watcher know what is remembered, and nothing else.
func (x *executor) teach(m lessons) error {
	x.forget()
	for i := range m {
		if _, err := x.follow(&script{schedule: &m[i].schedule}); err != nil {
			return err
		}
	}
	return nil
}

// adopt takes in what the executions of another worker have shown, and returns what they break together with those that are
// remembered. x, whose watcher knows what is remembered, runs them again.
func (m *lessons) adopt(x *executor, other lessons) (found *Found, err error) {
	for i := range other {
		if !slices.ContainsFunc(other[i].facts, func(fact string) bool { return !m.knows(fact) }) {
			continue
		}
		if _, err := x.follow(&script{schedule: &other[i].schedule}); err != nil {
			return nil, err
		}
		f, err := x.learn(m)
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = f
		}
	}
	return found, nil
}
