package check

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/fault"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// tee passes what a task does to the scheduler first, then to a checker.
type tee struct {
	task.Observer
	c      *Checker
	choose func(what task.Choice, n int) int // decides what is no scheduling; nil: nothing fails
}

func (o tee) Choose(_ *task.Task, what task.Choice, n int) int {
	if o.choose == nil {
		return 0
	}
	return o.choose(what, n)
}

func (o tee) Before(t *task.Task, e *task.Event) {
	o.Observer.Before(t, e)
	o.c.Before(t, e)
}

func (o tee) After(t *task.Task, e *task.Event) {
	o.Observer.After(t, e)
	o.c.After(t, e)
}

func (o tee) Born(t *task.Task, base unsafe.Pointer, l *task.Layout) {
	o.Observer.Born(t, base, l)
	o.c.Born(t, base, l)
}

func (o tee) Died(t *task.Task, base unsafe.Pointer) {
	o.Observer.Died(t, base)
	o.c.Died(t, base)
}

// findings collects what is reported under the names that a checker wants.
type findings struct {
	c      *Checker
	list   []task.Violation
	choose func(what task.Choice, n int) int // of the scheduled tasks; nil: nothing fails
}

func (f *findings) report(v task.Violation) {
	if f.c.Wants(v.Oracle) {
		f.list = append(f.list, v)
	}
}

