package fault

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

const page = linux.PageSize

// fixture is a machine with one task and one address space. It must be empty again when the test has ended.
type fixture struct {
	*testing.T
	m  *mm.Machine
	t  *task.Task
	mm *mm.MM

	stuck bool // it cannot be emptied
}

func newFixture(tb *testing.T) *fixture { return newFixtureOn(tb, mm.Config{}) }

// newFixtureOn has a machine with settings.
func newFixtureOn(tb *testing.T, cfg mm.Config) *fixture {
	return newFixtureUnder(tb, rules.Default, cfg)
}

// newFixtureUnder has a machine under rules.
func newFixtureUnder(tb *testing.T, spec string, cfg mm.Config) *fixture {
	rs, err := rules.Parse(spec)
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Rules, cfg.Memory, cfg.ValidateWrites = rs, 32<<20, true
	cfg.Report = func(v task.Violation) { tb.Error(v) }
	m, err := NewMachine(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{T: tb, m: m, t: m.NewTask("test")}
	if f.mm, err = m.NewMM(f.t, "main"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if f.stuck {
			return
		}
		f.mm.Put(f.t)
		m.EndTask(f.t)
		cleaner := m.NewTask("cleaner")
		m.Settle(cleaner)
		m.EndTask(cleaner)
		if leaks := m.Leaks(); leaks != "" {
			tb.Error("leaked:", leaks)
		}
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

func (f *fixture) mmap(addr, length uint64, prot, flags int) uint64 {
	f.Helper()
	a, err := f.mm.Mmap(f.t, mm.MmapArgs{Addr: addr, Len: length, Prot: prot, Flags: flags})
	if err != nil {
		f.Fatal(err)
	}
	return a
}

func (f *fixture) want(res linux.AccessEnd, want linux.AccessEnd, what string) {
	f.Helper()
	if res != want {
		f.Errorf("%s: %s, expected %s", what, res, want)
	}
}

const (
	rw          = linux.PROT_READ | linux.PROT_WRITE
	privateAnon = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS
	sharedAnon  = linux.MAP_SHARED | linux.MAP_ANONYMOUS
)

func TestAnonymous(t *testing.T) {
	f := newFixture(t)
	a := f.mmap(0, 4*page, rw, privateAnon)
	v, res := Load(f.t, f.mm, a)
	f.want(res, linux.OK, "load of an untouched page")
	if v != 0 {
		t.Errorf("an untouched page holds %#x", v)
	}
	f.want(Store(f.t, f.mm, a, 42), linux.OK, "store over the zero page")
	f.want(Store(f.t, f.mm, a+page, 43), linux.OK, "first store")
	for i, want := range []uint64{42, 43, 0} {
		if v, _ := Load(f.t, f.mm, a+uint64(i)*page); v != want {
			t.Errorf("page %d holds %d, expected %d", i, v, want)
		}
	}
	if err := f.mm.Madvise(f.t, a, 2*page, linux.MADV_DONTNEED); err != nil {
		t.Error(err)
	}
	if v, _ := Load(f.t, f.mm, a); v != 0 {
		t.Errorf("a dropped page holds %d", v)
	}
	f.want(Touch(f.t, f.mm, a, linux.Exec), linux.SegvAccerr, "fetch from rw memory")
	f.want(Touch(f.t, f.mm, a-page, linux.Read), linux.SegvMaperr, "read below")
	if err := f.mm.Mprotect(f.t, a, page, linux.PROT_READ); err != nil {
		t.Error(err)
	}
	f.want(Store(f.t, f.mm, a, 1), linux.SegvAccerr, "store to a read-only page")
	if n := f.t.Counters[task.FaultSegv]; n != 3 {
		t.Errorf("%d SEGV counted, expected 3", n)
	}
}

func TestForkCopiesOnWrite(t *testing.T) {
	f := newFixture(t)
	a := f.mmap(0, 2*page, rw, privateAnon)
	s := f.mmap(0, page, rw, sharedAnon)
	f.want(Store(f.t, f.mm, a, 1), linux.OK, "store")
	f.want(Store(f.t, f.mm, s, 1), linux.OK, "shared store")
	child, err := f.mm.Fork(f.t, "child")
	if err != nil {
		t.Fatal(err)
	}
	f.want(Store(f.t, child, a, 2), linux.OK, "child's store")
	f.want(Store(f.t, f.mm, a+page, 3), linux.OK, "parent's store")
	f.want(Store(f.t, child, s, 4), linux.OK, "child's shared store")
	for _, c := range []struct {
		mm   *mm.MM
		addr uint64
		want uint64
	}{{f.mm, a, 1}, {child, a, 2}, {f.mm, a + page, 3}, {child, a + page, 0}, {f.mm, s, 4}, {child, s, 4}} {
		if v, res := Load(f.t, c.mm, c.addr); v != c.want || res != linux.OK {
			t.Errorf("%s at %#x: %d %s, expected %d", c.mm.Name, c.addr, v, res, c.want)
		}
	}
	child.MmapWriteLock(f.t)
	for _, v := range child.Validate(f.t) {
		t.Error(v)
	}
	child.MmapWriteUnlock(f.t)
	child.Put(f.t)
}

func TestOutOfFrames(t *testing.T) {
	f := newFixture(t)
	a := f.mmap(0, 64<<20, rw, privateAnon)
	var res linux.AccessEnd
	n := uint64(0)
	for ; res == linux.OK && n < 64<<20/page; n++ {
		res = Touch(f.t, f.mm, a+n*page, linux.Write)
	}
	f.want(res, linux.OOM, "touching more memory than there is")
	if err := f.mm.Munmap(f.t, a, 64<<20); err != nil {
		t.Error(err)
	}
	b := f.mmap(0, page, rw, privateAnon)
	f.want(Touch(f.t, f.mm, b, linux.Write), linux.OK, "touch after munmap")
}

// TestFaultsBesideWriters lets tasks fault in VMAs that others map, unmap, split and merge.
func TestFaultsBesideWriters(t *testing.T) {
	f := newFixture(t)
	a := f.mmap(0, 64*page, rw, privateAnon)
	done := make(chan struct{})
	var tasks []*task.Task
	run := func(name string, body func(tk *task.Task, i uint64)) {
		tk := f.m.NewTask(name)
		tasks = append(tasks, tk)
		go func() {
			defer func() { done <- struct{}{} }()
			for i := uint64(0); i < 3000; i++ {
				body(tk, i)
			}
			f.m.EndTask(tk)
		}()
	}
	for range 2 {
		run("faulter", func(tk *task.Task, i uint64) {
			switch res := Store(tk, f.mm, a+i*7%64*page, i); res {
			case linux.OK, linux.SegvMaperr, linux.SegvAccerr:
			default:
				t.Errorf("store: %s", res)
			}
		})
	}
	run("unmapper", func(tk *task.Task, i uint64) {
		at := a + i%60*page
		if err := f.mm.Munmap(tk, at, 4*page); err != nil {
			t.Error(err)
		}
		if _, err := f.mm.Mmap(tk, mm.MmapArgs{Addr: at, Len: 4 * page, Prot: rw, Flags: privateAnon | linux.MAP_FIXED}); err != nil {
			t.Error(err)
		}
	})
	run("protector", func(tk *task.Task, i uint64) {
		at := a + i*3%60*page
		_ = f.mm.Mprotect(tk, at, 2*page, linux.PROT_READ)
		_ = f.mm.Mprotect(tk, at, 2*page, rw)
	})
	run("forker", func(tk *task.Task, i uint64) {
		if i%100 != 0 {
			return
		}
		child, err := f.mm.Fork(tk, "child")
		if err != nil {
			t.Error(err)
			return
		}
		Store(tk, child, a, i)
		child.Put(tk)
	})
	for range tasks {
		<-done
	}
	var sum task.Counters
	for _, tk := range tasks {
		sum.Add(&tk.Counters)
	}
	if sum[task.VMALockSuccess] == 0 {
		t.Error("no fault was handled under the VMA lock")
	}
}
