package vma

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

const (
	testStart = 0x10000
	testEnd   = 0x14000
	testFlags = linux.VMRead | linux.VMWrite | linux.VMMayRead | linux.VMMayWrite
)

// lab holds the minimum that the lock protocol needs: address spaces' locks, a cache of VMAs, RCU.
type lab struct {
	rules rules.Set
	asV6  bool // mms follow RefcountV6 whatever the rules are
	rcu   *ksync.Domain
	cache *Cache
	names map[unsafe.Pointer]string

	boot *task.Task // sets up and looks at the end, unobserved
	next int

	report func(task.Violation) // takes violations, and what bodies complain about; nil: they are collected
	mu     sync.Mutex
	broken []string
}

func newLab(spec string) *lab {
	rs, err := rules.Parse(spec)
	if err != nil {
		panic(err)
	}
	l := &lab{rules: rs, rcu: ksync.NewDomain(task.SlotRCU), names: map[unsafe.Pointer]string{}}
	l.cache = NewCache(ReuseOf(rs), l.rcu)
	l.boot = l.task("boot")
	return l
}

// task returns a task whose broken rules the lab collects.
func (l *lab) task(name string) *task.Task {
	t := task.New(l.next, name, func(v task.Violation) {
		if l.report != nil {
			l.report(v)
			return
		}
		l.complain("%s", v.Oracle)
	})
	l.next++
	l.rcu.Register(t)
	return t
}

func (l *lab) complain(format string, args ...any) {
	if l.report != nil {
		l.report(task.Violation{Oracle: "test", Message: fmt.Sprintf(format, args...)})
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = append(l.broken, fmt.Sprintf(format, args...))
}

// want fails the test unless exactly these complaints came since the last call.
func (l *lab) want(t *testing.T, complaints ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.broken, complaints) {
		t.Errorf("complaints %q, expected %q", l.broken, complaints)
	}
	l.broken = nil
}

// mm returns the locks of a new address space.
func (l *lab) mm(name string) *MMLock {
	m := new(MMLock)
	m.Init(l.rcu, l.rules, l.cache)
	if l.asV6 {
		m.Generation = RefcountV6
	}
	l.name(unsafe.Pointer(m), name, &mmLockLayout)
	return m
}

// name names the cells of an object that was made unobserved.
func (l *lab) name(base unsafe.Pointer, name string, layout *task.Layout) {
	for _, f := range layout.Fields {
		l.names[unsafe.Add(base, f.Offset)] = name + "." + f.Name
	}
}

// detached returns a new VMA of mm that no task can find.
func (l *lab) detached(mm *MMLock) *VMA {
	v, err := l.cache.Alloc(l.boot, mm, testStart, testEnd, 0, testFlags)
	if err != nil {
		panic(err)
	}
	l.name(unsafe.Pointer(v), "vma", &fieldLayout)
	return v
}

// attached returns a VMA of mm as mmap leaves it: write-locked in a section that has ended, and attached.
func (l *lab) attached(mm *MMLock) *VMA {
	v := l.detached(mm)
	mm.MmapWriteLock(l.boot)
	mm.StartWrite(l.boot, v)
	mm.MarkAttached(l.boot, v)
	mm.MmapWriteUnlock(l.boot)
	return v
}

// endRead gives the read lock of v back.
func endRead(t *task.Task, m *MMLock, v *VMA) { m.EndRead(t, ReadLock{VMA: v}) }

// readLock does with v as lock_vma_under_rcu does with a VMA that it has found: it reports whether v is read-locked, and has left
// the RCU section.
func readLock(t *task.Task, mm *MMLock, v *VMA) ReadResult {
	mm.RCU.ReadLock(t)
	res := mm.StartRead(t, v)
	if res == ReadLocked || !mm.DropsRCU() {
		mm.RCU.ReadUnlock(t)
	}
	return res
}

func (r ReadResult) String() string { return [...]string{"locked", "busy", "detached"}[r] }

// world returns the world of bodies whose tasks' broken rules the lab collects.
func (l *lab) world(bodies ...func(*task.Task)) exploretest.World {
	return exploretest.World{Bodies: bodies, Names: l.names, New: func(_ int, name string) *task.Task { return l.task(name) }}
}
