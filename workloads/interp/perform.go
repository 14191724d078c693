package interp

import (
	"errors"
	"fmt"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/workloads"
)

// Perform runs a statement that holds no others.
func (a *Actor) Perform(s *workloads.Stmt) workloads.Outcome {
	out := a.perform(s)
	if s.Awaited != 0 {
		a.Host.Passed(s)
	}
	return out
}

func (a *Actor) perform(s *workloads.Stmt) workloads.Outcome {
	if a.MM == nil && needsMM(s) {
		return Failure(linux.ESRCH)
	}
	switch s.Kind {
	case workloads.KindFork:
		return a.fork(s)
	case workloads.KindExit:
		return a.exit(s)
	case workloads.KindSessions:
		a.MM.AdvanceSeq(s.Count)
	case workloads.KindBarrier:
		a.Host.Meet(s)
	case workloads.KindAfter:
		a.Host.Await(s)
	case workloads.KindYield:
		a.Host.Yield()
	case workloads.KindValidate:
		return a.result(a.Host.Validate(a.MM))
	case workloads.KindMaps:
		return a.maps(s)
	default:
		return a.call(s)
	}
	return success(0)
}

// needsMM tells that a statement works on the address space the task is in. After its own exit it has none.
func needsMM(s *workloads.Stmt) bool {
	switch s.Kind {
	case workloads.KindBarrier, workloads.KindAfter, workloads.KindYield:
		return false
	case workloads.KindExit, workloads.KindMaps:
		return s.MM == nil
	}
	return true
}

// touchRange touches every page of a range, up to the first that fails.
func (a *Actor) touchRange(addr, size uint64, access linux.Access) workloads.Outcome {
	end := addr + size
	if end < addr {
		return notRun(workloads.ErrOverflow)
	}
	for page := addr &^ (linux.PageSize - 1); page < end && !a.Task.Killed(); page += linux.PageSize {
		a.Looking = page
		if res := fault.Touch(a.Task, a.MM, page, access); res != linux.OK {
			return workloads.AccessOutcome(res)
		}
	}
	return success(0)
}

func (a *Actor) load(addr uint64) workloads.Outcome {
	value, res := fault.Load(a.Task, a.MM, addr)
	out := workloads.AccessOutcome(res)
	out.Value = value
	return out
}

// lock read-locks a VMA as lock_vma_under_rcu does. EAGAIN means that its caller would go on under mmap_lock.
func (a *Actor) lock(addr uint64) workloads.Outcome {
	r := a.MM.LockVMAUnderRCU(a.Task, addr)
	if r.VMA == nil {
		return Failure(linux.EAGAIN)
	}
	a.MM.EndRead(a.Task, r)
	return success(0)
}

// walk reads a word as GUP-fast would: from a page that the tables map already, else EFAULT.
func (a *Actor) walk(addr uint64) workloads.Outcome {
	value, ok := fault.Walk(a.Task, a.MM, addr)
	if !ok {
		return Failure(linux.EFAULT)
	}
	return success(value)
}

// call makes the call that a statement stands for.
func (a *Actor) call(s *workloads.Stmt) workloads.Outcome {
	var c Call
	if err := c.evaluate(s, a.Env); err != nil {
		return notRun(err)
	}
	out := a.Do(&c)
	if s.Region != nil && out.Kind == workloads.ResultOK {
		c.Bind(s, a.Env, out.Value)
	}
	return out
}

// Do makes a call whose operands are evaluated: an access or a system call other than fork and exit.
func (a *Actor) Do(c *Call) workloads.Outcome {
	a.Looking, a.Several = c.Addr, calls[c.Kind].traits&several != 0
	switch c.Kind {
	case workloads.KindTouch:
		if c.Pages {
			return a.touchRange(c.Addr, c.Len, c.Access)
		}
		return workloads.AccessOutcome(fault.Touch(a.Task, a.MM, c.Addr, c.Access))
	case workloads.KindLoad:
		return a.load(c.Addr)
	case workloads.KindStore:
		return workloads.AccessOutcome(fault.Store(a.Task, a.MM, c.Addr, c.Value))
	case workloads.KindLock:
		return a.lock(c.Addr)
	case workloads.KindWalk:
		return a.walk(c.Addr)
	}
	do := calls[c.Kind].do
	if do == nil {
		panic(fmt.Sprintf("%v cannot be run", c.Kind))
	}
	value, err := do(a, *c)
	if err != nil {
		return a.result(err)
	}
	return success(value)
}

func optional(e *workloads.Expr, env *workloads.Env) (uint64, error) {
	if e == nil {
		return 0, nil
	}
	return e.Eval(env)
}

func roundUp(n uint64) uint64 { return (n + linux.PageSize - 1) &^ (linux.PageSize - 1) }

// result is the outcome of a system call without a value.
func (a *Actor) result(err error) workloads.Outcome {
	if err == nil {
		return success(0)
	}
	a.why = err
	errno, ok := errors.AsType[linux.Errno](err)
	if !ok {
		panic(fmt.Sprintf("a system call failed without an errno: %v", err))
	}
	return Failure(errno)
}

func (a *Actor) fork(s *workloads.Stmt) workloads.Outcome {
	i := s.MM.Index
	if !a.Host.Reserve(i) {
		return Failure(linux.EEXIST)
	}
	child, err := a.MM.Fork(a.Task, s.MM.Name)
	a.Host.Publish(i, child)
	return a.result(err)
}

// exit drops the name's reference on an address space; the last of its users tears it down. If it is the one the task is
// in, the task leaves it, too.
func (a *Actor) exit(s *workloads.Stmt) workloads.Outcome {
	m := a.MM
	switch {
	case s.MM != nil:
		if m = a.Host.Remove(s.MM.Index); m == nil {
			return Failure(linux.ESRCH)
		}
	case !a.Host.Forget(m): // another task was faster
		a.Leave()
		return success(0)
	}
	if m == a.MM {
		a.Leave()
	}
	m.Put(a.Task)
	return success(0)
}
