package measure

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// host is the real machine.
type host struct {
	epoch   time.Time
	allowed []int // the CPUs that this process may use
}

func newHost() *host {
	h := &host{epoch: time.Now()}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return h // pinning is then left out; the share check still holds
	}
	for cpu := 0; len(h.allowed) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			h.allowed = append(h.allowed, cpu)
		}
	}
	return h
}

func (h *host) now() time.Duration { return time.Since(h.epoch) }

func (h *host) threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(fmt.Sprintf("measure: thread CPU clock: %v", err))
	}
	return time.Duration(ts.Nano())
}

func (h *host) othersCPU() time.Duration {
	ticks, err := h.readCPUTicks()
	if err != nil {
		return 0 // without /proc/stat nothing is held against the others
	}
	return time.Duration(ticks.busy)*tick - ownCPU()
}

func ownCPU() time.Duration {
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		panic(fmt.Sprintf("measure: own CPU time: %v", err))
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano())
}

// usage counts a hypervisor's steal among what others used, and as a delay: a thread does not know that it does not run.
func (h *host) usage() usage {
	u := usage{at: h.now(), own: ownCPU(), delayed: delayed()}
	if ticks, err := h.readCPUTicks(); err == nil {
		u.others = time.Duration(ticks.busy)*tick - u.own
		if u.delayed >= 0 {
			u.delayed += time.Duration(ticks.steal) * tick
		}
	}
	return u
}

// delayed returns how long threads of this process were ready and had no CPU, -1 where the kernel does not tell.
func delayed() (sum time.Duration) {
	const dir = "/proc/self/task/"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return -1
	}
	for _, t := range threads {
		text, err := os.ReadFile(dir + t.Name() + "/schedstat")
		if errors.Is(err, os.ErrNotExist) {
			if _, err := os.Stat(dir + t.Name()); err != nil {
				continue // it has ended
			}
		}
		fields := bytes.Fields(text)
		if err != nil || len(fields) < 3 {
			return -1
		}
		ns, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return -1
		}
		sum += time.Duration(ns)
	}
	return sum
}

func (h *host) cpus() int { return max(len(h.allowed), 1) }

func (h *host) pin(index int) (unpin func()) {
	var before, one unix.CPUSet
	if len(h.allowed) == 0 || unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	one.Set(h.allowed[index%len(h.allowed)])
	if unix.SchedSetaffinity(0, &one) != nil {
		return func() {}
	}
	return func() { _ = unix.SchedSetaffinity(0, &before) }
}

func (h *host) yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

func (h *host) waitQuiet(others float64, patience time.Duration) time.Duration {
	start := h.now()
	waitUntilQuiet(h.readCPUTicks, time.Sleep, others, patience)
	return h.now() - start
}

// quietWindow is long enough for the 10 ms ticks of /proc/stat to say something about a few per cent.
const quietWindow = 100 * time.Millisecond

// tick is the unit of /proc/stat: USER_HZ is 100 for every x86 and arm64 kernel.
const tick = 10 * time.Millisecond

// cpuTicks is the time of CPUs since the machine started.
type cpuTicks struct{ busy, total, steal uint64 }

// waitUntilQuiet sleeps window by window until one passes in which the machine was quiet, or patience ends. The caller
// sleeps meanwhile, so that whatever is busy is another.
func waitUntilQuiet(read func() (cpuTicks, error), sleep func(time.Duration), others float64, patience time.Duration) {
	for ; patience >= quietWindow; patience -= quietWindow {
		before, err := read()
		if err != nil {
			return
		}
		sleep(quietWindow)
		after, err := read()
		if err != nil {
			return
		}
		if busy, total := after.busy-before.busy, after.total-before.total; float64(busy) <= others*float64(total) {
			return
		}
	}
}

// readCPUTicks adds up the CPUs that this process may use; all where it is not known which.
func (h *host) readCPUTicks() (sum cpuTicks, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTicks{}, err
	}
	for line := range bytes.Lines(text) {
		name, _, _ := bytes.Cut(line, []byte(" "))
		number, ok := bytes.CutPrefix(name, []byte("cpu"))
		if !ok {
			break
		}
		use := len(number) == 0 // the line of all
		if len(h.allowed) > 0 {
			cpu, err := strconv.Atoi(string(number))
			use = err == nil && slices.Contains(h.allowed, cpu)
		}
		if !use {
			continue
		}
		t, err := parseCPUTicks(string(line))
		if err != nil {
			return cpuTicks{}, err
		}
		sum.busy, sum.total, sum.steal = sum.busy+t.busy, sum.total+t.total, sum.steal+t.steal
	}
	return sum, nil
}

// parseCPUTicks reads a line "cpu user nice system idle iowait irq softirq steal guest guest_nice", or that of one CPU; guest time is
// contained in user time.
func parseCPUTicks(line string) (cpuTicks, error) {
	fields := strings.Fields(line)
	if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") {
		return cpuTicks{}, fmt.Errorf("unknown form of /proc/stat: %q", line)
	}
	var t cpuTicks
	for i, field := range fields[1:9] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return cpuTicks{}, fmt.Errorf("unknown form of /proc/stat: %w", err)
		}
		t.total += n
		if idle := i == 3 || i == 4; !idle {
			t.busy += n
		}
		if i == 7 {
			t.steal = n
		}
	}
	return t, nil
}

// cpuModel names the processor, as far as the kernel does.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
