package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/task"
	"vmasim/workloads/driver"
)

// handled says how faults were handled that needed no mmap_lock.
func handled(f *driver.Faults) string {
	if len(f.Speculation) > 0 {
		return "by a copy of the VMA"
	}
	return "under the VMA lock"
}

// speculation says why faults that went by a copy of their VMA gave up, the most frequent reason first.
func speculation(f *driver.Faults) string {
	counts := map[string]uint64{}
	for _, c := range f.Speculation {
		counts[c.Name] = c.Count
	}
	reasons := slices.DeleteFunc(task.Speculation(), func(c task.Counter) bool { return c == task.SPFAttempt || counts[c.String()] == 0 })
	slices.SortStableFunc(reasons, func(a, b task.Counter) int { return cmp.Compare(counts[b.String()], counts[a.String()]) })
	var words []string
	for _, c := range reasons {
		words = append(words, fmt.Sprintf("%s: %s", count(counts[c.String()]), c.Info().Doc))
	}
	return strings.Join(words, "; ") + "."
}
