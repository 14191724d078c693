package bench

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"vmasim/workloads/measure"
)

// Target is a speed or size that the project has set itself: a limit on a ratio, or on a figure with a unit.
type Target struct {
	ID    string
	What  string
	Unit  string // of a figure; "" for a ratio
	Least bool   // the limit is a lower one
	Limit float64
}

// targets are the numbers of ../docs/performance.md, whose table a test compares with this one.
var targets = []Target{
	{ID: "B1", What: "write fault / the kernel's", Limit: 0.12},
	{ID: "B1b", What: "write fault at random over 1 000 000 VMAs / the kernel's", Limit: 1},
	{ID: "B2", What: "write fault / (zeroing + lookup + two locked pairs)", Limit: 1.5},
	{ID: "B2a", What: "write fault / (zeroed frame + lookup with its lock + look at the entry + a locked pair)", Limit: 1.4},
	{ID: "B3", What: "faults of two threads / of one", Least: true, Limit: 1.7},
	{ID: "B4", What: "lookup + VMA lock / sync.RWMutex, two threads, 10 VMAs", Limit: 0.65},
	{ID: "B4a", What: "the same, 1 000 VMAs", Limit: 0.95},
	{ID: "B4b", What: "the same, one thread", Limit: 0.9},
	{ID: "B4c", What: "lookup + VMA lock, two threads in one VMA / two transfers of a cache line", Limit: 1.3},
	{ID: "B4d", What: "lookup + VMA lock, one thread / the walk and the accesses that the lock cannot do without", Limit: 1.7},
	{ID: "B5", What: "write fault beside a mmap+munmap writer / beside a spinner, 10 VMAs", Limit: 1.6},
	{ID: "B5a", What: "the same, 1 000 VMAs", Limit: 1.4},
	{ID: "B6", What: "random lookup + VMA lock, 1 000 000 VMAs / 1 000", Limit: 11},
	{ID: "B6a", What: "random lookup + VMA lock at 1 000 000 VMAs / a read of memory that waits for the one before", Limit: 6},
	{ID: "B6b", What: "mmap+munmap, 1 000 000 VMAs / 1 000", Limit: 4},
	{ID: "B7", What: "mmap+munmap of a page / the kernel's, 1 000 VMAs", Limit: 0.25},
	{ID: "B7a", What: "the same, 1 000 000 VMAs", Limit: 0.5},
	{ID: "B7b", What: "mprotect split + merge / the kernel's, 1 000 VMAs", Limit: 0.4},
	{ID: "B9", What: "lookup + VMA lock / the same without observer checks", Limit: 1.12},
	{ID: "B9a", What: "write fault / the same without observer checks", Limit: 1.05},
	{ID: "B9b", What: "mmap+munmap without observer checks / gVisor's, one writer", Limit: 0.9},
	{ID: "B9c", What: "the same beside a page that it merges with", Limit: 1.1},
	{ID: "B9d", What: "mprotect split + merge without observer checks / gVisor's, one writer", Limit: 1.25},
	{ID: "B10", What: "first fault / gVisor's, one thread", Limit: 0.37},
	{ID: "B10a", What: "first fault / gVisor's, two threads", Limit: 0.5},
	{ID: "B10b", What: "mmap+munmap / gVisor's, one writer", Limit: 0.9},
	{ID: "B10b2", What: "the same, 2 writers", Limit: 1.05},
	{ID: "B10b4", What: "the same, 4 writers", Limit: 1.3},
	{ID: "B10b8", What: "the same, 8 writers", Limit: 1.1},
	{ID: "B10b16", What: "the same, 16 writers", Limit: 1.5},
	{ID: "B10b64", What: "the same, 64 writers", Limit: 1.6},
	{ID: "B10bm", What: "mmap+munmap beside a page that it merges with / gVisor's, one writer", Limit: 1.6},
	{ID: "B10c", What: "lookup with its lock / gVisor's, two threads", Limit: 1},
	{ID: "B10d", What: "mprotect split + merge / gVisor's, one writer", Limit: 1},
	{ID: "B10d2", What: "the same, 2 writers", Limit: 1.3},
	{ID: "B10d16", What: "the same, 16 writers", Limit: 1.3},
	{ID: "B10e", What: "lookup / gVisor's bare set, 10 VMAs in order", Limit: 1.1},
	{ID: "B10e3", What: "the same, 1 000 VMAs in order", Limit: 0.55},
	{ID: "B10e6", What: "the same, 1 000 000 VMAs in order", Limit: 1.3},
	{ID: "B10f", What: "lookup / gVisor's bare set, 10 VMAs at random", Limit: 0.75},
	{ID: "B10f3", What: "the same, 1 000 VMAs at random", Limit: 0.5},
	{ID: "B10f6", What: "the same, 1 000 000 VMAs at random", Limit: 1.3},
	{ID: "B12", What: "memory of a VMA, at 1 000 000 VMAs", Unit: "bytes", Limit: 240},
	{ID: "B13", What: "`run mmap-churn`: time for each mmap, 16 threads of each kind / 2", Limit: 1},
	{ID: "B13a", What: "the same, for each touch", Limit: 1},
	{ID: "B13b", What: "`run vma-per-thread`, whose tasks share nothing: time for each touch, 32 tasks / 4", Limit: 1.1},
}

