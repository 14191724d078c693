package ksync

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// meterLog notes what the meters of a test's tasks are told, in order.
type meterLog struct {
	mu   sync.Mutex
	said []string
}

func (l *meterLog) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, fmt.Sprintf(format, args...))
}

func (l *meterLog) has(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.said, line)
}

// until waits until a meter was told so.
func (l *meterLog) until(line string) {
	for !l.has(line) {
		runtime.Gosched()
	}
}

// logMeter is the meter of one task.
type logMeter struct {
	log  *meterLog
	name string
	open bool
}

func (m *logMeter) WaitBegins(op task.Op, class task.LockClass, _ unsafe.Pointer) {
	if !m.open {
		m.log.say("%s %s %s", m.name, op, class.Info().Name)
	}
	m.open = true
}

func (m *logMeter) WaitIsLong() { m.log.say("%s long", m.name) }

func (m *logMeter) WaitEnds() {
	if m.open {
		m.log.say("%s ends", m.name)
	}
	m.open = false
}

func (m *logMeter) Released(unsafe.Pointer)                   { m.log.say("%s released", m.name) }
func (m *logMeter) FaultBegins()                              {}
func (m *logMeter) FaultEnds(task.FaultWork, linux.AccessEnd) {}

// TestWaitsAreMeasured: each cell tells the meter of a wait, and the task that ends it tells its own; a free lock tells nothing.
func TestWaitsAreMeasured(t *testing.T) {
	sem := RWSem{Class: task.MmapLock}
	mutex := Mutex{Class: task.InvalidateMutex}
	var spin SpinLock
	var wait RCUWait
	var count Refcount
	domain := NewDomain(task.SlotAccess)
	for _, c := range []struct {
		name             string
		take, give, want func(*task.Task)
		begins           string
		releases         bool
	}{
		{"read", sem.DownWrite, sem.UpWrite, func(b *task.Task) { sem.DownRead(b); sem.UpRead(b) }, "b down_read mm_struct.mmap_lock", true},
		{"write", sem.DownRead, sem.UpRead, func(b *task.Task) { sem.DownWrite(b); sem.UpWrite(b) }, "b down_write mm_struct.mmap_lock", true},
		{"mutex", mutex.Lock, mutex.Unlock, func(b *task.Task) { mutex.Lock(b); mutex.Unlock(b) }, "b mutex_lock address_space.invalidate_lock", true},
		{"spin", spin.Lock, spin.Unlock, func(b *task.Task) { spin.Lock(b); spin.Unlock(b) }, "b spin_lock other", true},
		{"rcuwait", func(*task.Task) { count.Init(2) }, func(a *task.Task) { count.DecAndTest(a); wait.WakeUp(a) },
			func(b *task.Task) {
				_ = wait.WaitEvent(b, unsafe.Pointer(&count), task.Uninterruptible, func() bool { return count.Peek() == 1 })
			}, "b rcuwait_wait_event vma_lock", true},
		{"section", domain.ReadLock, domain.ReadUnlock, domain.Synchronize, "b grace period wait tlb flush", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r reports
			var log meterLog
			ts := r.tasks(2)
			for _, tk := range ts {
				tk.Meter = &logMeter{log: &log, name: tk.Name}
				domain.Register(tk)
				defer domain.Unregister(tk)
			}
			c.take(ts[0])
			if len(log.said) > 0 {
				t.Fatalf("a lock that is free: %q", log.said)
			}
			var done sync.WaitGroup
			done.Go(func() { c.want(ts[1]) })
			log.until("b long")
			c.give(ts[0])
			done.Wait()
			if !slices.Equal(log.said[:2], []string{c.begins, "b long"}) || !log.has("b ends") || log.has("a released") != c.releases {
				t.Errorf("the meters were told %q", log.said)
			}
			r.want(t)
		})
	}
}

// TestSpinningWriterIsMeasured: a writer that gets the lock while it spins has waited, and the one that gave it back says so.
func TestSpinningWriterIsMeasured(t *testing.T) {
	for range 10000 {
		var r reports
		var log meterLog
		ts := r.tasks(2)
		for _, tk := range ts {
			tk.Meter = &logMeter{log: &log, name: tk.Name}
		}
		sem := RWSem{Class: task.MmapLock}
		sem.DownWrite(ts[0])
		var done sync.WaitGroup
		done.Go(func() { sem.DownWrite(ts[1]); sem.UpWrite(ts[1]) })
		log.until("b down_write mm_struct.mmap_lock")
		sem.UpWrite(ts[0])
		done.Wait()
		if !log.has("b ends") || !log.has("a released") && log.has("b long") {
			t.Fatalf("the meters were told %q", log.said)
		}
		if !log.has("b long") && log.has("a released") {
			return
		}
	}
	t.Skip("the writer went to sleep in each of 10000 tries: it takes two CPUs that have time for it")
}
