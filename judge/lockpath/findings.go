package lockpath

import (
	"fmt"
	"sync"

	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// maxFindings is how many different findings are kept.
const maxFindings = 10

// findings are results that were not stated.
type findings struct {
	mu     sync.Mutex
	order  []string
	counts map[string]int
}

func (f *findings) add(task string, s *workloads.Stmt, got string) {
	expected := "ok"
	if s.Expect != nil {
		expected = s.Expect.String()
	}
	text := fmt.Sprintf("%s: got %s, expected %s (%s", interp.Stated(s), got, expected, task)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	if f.counts[text] == 0 {
		if len(f.order) == maxFindings {
			return
		}
		f.order = append(f.order, text)
	}
	f.counts[text]++
}

// list words them.
func (f *findings) list() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.order {
		times := ""
		if n := f.counts[text]; n > 1 {
			times = fmt.Sprintf(", %d times", n)
		}
		all = append(all, text+times+")")
	}
	return all
}