// names returns the oracles that spoke, sorted, each once.
func (f *findings) names() string {
	var names []string
	for _, v := range f.list {
		names = append(names, v.Oracle)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

func (f *findings) String() string {
	var b strings.Builder
	for _, v := range f.list {
		b.WriteString(v.String() + "\n")
	}
	return b.String()
}

// lockLab is the parts of the lock protocol: what a test of one oracle needs.
type lockLab struct {
	findings
	tb    testing.TB
	rules rules.Set
	rcu   *ksync.Domain
	cache *vma.Cache
	boot  *task.Task
	m     *vma.MMLock // of the tests that need but one
	v     *vma.VMA
}

const (
	testStart = 0x10000
	testEnd   = 0x14000
	testFlags = linux.VMRead | linux.VMWrite | linux.VMMayRead | linux.VMMayWrite
)

func newLockLab(tb testing.TB, spec string, names ...string) *lockLab {
	tb.Helper()
	l := &lockLab{tb: tb}
	var err error
	if l.rules, err = rules.Parse(spec); err != nil {
		tb.Fatal(err)
	}
	if len(names) == 0 {
		names = Names(ByWatcher)
	}
	if l.c, err = New(l.report, names...); err != nil {
		tb.Fatal(err)
	}
	l.rcu = ksync.NewDomain(task.SlotRCU)
	l.cache = vma.NewCache(vma.ReuseOf(l.rules), l.rcu)
	l.boot = l.task(0, "boot", l.report)
	l.boot.Observer = watching{l.c}
	return l
}

// watching lets a checker watch what runs unscheduled.
type watching struct{ *Checker }

func (l *lockLab) task(id int, name string, report func(task.Violation)) *task.Task {
	t := task.New(id, name, report)
	l.rcu.Register(t)
	return t
}

func (l *lockLab) mm() *vma.MMLock {
	m := new(vma.MMLock)
	m.Init(l.rcu, l.rules, l.cache)
	l.c.Born(l.boot, unsafe.Pointer(m), vma.MMLockLayout())
	return m
}

// alloc returns a detached VMA of mm.
func (l *lockLab) alloc(t *task.Task, m *vma.MMLock) *vma.VMA {
	v, err := l.cache.Alloc(t, m, testStart, testEnd, testStart>>12, testFlags)
	if err != nil {
		l.tb.Fatal(err)
	}
	return v
}

// attached returns a VMA of mm as mmap leaves it.
func (l *lockLab) attached(m *vma.MMLock) *vma.VMA {
	m.MmapWriteLock(l.boot)
	v := l.alloc(l.boot, m)
	m.StartWrite(l.boot, v)
	m.MarkAttached(l.boot, v)
	m.MmapWriteUnlock(l.boot)
	return v
}

// run runs tasks one step at a time under the checker.
func (l *lockLab) run(turn exploretest.Turn, bodies ...func(*task.Task)) {
	l.tb.Helper()
	l.steps(l.tb, turn, exploretest.World{Bodies: bodies, New: func(i int, name string) *task.Task { return l.task(i+1, name, l.report) }})
}

// steps runs tasks one step at a time under the checker.
func (f *findings) steps(tb testing.TB, turn exploretest.Turn, w exploretest.World) exploretest.Result {
	tb.Helper()
	f.c.Start()
	for i, body := range w.Bodies {
		w.Bodies[i] = func(t *task.Task) {
			t.Observer = tee{t.Observer, f.c, f.choose}
			body(t)
		}
	}
	res, err := exploretest.Run(turn, w)
	if err != nil {
		tb.Fatal(err)
	}
	f.c.Finish()
	return res
}

// want fails the test unless exactly these oracles spoke.
func (l *lockLab) want(names string) {
	l.tb.Helper()
	if got := l.names(); got != names {
		l.tb.Errorf("oracles %q spoke, expected %q\n%s", got, names, l)
	}
	l.list = nil
}

// endRead gives the read lock of v back.
func endRead(t *task.Task, m *vma.MMLock, v *vma.VMA) { m.EndRead(t, vma.ReadLock{VMA: v}) }

// readLock is what lock_vma_under_rcu does with a VMA that it has found.
func readLock(t *task.Task, m *vma.MMLock, v *vma.VMA) bool {
	m.RCU.ReadLock(t)
	locked := m.StartRead(t, v) == vma.ReadLocked
	if locked || !m.DropsRCU() {
		m.RCU.ReadUnlock(t)
	}
	return locked
}

// machineLab is a whole machine under a checker.
type machineLab struct {
	findings
	tb   testing.TB
	m    *mm.Machine
	boot *task.Task
	mm   *mm.MM
	kids []*mm.MM
	file *phys.File
}

const (
	page        = linux.PageSize
	testBase    = uint64(1) << 32
	rw          = linux.PROT_READ | linux.PROT_WRITE
	privateAnon = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS | linux.MAP_FIXED
	sharedAnon  = linux.MAP_SHARED | linux.MAP_ANONYMOUS | linux.MAP_FIXED
)

func at(n int) uint64 { return testBase + uint64(n)*page }

func newMachineLab(tb testing.TB, spec string, c *Checker) *machineLab {
	tb.Helper()
	rs, err := rules.Parse(spec)
	if err != nil {
		tb.Fatal(err)
	}
	l := &machineLab{tb: tb, findings: findings{c: c}}
	c.Reset()
	c.Report(l.report)
	if l.m, err = fault.NewMachine(mm.Config{Rules: rs, Memory: 1 << 20, EarlyGrace: true, Report: l.report}); err != nil {
		tb.Fatal(err)
	}
	l.boot = l.m.NewTask("boot")
	l.boot.Observer = watching{c}
	l.m.Mem.Announce(l.boot)
	if l.mm, err = l.m.NewMM(l.boot, "main"); err != nil {
		tb.Fatal(err)
	}
	return l
}

// mapFile maps a file of four pages at page n.
func (l *machineLab) mapFile(n, flags int) {
	path := filepath.Join(l.tb.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 4*page), 0o600); err != nil {
		l.tb.Fatal(err)
	}
	var err error
	if l.file, err = l.m.Mem.OpenFile(l.boot, path, linux.O_RDWR); err != nil {
		l.tb.Fatal(err)
	}
	if _, err := l.mm.Mmap(l.boot, mm.MmapArgs{Addr: at(n), Len: 4 * page, Prot: rw, Flags: flags | linux.MAP_FIXED, File: l.file}); err != nil {
		l.tb.Fatal(err)
	}
}

func (l *machineLab) mmap(t *task.Task, from, to, prot, flags int) {
	if _, err := l.mm.Mmap(t, mm.MmapArgs{Addr: at(from), Len: uint64(to-from) * page, Prot: prot, Flags: flags}); err != nil {
		l.failed(err)
	}
}

// failed complains about an error, unless it is one that was chosen.
func (l *machineLab) failed(err error) {
	if l.choose == nil || !errors.Is(err, linux.ENOMEM) && !errors.Is(err, linux.EINTR) {
		l.tb.Error(err)
	}
}

func (l *machineLab) munmap(t *task.Task, from, to int) {
	if err := l.mm.Munmap(t, at(from), uint64(to-from)*page); err != nil {
		l.failed(err)
	}
}

func (l *machineLab) mprotect(t *task.Task, from, to, prot int) {
	_ = l.mm.Mprotect(t, at(from), uint64(to-from)*page, prot) // ENOMEM where a hole is
}

func (l *machineLab) store(t *task.Task, n int) { fault.Store(t, l.mm, at(n), 1) }

func (l *machineLab) load(t *task.Task, n int) { fault.Load(t, l.mm, at(n)) }

func (l *machineLab) fork(t *task.Task) {
	child, err := l.mm.Fork(t, "child")
	if err != nil {
		l.failed(err)
		return
	}
	l.kids = append(l.kids, child)
}

// run runs tasks one step at a time, then takes the machine down.
func (l *machineLab) run(turn exploretest.Turn, bodies ...func(*task.Task)) exploretest.Result {
	l.tb.Helper()
	var made []*task.Task
	res := l.steps(l.tb, turn, exploretest.World{Bodies: bodies, New: func(_ int, name string) *task.Task {
		made = append(made, l.m.NewTask(name))
		return made[len(made)-1]
	}})
	l.boot.Observer = nil
	for _, t := range made {
		l.m.EndTask(t)
	}
	l.mm.Put(l.boot)
	for _, kid := range l.kids {
		kid.Put(l.boot)
	}
	if l.file != nil {
		if err := l.file.Put(l.boot); err != nil {
			l.tb.Error(err)
		}
	}
	l.m.Settle(l.boot)
	l.m.EndTask(l.boot)
	if err := l.m.Close(); err != nil {
		l.tb.Error(err)
	}
	return res
}

// refcntOf returns the vm_refcnt of a VMA, which no code but its own should touch.
func refcntOf(v *vma.VMA) *ksync.Refcount {
	return (*ksync.Refcount)(unsafe.Add(unsafe.Pointer(v), offsetOf(vma.Layout(), "vm_refcnt")))
}

// v32 returns the vm_lock_seq of a VMA.
func v32(v *vma.VMA) uint32 { return (&object{base: unsafe.Pointer(v)}).seq() }

func slicesHas(list []task.Violation, oracle string) bool {
	return slices.ContainsFunc(list, func(v task.Violation) bool { return v.Oracle == oracle })
}

// newAll returns a checker with all oracles. report receives what they find.
func newAll(report func(task.Violation)) *Checker {
	c, _ := New(report, Names(^Source(0))...)
	return c
}
