package lockpath

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// thread performs statements by system calls and plain accesses.
type thread struct {
	*child
	name       string
	env        *workloads.Env
	program    *workloads.Thread // nil for init and finally
	parties    []*interp.Party   // by barrier; nil: its thread does not mention it
	id         chan int          // the kernel's, once it lives
	done       chan struct{}
	walker     interp.Walker
	operations uint64
	begun      time.Time
}

// join makes the thread a party at the barriers that it comes to. self waits for it: of the simulator it has nothing but that.
func (t *thread) join(self *task.Task) {
	t.parties = make([]*interp.Party, len(t.barriers))
	for b := range t.barriers {
		if t.program.Meets(b) {
			t.parties[b] = t.barriers[b].Join(self)
		}
	}
}

// live is the life of a thread.
func (t *thread) live(w *warmUp, i int, gate <-chan struct{}) {
	runtime.LockOSThread() // and it ends with this
	w.join(i)
	t.id <- unix.Gettid()
	<-gate
	t.run(t.program.Body)
	for _, p := range t.parties {
		if p != nil {
			p.Leave()
		}
	}
	if !t.background() {
		t.front.Done()
	}
	close(t.done)
}

func (t *thread) run(body []*workloads.Stmt) {
	debug.SetPanicOnFault(true)
	t.begun = time.Now()
	t.walker.Runner = t
	t.walker.Run(t.env, body)
}

func (t *thread) background() bool { return t.program != nil && t.program.Background }

// leaving reports whether loops end after the pass they are in.
func (t *thread) leaving() bool { return t.background() && t.draining.Load() }

// Again implements [interp.Runner]: a repeat and a "for" make one pass at least.
func (t *thread) Again(l *interp.Loop) bool {
	switch {
	case (l.Pass > 0 || l.Stmt.Kind == workloads.KindForever) && t.leaving():
		return false
	case l.Stmt.Kind != workloads.KindFor:
		return true
	case l.Pass > 0:
		return time.Since(t.begun) < l.Until
	}
	d := l.Stmt.Duration
	if t.Duration > 0 {
		d = t.Duration
	}
	l.Until = time.Since(t.begun) + d
	return true
}

// In implements [interp.Runner]: a process has one address space, and is given what is done in that alone.
func (t *thread) In(s *workloads.Stmt) bool { panic(s.Kind.String()) }

// Operation implements [interp.Runner]: it performs a statement and compares its result with what it states.
func (t *thread) Operation(s *workloads.Stmt) bool {
	var out workloads.Outcome
	var err error
	switch s.Kind {
	case workloads.KindBarrier:
		p := t.parties[s.Barrier.Index]
		p.Come()
		_ = p.Wait(task.Uninterruptible) // which cannot fail
	case workloads.KindYield:
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	case workloads.KindMaps, workloads.KindValidate:
	default:
		t.operations++
		out, err = t.call(s)
	}
	if err != nil {
		t.findings.add(t.name, s, err.Error())
	} else if !t.allowed(s, out) {
		t.findings.add(t.name, s, label(out))
	}
	return true
}

// anySignal stands for whatever signal an access raised: Go does not tell which.
const anySignal = workloads.ResultSegv

func (t *thread) allowed(s *workloads.Stmt, out workloads.Outcome) bool {
	if out.Kind != anySignal {
		return s.Expect.Allows(out, t.env)
	}
	for _, kind := range []workloads.ResultKind{workloads.ResultSegvMaperr, workloads.ResultSegvAccerr, workloads.ResultSegvKernel, workloads.ResultSigbus} {
		if s.Expect.Allows(workloads.Outcome{Kind: kind}, t.env) {
			return true
		}
	}
	return false
}

func label(out workloads.Outcome) string {
	if out.Kind == anySignal {
		return "a signal"
	}
	return out.String()
}

// call makes the call that a statement stands for.
func (t *thread) call(s *workloads.Stmt) (out workloads.Outcome, err error) {
	c, err := interp.NewCall(s, t.env)
	if err != nil {
		return out, err
	}
	switch c.Kind {
	case workloads.KindTouch:
		end := c.Addr + c.Len
		for page := c.Addr; page < end && out.Kind == workloads.ResultOK; page = (page + linux.PageSize) &^ (linux.PageSize - 1) {
			out = touch(page, c.Access)
		}
	case workloads.KindLoad:
		out = load(c.Addr)
	case workloads.KindStore:
		out = store(c.Addr, c.Value)
	case workloads.KindHeap:
		out.Value = c.Addr
		err = placeHeap(c.Addr)
	default:
		out = t.systemCall(&c)
	}
	if err != nil {
		return out, err
	}
	if out.Kind == workloads.ResultOK {
		c.Bind(s, t.env, out.Value)
	}
	return out, nil
}

// systemCall makes a call of the kernel's. Go is told nothing of it: there is no other goroutine that this thread could let run.
func (t *thread) systemCall(c *interp.Call) workloads.Outcome {
	nr, a := c.SystemCall(t.fds)
	r, _, errno := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return interp.Failure(errno)
	}
	out := workloads.Outcome{Kind: workloads.ResultOK}
	if c.GivesAddress() {
		out.Value = uint64(r)
	}
	return out
}

func touch(addr uint64, access linux.Access) (out workloads.Outcome) {
	defer caught(&out)
	word := pointer[uint32](addr &^ 3)
	if access == linux.Write {
		atomic.AddUint32(word, 0) // leaves it as it is
	} else {
		atomic.LoadUint32(word)
	}
	return out
}

func load(addr uint64) (out workloads.Outcome) {
	defer caught(&out)
	out.Value = atomic.LoadUint64(pointer[uint64](addr))
	return out
}

func store(addr, value uint64) (out workloads.Outcome) {
	defer caught(&out)
	atomic.StoreUint64(pointer[uint64](addr), value)
	return out
}

// caught is deferred by accesses: a signal is an outcome.
func caught(out *workloads.Outcome) {
	p := recover()
	if p == nil {
		return
	}
	if _, signal := p.(runtime.Error); !signal {
		panic(p)
	}
	*out = workloads.Outcome{Kind: anySignal}
}

// pointer makes a pointer of an address that is none of Go's.
func pointer[T any](addr uint64) *T { return *(**T)(unsafe.Pointer(&addr)) }
