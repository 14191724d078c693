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
	"vmasim/workloads/interp"
)

// The conversation between us and each child that performs, one JSON value each:
//
//	us     order    what to perform
//	child  crowd    init is done, these are the threads
//	us     crowd    all are watched, let them go
//	child  account  its threads have ended
//	us     crowd    so have all others
//	child  account  it has finished

// order is a scenario to perform, as far as it is done in one address space.
type order struct {
	Name, Dir, Source string
	Seed              uint64
	Space             int           // the address space
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
	Operations uint64
	Unexpected []string
}

func newOrder(sc *workloads.Scenario, p *driver.Plan, opts driver.Options) order {
	return order{Name: sc.Name, Dir: sc.Dir, Source: sc.String(), Seed: p.Seed, Counts: p.Counts, Duration: opts.Duration}
}

// childVariable in the environment makes a program the child.
const childVariable = "VMASIM_FAULTS_CHILD"

// firstFile is the descriptor of a child's first file: all children have the same open files.
const firstFile = 3

// performer is a child, and the conversation with it.
type performer struct {
	cmd  *exec.Cmd
	to   *json.Encoder
	from *json.Decoder
	crowd
	account
}

// start starts a child. It ends with the context.
func start(ctx context.Context, files []*os.File) (*performer, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{"vmasim-faults"}
	// Signals by which Go asks its threads to make room for each other would only disturb: there is room for all.
	cmd.Env = append(os.Environ(), childVariable+"=1", "GODEBUG=asyncpreemptoff=1")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // Ctrl-C is for us alone
	to, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &performer{cmd: cmd, to: json.NewEncoder(to), from: json.NewDecoder(bufio.NewReader(from))}, cmd.Start()
}

// perform has children perform the order, one for each address space, and counts.
func perform(ctx context.Context, sc *workloads.Scenario, o order, counter *deep.FaultCounter) (s Side, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	files, err := interp.CreateFiles(sc)
	if err != nil {
		return s, err
	}
	var all []*performer
	for range spaces(sc) {
		p, startErr := start(ctx, files)
		if startErr != nil {
			err = startErr
			break
		}
		all = append(all, p)
	}
	if err = errors.Join(err, interp.CloseFiles(files)); err == nil { // the children have their own
		s, err = converse(all, spaces(sc), o, counter)
	}
	if err != nil || len(s.Unexpected) > 0 && s.Elapsed == 0 {
		cancel() // they may wait for something
	}
	for _, p := range all {
		if waited := p.cmd.Wait(); err == nil && s.Elapsed > 0 || errors.Is(err, io.EOF) {
			err = waited
		}
	}
	return s, err
}

func converse(all []*performer, spaces []int, o order, counter *deep.FaultCounter) (s Side, err error) {
	for i, p := range all {
		o.Space = spaces[i]
		if err := p.to.Encode(o); err != nil {
			return s, err
		}
	}
	for _, p := range all {
		if err := p.from.Decode(&p.crowd); err != nil {
			return s, fmt.Errorf("the child does not answer, does the program call lockpath.Main? %w", err)
		}
		s.Unexpected = append(s.Unexpected, p.Failed...)
	}
	if len(s.Unexpected) > 0 {
		return s, nil
	}
	for _, p := range all {
		for _, tid := range p.Threads {
			if err := counter.Watch(tid); err != nil {
				return s, err
			}
		}
	}
	for range 2 { // the threads, and what comes when all of them have ended
		for _, p := range all {
			if err := p.to.Encode(p.crowd); err != nil {
				return s, err
			}
		}
		for _, p := range all {
			if err := p.from.Decode(&p.account); err != nil {
				return s, err
			}
		}
	}
	for _, p := range all {
		s.Elapsed = max(s.Elapsed, p.Elapsed)
		s.Operations += p.Operations
		s.Unexpected = append(s.Unexpected, p.Unexpected...)
		for _, tid := range p.Threads {
			f, err := counter.Count(tid)
			if err != nil {
				return s, err
			}
			s.Faults += f.Total
			s.MmapLock += f.MmapLock
		}
	}
	return s, nil
}
