package lockpath

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/judge/deep"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// The conversation between us and the child that performs, one JSON value each:
//
//	us     order    what to perform
//	child  crowd    init is done, these are the threads
//	us     crowd    they are watched, let them go
//	child  account  they have ended

// order is a scenario to perform.
type order struct {
	Name, Dir, Source string
	Seed              uint64
	Counts            []int         // tasks of each thread
	Duration          time.Duration // of every "for"; 0: as it is written
}

// crowd are the threads, by the kernel's ids. Failed says why there are none.
type crowd struct {
	Threads []int
	Failed  []string
}

// account is what became of them.
type account struct {
	Elapsed    time.Duration
	Unexpected []string
}

func newOrder(sc *workloads.Scenario, p *driver.Plan, opts driver.Options) order {
	return order{Name: sc.Name, Dir: sc.Dir, Source: sc.String(), Seed: p.Seed, Counts: p.Counts, Duration: opts.Duration}
}

// childVariable in the environment makes a program the child.
const childVariable = "VMASIM_FAULTS_CHILD"

// perform has a child perform the order, and counts.
func perform(ctx context.Context, o order, counter *deep.FaultCounter) (s Side, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{"vmasim-faults"}
	// Signals by which Go asks its threads to make room for each other would only disturb: there is room for all.
	cmd.Env = append(os.Environ(), childVariable+"=1", "GODEBUG=asyncpreemptoff=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // Ctrl-C is for us alone
	to, err := cmd.StdinPipe()
	if err != nil {
		return s, err
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := cmd.Start(); err != nil {
		return s, err
	}
	s, err = converse(o, counter, json.NewEncoder(to), json.NewDecoder(bufio.NewReader(from)))
	if err != nil {
		cancel() // it may wait for something
	}
	if waited := cmd.Wait(); err == nil || errors.Is(err, io.EOF) {
		err = waited
	}
	return s, err
}

func converse(o order, counter *deep.FaultCounter, to *json.Encoder, from *json.Decoder) (s Side, err error) {
	if err := to.Encode(o); err != nil {
		return s, err
	}
	var c crowd
	if err := from.Decode(&c); err != nil {
		return s, fmt.Errorf("the child does not answer, does the program call lockpath.Main? %w", err)
	}
	if len(c.Failed) > 0 {
		return Side{Unexpected: c.Failed}, nil
	}
	for _, tid := range c.Threads {
		if err := counter.Watch(tid); err != nil {
			return s, err
		}
	}
	if err := to.Encode(c); err != nil {
		return s, err
	}
	var a account
	if err := from.Decode(&a); err != nil {
		return s, err
	}
	s = Side{Elapsed: a.Elapsed, Unexpected: a.Unexpected}
	for _, tid := range c.Threads {
		f, err := counter.Count(tid)
		if err != nil {
			return s, err
		}
		s.Faults += f.Total
		s.MmapLock += f.MmapLock
	}
	return s, nil
}
