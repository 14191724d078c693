package measure

import (
	"bytes"
	"fmt"
	"os"
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
	ticks, err := readCPUTicks()
	if err != nil {
		return 0 // without /proc/stat nothing is held against the others
	}
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		panic(fmt.Sprintf("measure: own CPU time: %v", err))
	}
	return time.Duration(ticks.busy)*tick - time.Duration(own.Utime.Nano()+own.Stime.Nano())
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
	waitUntilQuiet(readCPUTicks, time.Sleep, others, patience)
	return h.now() - start
}

// quietWindow is long enough for the 10 ms ticks of /proc/stat to say something about a few per cent.
const quietWindow = 100 * time.Millisecond

// tick is the unit of /proc/stat: USER_HZ is 100 for every x86 and arm64 kernel.
const tick = 10 * time.Millisecond

// cpuTicks is the machine's CPU time since it started.
type cpuTicks struct{ busy, total uint64 }

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

func readCPUTicks() (cpuTicks, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTicks{}, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return parseCPUTicks(string(line))
}

// parseCPUTicks reads the line "cpu user nice system idle iowait irq softirq steal guest guest_nice"; guest time is
// contained in user time.
func parseCPUTicks(line string) (cpuTicks, error) {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
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
	}
	return t, nil
}