// Targets returns all targets, in the order in which reports show them.
func Targets() []Target { return targets }

// Goal returns the target with the given ID, which must exist.
func Goal(id string) Target {
	for _, t := range targets {
		if t.ID == id {
			return t
		}
	}
	panic(fmt.Sprintf("bench: no target %q", id))
}

// Over returns the target as a limit on the time of one operation of `of` in units of the sum of those of `to`.
func (t Target) Over(of string, to ...string) Bar {
	if t.Least {
		return AtLeast(t.ID, of, t.Limit, to...)
	}
	return AtMost(t.ID, of, t.Limit, to...)
}

// Met reports whether a value keeps the limit.
func (t Target) Met(v float64) bool {
	if t.Least {
		return v >= t.Limit
	}
	return v <= t.Limit
}

// Report prints a line for a figure that is no ratio, as [Report] prints one for each bar.
func (t Target) Report(b reporter, name string, value float64) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(value, t.Unit)
	line := fmt.Sprintf("%s %s: figure %s %s, bar %s %s", t.ID, name, measure.Digits(value), t.Unit, measure.Digits(t.Limit), verdict(t.Met(value)))
	fmt.Fprintln(b.Output(), line)
	if os.Getenv(StrictVariable) == "1" && !t.Met(value) {
		b.Errorf("bar missed: %s", line)
	}
}

func verdict(kept bool) string {
	if kept {
		return met
	}
	return missed
}

// Line is what a printed line says about a target.
type Line struct {
	ID, Name string
	Times    string // what was measured, "" for a figure
	Value    string // the ratio or figure, with its interval or unit
	Verdict  string
	Kernel   string // how long a fault of the kernel takes, in words; "" if it is not compared with
	Noise    string // which samples were dropped; "" if none was
}

var lineForm = regexp.MustCompile(`^\s*(B\w+) ([^:]+): (?:(.*), )?(?:ratio|figure) (.*), bar \S+ (` + met + `|` + missed + `|` + notTold + `|` + noEvidence +
	`)(?: \((a fault of the kernel takes .*? ns)\))?(?: \((dropped: .*)\))?$`)

// ParseLine reads a line that a Report printed, and reports whether it is one.
func ParseLine(text string) (Line, bool) {
	m := lineForm.FindStringSubmatch(text)
	if m == nil {
		return Line{}, false
	}
	return Line{ID: m[1], Name: m[2], Times: m[3], Value: m[4], Verdict: m[5], Kernel: m[6], Noise: m[7]}, true
}

// limitText is the limit as tables show it.
func (t Target) limitText() string {
	sign := "≤"
	if t.Least {
		sign = "≥"
	}
	return fmt.Sprintf("%s %g", sign, t.Limit)
}

// Table writes one row for each measured line, in the targets' order, and one for each target that was not measured.
func Table(w io.Writer, lines []Line) error {
	rows := "| bar | what | limit | run | measured | |\n|---|---|---|---|---|---|\n"
	for _, t := range targets {
		measured := false
		for _, l := range lines {
			if l.ID == t.ID {
				measured = true
				rows += fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", t.ID, t.What, t.limitText(), l.Name, l.Value, join(l.Verdict, l.Kernel, l.Noise))
			}
		}
		if !measured {
			rows += fmt.Sprintf("| %s | %s | %s | | not measured | |\n", t.ID, t.What, t.limitText())
		}
	}
	_, err := io.WriteString(w, rows)
	return err
}

// join puts the texts that there are behind each other.
func join(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}
