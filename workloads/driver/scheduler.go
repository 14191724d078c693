package driver

import (
	"container/heap"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// scheduler says which tasks of a run have its simulated CPUs. It goes by the time that each has had one, its virtual run time: the next is
// the task that has had the least, as in the kernel's fair class (fair.c). So a task that sleeps now and then, for mmap_lock perhaps, gets
// as much of the CPUs as one that never does, as long as it wants that much. But one that was woken runs first, up to the end of the statement
// that it is in, as it may have been given what others wait for. It knows neither clock nor goroutines.
type scheduler struct {
	queues []runQueue    // by CPU
	woken  shares        // tasks in the middle of a statement that wait for a CPU
	least  time.Duration // of those that run or wait to, what the one with the least has had; it never falls: min_vruntime
}

// runQueue is a simulated CPU.
type runQueue struct {
	current *share // who has it; nil: it is idle
	ready   shares // tasks between two statements that had it last, and wait to have one again
	row     int    // tasks that were woken and have had it, in succession
}

// share is what a task has had of the CPUs.
type share struct {
	used  time.Duration // its virtual run time, up to since
	since time.Duration // while it has a CPU
	woken bool          // in the statement that it is in
	cpu   int           // that it has, or had last
	// resched: between two statements it is to see whether another should run: TIF_NEED_RESCHED.
	resched atomic.Bool
	turn    chan struct{} // is sent to when it has been given a CPU
}

// credit is how much less than all others one that has slept is taken to have had at most: what it did not want then is gone (place_entity).
const credit = 4 * time.Millisecond

// wokenInRow is how many that were woken a CPU runs in succession while one waits that was not.
const wokenInRow = 16

// migration is how much less than those that had a CPU last one that had another must have had to be given it: what it worked with is in the
// other's cache (sysctl_sched_migration_cost).
const migration = 2 * slice

// shares is a heap: the one that has had the least comes first.
type shares []*share

func (s shares) Len() int           { return len(s) }
func (s shares) Less(i, j int) bool { return s[i].used < s[j].used }
func (s shares) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *shares) Push(x any)        { *s = append(*s, x.(*share)) }

func (s *shares) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return x
}

// wake says that a task wants a CPU; slept, that it is in the middle of a statement. It reports whether the task has one at once.
func (d *scheduler) wake(s *share, slept bool, now time.Duration) bool {
	var most *share // of those that run a statement in which they did not sleep, and are told nothing yet, the one that has had the most
	for i := range d.queues {
		r := d.queues[i].current
		if r == nil {
			continue
		}
		if r.charge(now); !r.resched.Load() && (most == nil || r.used > most.used) {
			most = r
		}
	}
	d.advance()
	s.used, s.woken = max(s.used, d.least-credit), slept
	idle := d.idle(s.cpu)
	switch {
	case idle >= 0:
		d.give(s, idle, now)
		return true
	case !slept:
		heap.Push(&d.queues[s.cpu].ready, s)
	default:
		heap.Push(&d.woken, s)
		if most != nil {
			most.resched.Store(true)
		}
	}
	return false
}

// idle returns an idle CPU, this one if it is, or -1.
func (d *scheduler) idle(cpu int) int {
	if d.queues[cpu].current == nil {
		return cpu
	}
	return slices.IndexFunc(d.queues, func(q runQueue) bool { return q.current == nil })
}

// sleep says that a task needs its CPU no more, and returns who has it now, nil for none.
func (d *scheduler) sleep(s *share, now time.Duration) *share {
	s.charge(now)
	d.queues[s.cpu].current = nil
	d.advance()
	if from := d.first(s.cpu); len(*from) > 0 {
		return d.give(heap.Pop(from).(*share), s.cpu, now)
	}
	return nil
}

// yield says that a task is between two statements. It returns who has its CPU now, nil if it still has it.
func (d *scheduler) yield(s *share, now time.Duration) *share {
	s.charge(now)
	s.woken = false
	s.resched.Store(false)
	d.advance()
	from := d.first(s.cpu)
	if from != &d.woken && (len(*from) == 0 || (*from)[0].used >= s.used) {
		d.queues[s.cpu].row = 0
		return nil
	}
	next := d.give(heap.Pop(from).(*share), s.cpu, now)
	heap.Push(&d.queues[s.cpu].ready, s)
	return next
}

// first returns the tasks of which the first is to have a CPU next.
func (d *scheduler) first(cpu int) *shares {
	best := &d.queues[cpu].ready
	for i := range d.queues {
		other := &d.queues[i].ready
		if len(*other) > 0 && (len(*best) == 0 || (*other)[0].used+migration < (*best)[0].used) {
			best = other
		}
	}
	if len(d.woken) > 0 && (len(*best) == 0 || d.queues[cpu].row < wokenInRow) {
		return &d.woken
	}
	return best
}

// give lets a task have a CPU.
func (d *scheduler) give(s *share, cpu int, now time.Duration) *share {
	q := &d.queues[cpu]
	q.current, s.cpu, s.since = s, cpu, now
	if s.resched.Store(s.woken); s.woken {
		q.row++
	} else {
		q.row = 0
	}
	return s
}

// charge counts the time that a task has had its CPU.
func (s *share) charge(now time.Duration) { s.used, s.since = s.used+now-s.since, now }

// advance brings least up to date: update_min_vruntime.
func (d *scheduler) advance() {
	least := time.Duration(math.MaxInt64)
	first := func(waiting shares) {
		if len(waiting) > 0 {
			least = min(least, waiting[0].used)
		}
	}
	first(d.woken)
	for i := range d.queues {
		first(d.queues[i].ready)
		if c := d.queues[i].current; c != nil {
			least = min(least, c.used)
		}
	}
	if least < math.MaxInt64 {
		d.least = max(d.least, least)
	}
}

// drain returns all that wait for a CPU, which wait no more.
func (d *scheduler) drain() []*share {
	waiting := d.woken
	d.woken = nil
	for i := range d.queues {
		waiting = append(waiting, d.queues[i].ready...)
		d.queues[i].ready = nil
	}
	return waiting
}
