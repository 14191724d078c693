package actor

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"vmasim/fault"
	"vmasim/mm"
	"vmasim/workloads"
)

// Perform runs a statement that holds no others.
func (a *Actor) Perform(s *workloads.Stmt) workloads.Outcome {
	if a.MM == nil && needsMM(s) {
		return Failure(unix.ESRCH)
	}
	switch s.Kind {
	case workloads.KindTouch:
		return a.touch(s)
	case workloads.KindLoad:
		return a.load(s)
	case workloads.KindStore:
		return a.store(s)
	case workloads.KindLock:
		return a.lock(s)
	case workloads.KindWalk:
		return a.walk(s)
	case workloads.KindMmap:
		return a.mmap(s)
	case workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise:
		return a.onRange(s)
	case workloads.KindFork:
		return a.fork(s)
	case workloads.KindExit:
		return a.exit(s)
	case workloads.KindSessions:
		a.MM.Age(s.Count)
	case workloads.KindBarrier:
		a.Host.Meet(s)
	case workloads.KindYield:
		a.Host.Yield()
	case workloads.KindValidate:
		return a.result(a.Host.Validate(a.MM))
	case workloads.KindMaps:
		return a.maps(s)
	default:
		panic(fmt.Sprintf("%v: %v cannot be run", s.Pos, s.Kind))
	}
	return success(0)
}

// needsMM tells that a statement works on the address space the task is in. After its own exit it has none.
func needsMM(s *workloads.Stmt) bool {
	switch s.Kind {
	case workloads.KindBarrier, workloads.KindYield:
		return false
	case workloads.KindExit, workloads.KindMaps:
		return s.MM == nil
	}
	return true
}

var faultAccess = [...]fault.Access{
	workloads.AccessRead:  fault.Read,
	workloads.AccessWrite: fault.Write,
	workloads.AccessExec:  fault.Exec,
}

func (a *Actor) touch(s *workloads.Stmt) workloads.Outcome {
	addr, err := s.Addr.Eval(a.Env)
	if err != nil {
		return notRun(err)
	}
	a.Looking = addr
	if s.Size == nil {
		return faultOutcomes[fault.Touch(a.Task, a.MM, addr, faultAccess[s.Access])]
	}
	size, err := s.Size.Eval(a.Env)
	if err != nil {
		return notRun(err)
	}
	end := addr + size
	if end < addr {
		return notRun(workloads.ErrOverflow)
	}
	for page := addr &^ (mm.PageSize - 1); page < end && !a.Task.Killed(); page += mm.PageSize {
		a.Looking = page
		if res := fault.Touch(a.Task, a.MM, page, faultAccess[s.Access]); res != fault.OK {
			return faultOutcomes[res]
		}
	}
	return success(0)
}

// word evaluates the address of a load or a store.
func (a *Actor) word(s *workloads.Stmt) (uint64, error) {
	addr, err := s.Addr.Eval(a.Env)
	if err == nil && addr%8 != 0 {
		err = errUnaligned
	}
	a.Looking = addr
	return addr, err
}

func (a *Actor) load(s *workloads.Stmt) workloads.Outcome {
	addr, err := a.word(s)
	if err != nil {
		return notRun(err)
	}
	value, res := fault.Load(a.Task, a.MM, addr)
	out := faultOutcomes[res]
	out.Value = value
	return out
}

func (a *Actor) store(s *workloads.Stmt) workloads.Outcome {
	addr, err := a.word(s)
	if err != nil {
		return notRun(err)
	}
	value, err := s.Value.Eval(a.Env)
	if err != nil {
		return notRun(err)
	}
	return faultOutcomes[fault.Store(a.Task, a.MM, addr, value)]
}

// lock read-locks a VMA as lock_vma_under_rcu does. EAGAIN means that its caller would go on under mmap_lock.
func (a *Actor) lock(s *workloads.Stmt) workloads.Outcome {
	addr, err := s.Addr.Eval(a.Env)
	if err != nil {
		return notRun(err)
	}
	a.Looking = addr
	v := a.MM.LockVMAUnderRCU(a.Task, addr)
	if v == nil {
		return Failure(unix.EAGAIN)
	}
	v.EndRead(a.Task)
	return success(0)
}

// walk reads a word as GUP-fast would: from a page that the tables map already, else EFAULT.
func (a *Actor) walk(s *workloads.Stmt) workloads.Outcome {
	addr, err := a.word(s)
	if err != nil {
		return notRun(err)
	}
	value, ok := fault.Walk(a.Task, a.MM, addr)
	if !ok {
		return Failure(unix.EFAULT)
	}
	return success(value)
}

func (a *Actor) mmap(s *workloads.Stmt) workloads.Outcome {
	args, err := a.mmapArgs(s)
	if err != nil {
		return notRun(err)
	}
	addr, err := a.MM.Mmap(a.Task, args)
	if err != nil {
		return a.result(err)
	}
	if s.Region != nil {
		a.Env.Regions[s.Region.Index] = workloads.Region{Base: addr, Size: roundUp(args.Len)}
	}
	return success(addr)
}

func (a *Actor) mmapArgs(s *workloads.Stmt) (args mm.MmapArgs, err error) {
	args.Prot, args.Flags = int(s.Prot), s.Flags|unix.MAP_PRIVATE
	if s.Backing.Shared {
		args.Flags = s.Flags | unix.MAP_SHARED
	}
	if f := s.Backing.File; f != nil {
		args.File = a.Files[f.Index]
	} else {
		args.Flags |= unix.MAP_ANONYMOUS
	}
	var errs [3]error
	args.Len, errs[0] = s.Size.Eval(a.Env)
	args.Addr, errs[1] = optional(s.Addr, a.Env)
	args.Offset, errs[2] = optional(s.Backing.Offset, a.Env)
	return args, errors.Join(errs[:]...)
}

func optional(e *workloads.Expr, env *workloads.Env) (uint64, error) {
	if e == nil {
		return 0, nil
	}
	return e.Eval(env)
}

func roundUp(n uint64) uint64 { return (n + mm.PageSize - 1) &^ (mm.PageSize - 1) }

// onRange runs a system call on a range, or on a whole region.
func (a *Actor) onRange(s *workloads.Stmt) workloads.Outcome {
	addr, err := s.Addr.Eval(a.Env)
	if err != nil {
		return notRun(err)
	}
	var size uint64
	if s.Size != nil {
		size, err = s.Size.Eval(a.Env)
	} else {
		size = a.Env.Regions[s.Addr.Region.Index].Size
	}
	if err != nil {
		return notRun(err)
	}
	a.Looking = addr
	switch s.Kind {
	case workloads.KindMunmap:
		err = a.MM.Munmap(a.Task, addr, size)
	case workloads.KindMprotect:
		err = a.MM.Mprotect(a.Task, addr, size, int(s.Prot))
	default:
		err = a.MM.Madvise(a.Task, addr, size, s.Advice)
	}
	return a.result(err)
}

// result is the outcome of a system call without a value.
func (a *Actor) result(err error) workloads.Outcome {
	if err == nil {
		return success(0)
	}
	a.why = err
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok {
		panic(fmt.Sprintf("a system call failed without an errno: %v", err))
	}
	return Failure(errno)
}

func (a *Actor) fork(s *workloads.Stmt) workloads.Outcome {
	i := s.MM.Index
	if !a.Host.Reserve(i) {
		return Failure(unix.EEXIST)
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
			return Failure(unix.ESRCH)
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
