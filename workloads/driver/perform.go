package driver

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"vmasim/fault"
	"vmasim/mm"
	"vmasim/workloads"
)

// perform runs an operation.
func (w *worker) perform(s *workloads.Stmt) workloads.Outcome {
	if w.mm == nil && needsMM(s) {
		return failure(unix.ESRCH)
	}
	switch s.Kind {
	case workloads.KindTouch:
		return w.touch(s)
	case workloads.KindLoad:
		return w.load(s)
	case workloads.KindStore:
		return w.store(s)
	case workloads.KindMmap:
		return w.mmap(s)
	case workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise:
		return w.onRange(s)
	case workloads.KindFork:
		return w.fork(s)
	case workloads.KindExit:
		return w.exit(s)
	case workloads.KindBarrier:
		w.barrier(s)
	case workloads.KindYield:
		runtime.Gosched()
	case workloads.KindValidate:
		return w.result(w.run.validate(w.task, w.mm))
	case workloads.KindMaps:
		return w.maps(s)
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

func (w *worker) touch(s *workloads.Stmt) workloads.Outcome {
	addr, err := s.Addr.Eval(w.env)
	if err != nil {
		return notRun(err)
	}
	if s.Size == nil {
		return faultOutcomes[fault.Touch(w.task, w.mm, addr, faultAccess[s.Access])]
	}
	size, err := s.Size.Eval(w.env)
	if err != nil {
		return notRun(err)
	}
	end := addr + size
	if end < addr {
		return notRun(workloads.ErrOverflow)
	}
	for page := addr &^ (mm.PageSize - 1); page < end && !w.run.over(killed); page += mm.PageSize {
		if res := fault.Touch(w.task, w.mm, page, faultAccess[s.Access]); res != fault.OK {
			return faultOutcomes[res]
		}
	}
	return success(0)
}

// word evaluates the address of a load or a store.
func (w *worker) word(s *workloads.Stmt) (uint64, error) {
	addr, err := s.Addr.Eval(w.env)
	if err == nil && addr%8 != 0 {
		err = errUnaligned
	}
	return addr, err
}

func (w *worker) load(s *workloads.Stmt) workloads.Outcome {
	addr, err := w.word(s)
	if err != nil {
		return notRun(err)
	}
	value, res := fault.Load(w.task, w.mm, addr)
	out := faultOutcomes[res]
	out.Value = value
	return out
}

func (w *worker) store(s *workloads.Stmt) workloads.Outcome {
	addr, err := w.word(s)
	if err != nil {
		return notRun(err)
	}
	value, err := s.Value.Eval(w.env)
	if err != nil {
		return notRun(err)
	}
	return faultOutcomes[fault.Store(w.task, w.mm, addr, value)]
}

func (w *worker) mmap(s *workloads.Stmt) workloads.Outcome {
	args, err := w.mmapArgs(s)
	if err != nil {
		return notRun(err)
	}
	addr, err := w.mm.Mmap(w.task, args)
	if err != nil {
		return w.result(err)
	}
	if s.Region != nil {
		w.env.Regions[s.Region.Index] = workloads.Region{Base: addr, Size: roundUp(args.Len)}
	}
	return success(addr)
}

func (w *worker) mmapArgs(s *workloads.Stmt) (args mm.MmapArgs, err error) {
	args.Prot, args.Flags = int(s.Prot), s.Flags|unix.MAP_PRIVATE
	if s.Backing.Shared {
		args.Flags = s.Flags | unix.MAP_SHARED
	}
	if f := s.Backing.File; f != nil {
		args.File = w.run.files[f.Index]
	} else {
		args.Flags |= unix.MAP_ANONYMOUS
	}
	var errs [3]error
	args.Len, errs[0] = s.Size.Eval(w.env)
	args.Addr, errs[1] = optional(s.Addr, w.env)
	args.Offset, errs[2] = optional(s.Backing.Offset, w.env)
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
func (w *worker) onRange(s *workloads.Stmt) workloads.Outcome {
	addr, err := s.Addr.Eval(w.env)
	if err != nil {
		return notRun(err)
	}
	var size uint64
	if s.Size != nil {
		size, err = s.Size.Eval(w.env)
	} else {
		size = w.env.Regions[s.Addr.Region.Index].Size
	}
	if err != nil {
		return notRun(err)
	}
	switch s.Kind {
	case workloads.KindMunmap:
		err = w.mm.Munmap(w.task, addr, size)
	case workloads.KindMprotect:
		err = w.mm.Mprotect(w.task, addr, size, int(s.Prot))
	default:
		err = w.mm.Madvise(w.task, addr, size, s.Advice)
	}
	return w.result(err)
}

// result is the outcome of a system call without a value.
func (w *worker) result(err error) workloads.Outcome {
	if err == nil {
		return success(0)
	}
	w.why = err
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok {
		panic(fmt.Sprintf("a system call failed without an errno: %v", err))
	}
	return failure(errno)
}

func (w *worker) fork(s *workloads.Stmt) workloads.Outcome {
	i := s.MM.Index
	if !w.run.hall.reserve(i) {
		return failure(unix.EEXIST)
	}
	child, err := w.mm.Fork(w.task, s.MM.Name)
	w.run.hall.publish(w.task, i, child)
	return w.result(err)
}

// exit drops the name's reference on an address space; the last of its users tears it down. If it is the one the task is
// in, the task leaves it, too.
func (w *worker) exit(s *workloads.Stmt) workloads.Outcome {
	m := w.mm
	switch {
	case s.MM != nil:
		if m = w.run.hall.remove(s.MM.Index); m == nil {
			return failure(unix.ESRCH)
		}
	case !w.run.hall.forget(m): // another task was faster
		w.put()
		return success(0)
	}
	if m == w.mm {
		w.put()
	}
	m.Put(w.task)
	return success(0)
}

func (w *worker) barrier(s *workloads.Stmt) {
	if w.run.hall.meet(w.seat, s.Barrier.Index) || w.run.over(killed) {
		return
	}
	w.gone = true
	w.blame(Unexpected{Pos: s.Pos, Stmt: s.String(), Got: "a deadlock", Expected: "the other tasks to come"})
}
