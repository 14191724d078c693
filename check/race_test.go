package check

import (
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// shared is what the programs below share.
type shared struct {
	threeLocks
	flag ksync.Atomic32
	ref  ksync.Refcount
	wait ksync.RCUWait
	rcu  *ksync.Domain
}

// raceProgram is two tasks that use x.word, and whether that is a race.
type raceProgram struct {
	first, second func(t *task.Task, x *shared)
	race          bool
}

func write(t *task.Task, x *shared) { t.Enter("writer"); x.word.Write(t, 1); t.Leave() }
func read(t *task.Task, x *shared)  { t.Enter("reader"); x.word.Read(t); t.Leave() }

var racePrograms = map[string]raceProgram{
	"write and write": {write, write, true},
	"write and read":  {write, read, true},
	"read and write":  {read, write, true},
	"read and read":   {read, read, false},
	"spinlock": {
		func(t *task.Task, x *shared) { x.c.Lock(t); write(t, x); x.c.Unlock(t) },
		func(t *task.Task, x *shared) { x.c.Lock(t); write(t, x); x.c.Unlock(t) }, false},
	"mutex": {
		func(t *task.Task, x *shared) { x.b.Lock(t); write(t, x); x.b.Unlock(t) },
		func(t *task.Task, x *shared) { x.b.Lock(t); read(t, x); x.b.Unlock(t) }, false},
	"two locks": {
		func(t *task.Task, x *shared) { x.b.Lock(t); write(t, x); x.b.Unlock(t) },
		func(t *task.Task, x *shared) { x.c.Lock(t); write(t, x); x.c.Unlock(t) }, true},
	"rwsem, reader and writer": {
		func(t *task.Task, x *shared) { x.a.DownRead(t); read(t, x); x.a.UpRead(t) },
		func(t *task.Task, x *shared) { x.a.DownWrite(t); write(t, x); x.a.UpWrite(t) }, false},
	"rwsem, two readers that write": {
		func(t *task.Task, x *shared) { x.a.DownRead(t); write(t, x); x.a.UpRead(t) },
		func(t *task.Task, x *shared) { x.a.DownRead(t); write(t, x); x.a.UpRead(t) }, true},
	"rwsem, downgraded": {
		func(t *task.Task, x *shared) {
			x.a.DownWrite(t)
			write(t, x)
			x.a.DowngradeWrite(t)
			read(t, x)
			x.a.UpRead(t)
		},
		func(t *task.Task, x *shared) { x.a.DownRead(t); read(t, x); x.a.UpRead(t) }, false},
	"release and acquire": {
		func(t *task.Task, x *shared) { write(t, x); x.flag.StoreRelease(t, 1) },
		func(t *task.Task, x *shared) { awaitFlag(t, x, x.flag.LoadAcquire); read(t, x) }, false},
	"relaxed store": {
		func(t *task.Task, x *shared) { write(t, x); x.flag.WriteOnce(t, 1) },
		func(t *task.Task, x *shared) { awaitFlag(t, x, x.flag.LoadAcquire); read(t, x) }, true},
	"release that a rule has taken away": {
		func(t *task.Task, x *shared) {
			t.Memory = task.Latest{}
			write(t, x)
			t.Unordered()
			x.flag.StoreRelease(t, 1)
		},
		func(t *task.Task, x *shared) { awaitFlag(t, x, x.flag.LoadAcquire); read(t, x) }, true},
	"relaxed load": {
		func(t *task.Task, x *shared) { write(t, x); x.flag.StoreRelease(t, 1) },
		func(t *task.Task, x *shared) { awaitFlag(t, x, x.flag.ReadOnce); read(t, x) }, true},
	"relaxed load before a store": { // a control dependency
		func(t *task.Task, x *shared) { read(t, x); x.flag.StoreRelease(t, 1) },
		func(t *task.Task, x *shared) { awaitFlag(t, x, x.flag.ReadOnce); write(t, x) }, false},
	"last reference": {
		func(t *task.Task, x *shared) { read(t, x); x.ref.DecAndTest(t) },
		func(t *task.Task, x *shared) {
			for x.ref.Read(t) != 1 {
			}
			x.ref.DecAndTest(t)
			write(t, x)
		}, false},
	"grace period": {
		func(t *task.Task, x *shared) {
			x.rcu.ReadLock(t)
			read(t, x)
			x.rcu.ReadUnlock(t)
			x.flag.WriteOnce(t, 1)
		},
		func(t *task.Task, x *shared) { awaitFlag(t, x, x.flag.ReadOnce); x.rcu.Synchronize(t); write(t, x) }, false},
	"wake-up": {
		func(t *task.Task, x *shared) { write(t, x); x.flag.WriteOnce(t, 1); x.wait.WakeUp(t) },
		func(t *task.Task, x *shared) {
			_ = x.wait.WaitEvent(t, unsafe.Pointer(&x.flag), task.Uninterruptible, func() bool { return x.flag.Peek() == 1 })
			read(t, x)
		}, false},
}

func awaitFlag(t *task.Task, x *shared, look func(*task.Task) uint32) {
	for look(t) == 0 {
	}
}

// TestDataRace runs each program in several schedules: a race is a race in all that have both accesses.
func TestDataRace(t *testing.T) {
	for name, p := range racePrograms {
		for seed := range uint64(30) {
			if name == "wake-up" && seed > 0 {
				break // only who sleeps is woken
			}
			l := newLockLab(t, "", "data-race")
			x := &shared{rcu: l.rcu}
			x.ref.Init(2)
			l.c.Born(l.boot, unsafe.Pointer(x), &threeLayout)
			turn := exploretest.Random(seed)
			if name == "wake-up" {
				turn = exploretest.Schedule(1, 1, 1, 1)
			}
			l.run(turn, func(tk *task.Task) { p.first(tk, x) }, func(tk *task.Task) { p.second(tk, x) })
			if got := l.names() == "data-race"; got != p.race {
				t.Errorf("%s, seed %d: race %v, expected %v\n%s", name, seed, got, p.race, &l.findings)
				break
			}
		}
	}
}

func TestDataRaceReport(t *testing.T) {
	l := newLockLab(t, "", "data-race")
	x := &shared{}
	l.c.Born(l.boot, unsafe.Pointer(x), &threeLayout)
	l.run(exploretest.Schedule(0), func(tk *task.Task) { write(tk, x) }, func(tk *task.Task) { read(tk, x) })
	want := strings.TrimPrefix(`
data-race in writer / reader
  read of three#1.word of 8 bytes by task b:
    reader
  write to three#1.word of 8 bytes by task a:
    writer
  value changed: 0x0 -> 0x1`, "\n")
	if len(l.list) != 1 || l.list[0].Message != want {
		t.Errorf("%s\nexpected\n%s", &l.findings, want)
	}
}

// TestInitComesFirst: what sets the world up is not beside the tasks.
func TestInitComesFirst(t *testing.T) {
	l := newLockLab(t, "", "data-race")
	x := &shared{}
	l.c.Born(l.boot, unsafe.Pointer(x), &threeLayout)
	write(l.boot, x)
	l.run(nil, func(tk *task.Task) { write(tk, x) })
	l.want("")
}

// TestVMALockOrders: what the VMA lock protects is ordered by it, and by nothing else.
func TestVMALockOrders(t *testing.T) {
	for _, locked := range []bool{true, false} {
		raced := false
		for seed := range uint64(40) {
			l := newLockLab(t, "", "data-race")
			m := l.mm()
			v := l.attached(m)
			l.run(exploretest.Random(seed), func(tk *task.Task) {
				if readLock(tk, m, v) {
					v.Flags(tk)
					endRead(tk, m, v)
				}
			}, func(tk *task.Task) {
				m.MmapWriteLock(tk)
				if locked {
					m.StartWrite(tk, v)
				}
				v.SetFlags(tk, linux.VMRead)
				m.MmapWriteUnlock(tk)
			})
			raced = raced || len(l.list) > 0
		}
		if raced == locked {
			t.Errorf("write-locked %v: race %v", locked, raced)
		}
	}
}

// TestTSOOrders: on x86 a store is ordered behind what comes before it, and a load before what comes behind it, without being asked.
func TestTSOOrders(t *testing.T) {
	for _, tso := range []bool{false, true} {
		raced := false
		for seed := range uint64(40) {
			l := newLockLab(t, "", "data-race")
			if tso {
				l.c.TSO()
			}
			x, ready := &shared{}, &ksync.Atomic32{}
			l.c.Born(l.boot, unsafe.Pointer(x), &threeLayout)
			l.run(exploretest.Random(seed), func(tk *task.Task) {
				write(tk, x)
				ready.WriteOnce(tk, 1)
			}, func(tk *task.Task) {
				if ready.ReadOnce(tk) == 1 {
					write(tk, x)
				}
			})
			raced = raced || len(l.list) > 0
		}
		if raced == tso {
			t.Errorf("tso %v: race %v", tso, raced)
		}
	}
}
