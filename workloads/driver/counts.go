package driver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/suggest"
	"vmasim/workloads"
)

// Count is how many tasks a thread has; 0 leaves it out.
type Count struct {
	Thread string `json:"thread"`
	Tasks  int    `json:"tasks"`
}

// Counts are the tasks of some threads, each named once.
type Counts []Count

// String is as in "faulter=4 churner=0".
func (c Counts) String() string {
	words := make([]string, len(c))
	for i, one := range c {
		words[i] = fmt.Sprintf("%s=%d", one.Thread, one.Tasks)
	}
	return strings.Join(words, " ")
}

// of returns the tasks of a thread that is named.
func (c Counts) of(thread string) (tasks int, named bool) {
	i := slices.IndexFunc(c, func(one Count) bool { return one.Thread == thread })
	if i < 0 {
		return 0, false
	}
	return c[i].Tasks, true
}

// Of returns the counts of threads that a scenario has.
func (c Counts) Of(sc *workloads.Scenario) Counts {
	return slices.DeleteFunc(slices.Clone(c), func(one Count) bool {
		return !slices.ContainsFunc(sc.Threads, func(t *workloads.Thread) bool { return t.Name == one.Thread })
	})
}

func (p *Plan) setCounts(sc *workloads.Scenario, opts *Options) error {
	if opts.Threads < 0 || opts.Threads > MaxTasks {
		return fmt.Errorf("%d threads, expected 1 to %d", opts.Threads, MaxTasks)
	}
	if err := checkNames(sc, opts.Counts); err != nil {
		return err
	}
	total, ends := 0, len(sc.Threads) == 0
	for _, t := range sc.Threads {
		n, named := opts.Counts.of(t.Name)
		switch {
		case named && (n < 0 || n > MaxTasks):
			return at(t.Pos, fmt.Errorf("%d tasks of thread %s, expected 0 to %d", n, t.Name, MaxTasks))
		case named && n > 1 && !t.Multiplied:
			return at(t.Pos, fmt.Errorf("%d tasks of thread %s, expected 0 or 1, as it is not written with \"* N\"", n, t.Name))
		case named:
		case t.Multiplied && opts.Threads > 0:
			n = opts.Threads
		default:
			n = t.Count
		}
		p.Counts = append(p.Counts, n)
		total += n
		ends = ends || n > 0 && !t.Background
	}
	switch {
	case !ends:
		return at(sc.Threads[0].Pos, errors.New("no thread is left but those marked background, expected one whose end ends the run"))
	case total > MaxTasks:
		return at(sc.Threads[0].Pos, fmt.Errorf("%d tasks in all threads together, expected at most %d", total, MaxTasks))
	}
	if err := checkTasks(total, availableMemory()); err != nil {
		return at(sc.Threads[0].Pos, err)
	}
	return nil
}

// taskMemory is what a task takes of this machine's memory: its stack, its counters and its times.
const taskMemory = 32 << 10

// checkTasks refuses more tasks than the available memory has room for.
func checkTasks(n int, available uint64) error {
	if need := uint64(n) * taskMemory; need > available {
		return fmt.Errorf("%d tasks need about %dM, but this machine has only %dM to give", n, need>>20, available>>20)
	}
	return nil
}

// checkNames refuses threads that the scenario has not.
func checkNames(sc *workloads.Scenario, counts Counts) error {
	var known []string
	for _, t := range sc.Threads {
		known = append(known, t.Name)
	}
	for _, c := range counts {
		if !slices.Contains(known, c.Thread) {
			hint := ""
			if len(known) == 0 {
				hint = "none: the scenario has no threads"
			}
			return fmt.Errorf("%s: %s", sc.File, suggest.Unknown("thread", c.Thread, known, hint))
		}
	}
	return nil
}
