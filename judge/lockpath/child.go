package lockpath

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// Main is to be called first in main and in TestMain by every program that calls Run. In the processes that Run makes it never
// returns; otherwise it does nothing.
func Main() {
	if os.Getenv(childVariable) == "" {
		return
	}
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vmasim:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child performs what a scenario does in one address space, in its own.
type child struct {
	order
	sc       *workloads.Scenario
	fds      []int
	barriers []interp.Rendezvous
	draining atomic.Bool    // the foreground has ended
	front    sync.WaitGroup // the threads that are not in the background
	findings findings
}

// serve is the child's part of the conversation.
func serve(in io.Reader, out io.Writer) error {
	reserveHeap()
	runtime.MemProfileRate = 1 // for the warm-up
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	c := &child{}
	if err := from.Decode(&c.order); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	gate := make(chan struct{})
	threads := c.threads(gate)
	var ids []int
	for _, t := range threads {
		ids = append(ids, <-t.id)
	}
	runtime.MemProfileRate = 0
	spareThreads(len(threads) + spareProcs)
	if err := isolate(); err != nil {
		return err
	}
	regions := c.block(c.sc.Init, nil)
	if failed := c.findings.list(); len(failed) > 0 {
		return to.Encode(crowd{Failed: failed})
	}
	for _, t := range threads {
		copy(t.env.Regions, regions)
	}
	if err := to.Encode(crowd{Threads: ids}); err != nil {
		return err
	}
	if err := from.Decode(&crowd{}); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		for from.Decode(&crowd{}) == nil {
			close(ended)
		}
		os.Exit(1) // the parent is gone
	}()
	a := account{Elapsed: c.race(threads, gate)}
	for _, t := range threads {
		a.Operations += t.operations
	}
	if err := to.Encode(a); err != nil {
		return err
	}
	<-ended
	c.block(c.sc.Finally, regions)
	a.Unexpected = c.findings.list()
	return to.Encode(a)
}

func (c *child) prepare() (err error) {
	if c.sc, err = workloads.Parse(c.Name, []byte(c.Source)); err != nil {
		return err
	}
	c.sc.Dir = c.Dir
	c.barriers = make([]interp.Rendezvous, len(c.sc.Barriers))
	for i, decl := range c.sc.Files {
		fd := firstFile + i
		if decl.Special == workloads.SpecialClosed {
			fd = interp.ClosedFD
		}
		c.fds = append(c.fds, fd)
	}
	// The simulator has no huge pages.
	if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("PR_SET_THP_DISABLE: %w", err)
	}
	return nil
}

// block runs init or finally, and returns the regions it has bound.
func (c *child) block(b *workloads.Block, shared []workloads.Region) []workloads.Region {
	if b == nil {
		return nil
	}
	t := &thread{child: c, name: b.Name, env: b.NewEnv(c.Seed, 0, shared)}
	t.run(part(b, c.Space))
	return t.env.Regions
}

// threads makes a thread of the kernel's for each task. They wait for the gate.
func (c *child) threads(gate <-chan struct{}) (all []*thread) {
	for i, th := range c.sc.Threads {
		if th.MM.Index != c.Space {
			continue
		}
		for n := range c.Counts[i] {
			t := &thread{child: c, name: fmt.Sprintf("%s/%d", th.Name, n), env: th.NewEnv(c.Seed, n, nil), program: th,
				id: make(chan int, 1), done: make(chan struct{})}
			t.join(task.New(len(all), t.name, nil))
			if !th.Background {
				c.front.Add(1)
			}
			all = append(all, t)
		}
	}
	n := len(all) + spareProcs
	runtime.GOMAXPROCS(n) // Go shall never let one wait for another
	w := &warmUp{n: int32(n)}
	for i, t := range all {
		go t.live(w, i, gate)
	}
	for i := range spareProcs {
		go w.join(len(all) + i)
	}
	return all
}

// race lets the threads go, and returns how long they took.
func (c *child) race(threads []*thread, gate chan<- struct{}) time.Duration {
	begun := time.Now()
	close(gate)
	c.front.Wait()
	c.draining.Store(true)
	for _, t := range threads {
		<-t.done
	}
	return time.Since(begun)
}
