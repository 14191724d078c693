package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// gone waits until a process does not even exist as a zombie.
func gone(tb testing.TB, pid int) {
	tb.Helper()
	await(tb, pid, func() bool { return unix.Kill(pid, 0) == unix.ESRCH })
}

// dead waits until a process has ended. Without its nursery it is init's to
// reap, which may take its time.
func dead(tb testing.TB, pid int) {
	tb.Helper()
	await(tb, pid, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}

func await(tb testing.TB, pid int, ended func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ended(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("process %d is still there", pid)
		}
	}
}

func TestFork(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	rw := mapAnon(t, p, 0, 1, protRW)
	f, err := p.Store(rw, 1)
	wantFault(t, f, err, "ok", 0)
	child, err := p.Fork()
	must(t, err)
	f, err = child.Store(rw, 2)
	wantFault(t, f, err, "ok", 0)
	grandchild, err := child.Fork()
	must(t, err)
	child.Exit()
	gone(t, child.PID())
	for q, want := range map[*Process]uint64{p: 1, grandchild: 2} {
		if v, f, err := q.Load(rw); v != want || !f.OK() || err != nil {
			t.Errorf("process %d has %d, %v, %v, want %d", q.PID(), v, f, err, want)
		}
	}
	if got, want := grandchild.Window(), p.Window(); got != want {
		t.Errorf("the window became %v, was %v", got, want)
	}
	if _, err := child.Call(unix.SYS_GETPID); !errors.Is(err, ErrLost) {
		t.Errorf("call after exit: %v", err)
	}
	grandchild.Exit()
	grandchild.Exit()
}

// TestForkHasItsOwnSlot makes sure that signals of one do not end up in the other.
func TestForkHasItsOwnSlot(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	child, err := p.Fork()
	must(t, err)
	defer child.Exit()
	p.Scratch()[0], child.Scratch()[0] = 1, 2
	for q, want := range map[*Process]byte{p: 1, child: 2} {
		f, err := q.Touch(at(p, int(want)), linux.Read)
		wantFault(t, f, err, "SEGV_MAPERR", at(p, int(want)))
		if v, _, err := q.Load(q.ScratchAddr()); byte(v) != want || err != nil {
			t.Errorf("scratch has %d, %v", v, err)
		}
	}
}

func TestTooManyProcesses(t *testing.T) {
	l := newLab(t)
	var all []*Process
	for len(all) <= maxAgents {
		p, err := l.Process(Window{})
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		must(t, err)
		all = append(all, p)
	}
	if len(all) != maxAgents-2 { // the first, the template
		t.Errorf("%d processes", len(all))
	}
	all[0].Exit()
	newProcess(t, l, Window{}).Exit()
}

func TestLostAgents(t *testing.T) {
	for name, lose := range map[string]func(p *Process) error{
		"killed": func(p *Process) error {
			must(t, unix.Kill(p.PID(), unix.SIGKILL))
			_, err := p.Call(unix.SYS_GETPID)
			return err
		},
		"exits by itself": func(p *Process) error {
			_, err := p.Call(unix.SYS_EXIT_GROUP, 0)
			return err
		},
		"unmaps itself": func(p *Process) error {
			_, err := p.Call(unix.SYS_MUNMAP, 0, linux.TaskSize)
			return err
		},
		"does not come back": func(p *Process) error {
			_, err := p.Call(unix.SYS_PPOLL, 0, 0, 0, 0, 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			p, err := l.Process(Window{})
			must(t, err)
			patience := unix.NsecToTimeval((300 * time.Millisecond).Nanoseconds()) // with this agent alone: a slow machine needs more to start others
			must(t, unix.SetsockoptTimeval(p.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience))
			if err := lose(p); !errors.Is(err, ErrLost) {
				t.Errorf("%v, want %v", err, ErrLost)
			}
			gone(t, p.PID())
			_, statusErr := p.Status()
			_, areasErr := p.Areas()
			_, pagesErr := p.Pages(at(p, 0), 1)
			_, forkErr := p.Fork()
			for _, err := range []error{statusErr, areasErr, pagesErr, forkErr, p.SetLimit(unix.RLIMIT_AS, 0), p.DropCapabilities()} {
				if !errors.Is(err, ErrLost) {
					t.Errorf("afterwards: %v", err)
				}
			}
			p.Exit()
			q, err := l.Process(Window{}) // others live on
			must(t, err)
			q.Exit()
		})
	}
}

func TestLostTemplate(t *testing.T) {
	l := newLab(t)
	newProcess(t, l, Window{})
	for _, template := range l.templates {
		must(t, unix.Kill(template.PID(), unix.SIGKILL))
	}
	if _, err := l.Process(Window{}); !errors.Is(err, ErrLost) {
		t.Errorf("%v, want %v", err, ErrLost)
	}
	newProcess(t, l, Window{}) // from a new one
}

