package driver

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// Wait is what tasks waited for, and for how long.
type Wait struct {
	For   string        `json:"for"`  // the lock, as internal/lockorder declares it, or another reason
	Mode  string        `json:"mode"` // of a semaphore: "read" or "write"
	Count uint64        `json:"count"`
	Slept uint64        `json:"slept"` // of these, the ones in which the task slept
	Total time.Duration `json:"total_ns"`
	P50   uint64        `json:"p50_ns"`
	P99   uint64        `json:"p99_ns"`
	Max   uint64        `json:"max_ns"`

	HeldBy []Holder `json:"held_by"` // the longest time first
}

// Holder is a function of the kernel that had what was waited for, while its task was in a statement.
type Holder struct {
	Func      string        `json:"func"`
	Statement string        `json:"statement"`
	Count     uint64        `json:"count"` // of the waits whose holder is known
	Total     time.Duration `json:"total_ns"`
}

// Contention is waits of one kind at one place.
type Contention struct {
	For, Mode string
	Stack     []string // kernel functions and, outermost, the statement; innermost first. Of a short wait the statement alone
	Holder    []string // the same of who had it; nil: not known
	Count     uint64
	Total     time.Duration
}

// FaultTime is how long faults of one kind took, of those that were timed.
type FaultTime struct {
	Path  string `json:"path"` // how it was handled: vma_lock, mmap_lock, or retry, first the one and then the other
	Page  string `json:"page"` // anon, file, cow, or reuse
	End   string `json:"end"`  // ok, or how the access ended
	Count uint64 `json:"count"`
	P50   uint64 `json:"p50_ns"`
	P99   uint64 `json:"p99_ns"`
	Max   uint64 `json:"max_ns"`
}

// waitKey is what waits are added up by.
type waitKey struct {
	waitClass
	kind          workloads.Kind
	holderKind    workloads.Kind
	asked         bool // who had it was asked for
	stack, holder uint32
}

type waitSum struct {
	count uint64
	total time.Duration
}

// The paths of a fault.
const (
	pathVMALock = "vma_lock"
	pathRetry   = "retry"
	pathMmap    = "mmap_lock"
)

// faultClass is what one histogram of faults is about.
type faultClass struct {
	path string
	work task.FaultWork
	end  linux.AccessEnd
}

// pathOf says how a fault was handled, by what was counted meanwhile.
func pathOf(before, after *task.Counters) string {
	switch moved := func(c task.Counter) bool { return after[c] != before[c] }; {
	case moved(task.VMALockRetry):
		return pathRetry
	case moved(task.PgFaultMmapLock):
		return pathMmap
	}
	return pathVMALock
}

// mode says how a semaphore was to be taken.
func (c waitClass) mode() string {
	switch c.op {
	case task.OpDownRead:
		return "read"
	case task.OpDownWrite:
		return "write"
	}
	return ""
}

// String names what is waited for.
func (c waitClass) String() string {
	if mode := c.mode(); mode != "" {
		return c.class.Info().Name + ", to " + mode
	}
	return c.class.Info().Name
}

// measuredWaits adds up what the meters of the measured workers know, of those that have ended.
func (r *run) measuredWaits(res *Result) {
	waits, sums := map[waitClass]*histogram{}, map[waitKey]*waitSum{}
	faults := map[faultClass]*histogram{}
	for _, w := range r.measured {
		if !w.ended.Load() {
			continue
		}
		w.meter.settle(0)
		merge(waits, w.meter.waits)
		merge(faults, w.meter.faults)
		for key, s := range w.meter.sums {
			sum := sums[key]
			if sum == nil {
				sum = &waitSum{}
				sums[key] = sum
			}
			sum.count += s.count
			sum.total += s.total
		}
	}
	names := r.meters.stacks.names()
	res.Contention = contention(sums, names)
	res.Waits = waitsOf(waits, sums, res.Contention)
	res.FaultTimes = faultTimes(faults)
}

func merge[K comparable](into, from map[K]*histogram) {
	for key, h := range from {
		if into[key] == nil {
			into[key] = new(histogram)
		}
		into[key].add(h)
	}
}

// contention names what was added up, the longest time first.
func contention(sums map[waitKey]*waitSum, names []chain) (all []Contention) {
	for key, s := range sums {
		c := Contention{For: key.class.Info().Name, Mode: key.mode(), Count: s.count, Total: s.total}
		c.Stack = append(c.Stack, names[key.stack].names()...)
		c.Stack = append(c.Stack, key.kind.String())
		if key.holder != noStack {
			c.Holder = append(names[key.holder].holding(), key.holderKind.String())
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Contention) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.For, b.For), slices.Compare(a.Stack, b.Stack), slices.Compare(a.Holder, b.Holder))
	})
	return all
}

// waitsOf makes the table of waits, the longest time first.
func waitsOf(waits map[waitClass]*histogram, sums map[waitKey]*waitSum, all []Contention) (table []Wait) {
	for class, h := range waits {
		w := Wait{For: class.class.Info().Name, Mode: class.mode(), Count: h.n, Total: time.Duration(h.sum), P50: h.quantile(0.5), P99: h.quantile(0.99), Max: h.max}
		for key, s := range sums {
			if key.waitClass == class && key.stack != noStack && class.op != task.OpSpinLock {
				w.Slept += s.count
			}
		}
		w.HeldBy = heldBy(all, w.For, w.Mode)
		table = append(table, w)
	}
	slices.SortFunc(table, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.For, b.For), cmp.Compare(a.Mode, b.Mode))
	})
	return table
}

// heldBy adds up the waits of one kind by who had what was waited for.
func heldBy(all []Contention, what, mode string) []Holder {
	holders := []Holder{}
	for _, c := range all {
		if c.For != what || c.Mode != mode || c.Holder == nil {
			continue
		}
		fn, statement := c.Holder[0], c.Holder[len(c.Holder)-1]
		i := slices.IndexFunc(holders, func(h Holder) bool { return h.Func == fn && h.Statement == statement })
		if i < 0 {
			i = len(holders)
			holders = append(holders, Holder{Func: fn, Statement: statement})
		}
		holders[i].Count += c.Count
		holders[i].Total += c.Total
	}
	slices.SortStableFunc(holders, func(a, b Holder) int { return cmp.Compare(b.Total, a.Total) })
	return holders
}

// faultTimes makes the table of faults by their path.
func faultTimes(faults map[faultClass]*histogram) (table []FaultTime) {
	for class, h := range faults {
		table = append(table, FaultTime{Path: class.path, Page: class.work.String(), End: class.end.String(), Count: h.n,
			P50: h.quantile(0.5), P99: h.quantile(0.99), Max: h.max})
	}
	slices.SortFunc(table, func(a, b FaultTime) int {
		return cmp.Or(strings.Compare(b.Path, a.Path), strings.Compare(a.Page, b.Page), strings.Compare(a.End, b.End))
	})
	return table
}