// TestConcurrent has each of several goroutines work with processes of its own.
func TestConcurrent(t *testing.T) {
	l := newLab(t)
	var all sync.WaitGroup
	for id := range uint64(4) {
		all.Go(func() {
			for range 10 {
				p, err := l.Process(Window{})
				if err != nil {
					t.Error(err)
					return
				}
				p.Call(unix.SYS_MMAP, uintptr(at(p, 0)), linux.PageSize, protRW, fixedAnon, ^uintptr(0), 0)
				p.Store(at(p, 0), id)
				child, err := p.Fork()
				if err != nil {
					t.Error(err)
					return
				}
				p.Exit()
				if v, f, err := child.Load(at(child, 0)); v != id || !f.OK() || err != nil {
					t.Errorf("process of %d: %d, %v, %v", id, v, f, err)
				}
				child.Exit()
			}
		})
	}
	all.Wait()
}

func TestCloseLeavesNothing(t *testing.T) {
	l := newLab(t)
	before := openFiles(t)
	other, err := Start(Options{})
	must(t, err)
	p, err := other.Process(Window{})
	must(t, err)
	child, err := p.Fork()
	must(t, err)
	other.Close()
	for _, pid := range []int{p.PID(), child.PID(), other.first.PID(), other.nursery.Pid} {
		gone(t, pid)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, %d were before", after, before)
	}
	p.Exit()
	newProcess(t, l, Window{}) // the first laboratory has not noticed
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(files)
}

func TestNurseryKilled(t *testing.T) {
	l := newLab(t)
	p, err := l.Process(Window{})
	must(t, err)
	must(t, unix.Kill(l.nursery.Pid, unix.SIGKILL))
	dead(t, p.PID())
	if _, err := p.Call(unix.SYS_GETPID); !errors.Is(err, ErrLost) {
		t.Errorf("%v, want %v", err, ErrLost)
	}
}

// victimVariable makes TestProgramKilled the program that is killed.
const victimVariable = "VMASIM_HOST_TEST_VICTIM"

// TestProgramKilled kills a program with agents, one of which is in a system
// call that never returns, and waits for all of them to go.
func TestProgramKilled(t *testing.T) {
	if os.Getenv(victimVariable) != "" {
		beVictim(t)
	}
	newLab(t) // skips where there are no agents
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestProgramKilled$")
	cmd.Env = append(os.Environ(), victimVariable+"=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	text, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	var pids [4]int
	_, err = fmt.Sscan(strings.TrimSpace(text), &pids[0], &pids[1], &pids[2], &pids[3])
	must(t, err)
	must(t, cmd.Process.Kill())
	cmd.Wait()
	dead(t, pids[0])
	for _, agent := range pids[1:] {
		gone(t, agent)
	}
}

func beVictim(t *testing.T) {
	l, err := Start(Options{})
	must(t, err)
	p, err := l.Process(Window{})
	must(t, err)
	child, err := p.Fork()
	must(t, err)
	go child.Call(unix.SYS_PPOLL, 0, 0, 0, 0, 0)
	fmt.Println(l.nursery.Pid, l.first.PID(), p.PID(), child.PID())
	select {}
}

func TestPassFiles(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	var files []*os.File
	for i := range maxFiles + 3 {
		files = append(files, memfd(t, int64(i+1)<<linux.PageShift))
	}
	fds, err := p.PassFiles(files...)
	must(t, err)
	child, err := p.Fork()
	must(t, err)
	defer child.Exit()
	for _, q := range []*Process{p, child} {
		for i, fd := range fds {
			size, err := q.Call(unix.SYS_LSEEK, uintptr(fd), 0, unix.SEEK_END)
			if int(size) != (i+1)<<linux.PageShift || err != nil {
				t.Errorf("file %d, descriptor %d, has %d bytes, %v", i, fd, size, err)
			}
		}
	}
	// It is the same open file: mappings of it merge, those of another do not.
	mapFile(t, p, 0, 1, protR, unix.MAP_SHARED, fds[3])
	_, err = p.Call(unix.SYS_MMAP, uintptr(at(p, 1)), linux.PageSize, protR, unix.MAP_SHARED|unix.MAP_FIXED, uintptr(fds[3]), linux.PageSize)
	must(t, err)
	again, err := p.PassFiles(files[3])
	must(t, err)
	_, err = p.Call(unix.SYS_MMAP, uintptr(at(p, 2)), linux.PageSize, protR, unix.MAP_SHARED|unix.MAP_FIXED, uintptr(again[0]), 2*linux.PageSize)
	must(t, err)
	areas, err := p.Areas()
	must(t, err)
	if len(areas) != 1 || areas[0].End != at(p, 3) {
		t.Errorf("%v", areas)
	}
}
