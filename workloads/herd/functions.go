package herd

import (
	"maps"
	"slices"

	"vmasim/internal/task"
)

// function is one of the kernel's.
type function struct {
	args int
	do   func(r *run, args []int64) int64
}

// functions are those that a test may call, by name.
var functions = makeFunctions()

// known returns their names.
func known() []string { return slices.Sorted(maps.Keys(functions)) }

func makeFunctions() map[string]function {
	all := map[string]function{
		"READ_ONCE":            {1, func(r *run, a []int64) int64 { return r.at(a[0]).read(r.t) }},
		"rcu_dereference":      {1, func(r *run, a []int64) int64 { return r.at(a[0]).read(r.t) }},
		"lockless_dereference": {1, func(r *run, a []int64) int64 { return r.at(a[0]).read(r.t) }},
		"atomic_read":          {1, func(r *run, a []int64) int64 { return r.at(a[0]).read(r.t) }},
		"smp_load_acquire":     {1, func(r *run, a []int64) int64 { return r.at(a[0]).acquire(r.t) }},
		"atomic_read_acquire":  {1, func(r *run, a []int64) int64 { return r.at(a[0]).acquire(r.t) }},
		"WRITE_ONCE":           {2, func(r *run, a []int64) int64 { r.at(a[0]).write(r.t, a[1]); return 0 }},
		"atomic_set":           {2, func(r *run, a []int64) int64 { r.at(a[0]).write(r.t, a[1]); return 0 }},
		"smp_store_release":    {2, func(r *run, a []int64) int64 { r.at(a[0]).release(r.t, a[1]); return 0 }},
		"atomic_set_release":   {2, func(r *run, a []int64) int64 { r.at(a[0]).release(r.t, a[1]); return 0 }},
		"rcu_assign_pointer":   {2, func(r *run, a []int64) int64 { r.at(a[0]).release(r.t, a[1]); return 0 }},
		"smp_store_mb": {2, func(r *run, a []int64) int64 {
			r.at(a[0]).write(r.t, a[1])
			r.t.Fence(task.OpMB)
			return 0
		}},
		"spin_lock":      {1, func(r *run, a []int64) int64 { r.at(a[0]).lock.Lock(r.t); return 0 }},
		"spin_unlock":    {1, func(r *run, a []int64) int64 { r.at(a[0]).lock.Unlock(r.t); return 0 }},
		"spin_is_locked": {1, func(r *run, a []int64) int64 { return truth(r.at(a[0]).lock.IsLocked(r.t)) }},
		"srcu_read_lock": {1, func(r *run, a []int64) int64 {
			r.domain(r.at(a[0]).name).ReadLock(r.t)
			return 0
		}},
		"srcu_read_unlock": {2, func(r *run, a []int64) int64 {
			r.domain(r.at(a[0]).name).ReadUnlock(r.t)
			return 0
		}},
		"spin_trylock": {1, func(r *run, a []int64) int64 { return truth(r.at(a[0]).lock.Trylock(r.t)) }},
		"barrier":      {0, func(*run, []int64) int64 { return 0 }}, // the compiler does nothing here
		"rcu_read_lock": {0, func(r *run, _ []int64) int64 {
			r.domain("").ReadLock(r.t)
			return 0
		}},
		"rcu_read_unlock": {0, func(r *run, _ []int64) int64 {
			r.domain("").ReadUnlock(r.t)
			return 0
		}},
	}
	for _, end := range []string{"", "_expedited"} {
		all["synchronize_rcu"+end] = function{0, func(r *run, _ []int64) int64 { r.domain("").Synchronize(r.t); return 0 }}
		all["synchronize_srcu"+end] = function{1, func(r *run, a []int64) int64 { r.domain(r.at(a[0]).name).Synchronize(r.t); return 0 }}
	}
	for name, op := range map[string]task.Op{
		"smp_mb": task.OpMB, "smp_mb__before_atomic": task.OpMB, "smp_mb__after_atomic": task.OpMB, "smp_mb__after_spinlock": task.OpMB,
		"smp_mb__after_unlock_lock": task.OpMB, "smp_rmb": task.OpRMB, "smp_wmb": task.OpWMB,
	} {
		all[name] = function{0, func(r *run, _ []int64) int64 { r.t.Fence(op); return 0 }}
	}
	for end, order := range map[string]task.Order{"": task.Full, "_acquire": task.Acquire, "_release": task.Release, "_relaxed": task.Relaxed} {
		atomics(all, end, order)
	}
	for name, d := range map[string]int64{"inc": 1, "dec": -1} { // they order nothing
		all["atomic_"+name] = function{1, func(r *run, a []int64) int64 { return r.at(a[0]).add(r.t, task.Relaxed, d) }}
		all["atomic_"+name+"_and_test"] = function{1, func(r *run, a []int64) int64 { return truth(r.at(a[0]).add(r.t, task.Full, d)+d == 0) }}
	}
	all["atomic_add"] = function{2, func(r *run, a []int64) int64 { return r.at(a[1]).add(r.t, task.Relaxed, a[0]) }}
	all["atomic_sub"] = function{2, func(r *run, a []int64) int64 { return r.at(a[1]).add(r.t, task.Relaxed, -a[0]) }}
	return all
}

// atomics adds the read-modify-writes of an order, whose names have an end for it.
func atomics(all map[string]function, end string, order task.Order) {
	for _, name := range []string{"xchg", "atomic_xchg"} {
		all[name+end] = function{2, func(r *run, a []int64) int64 { return r.at(a[0]).xchg(r.t, order, a[1]) }}
	}
	for _, name := range []string{"cmpxchg", "atomic_cmpxchg"} {
		all[name+end] = function{3, func(r *run, a []int64) int64 { return r.at(a[0]).cmpxchg(r.t, order, a[1], a[2]) }}
	}
	all["atomic_add_return"+end] = function{2, func(r *run, a []int64) int64 { return r.at(a[1]).add(r.t, order, a[0]) + a[0] }}
	all["atomic_sub_return"+end] = function{2, func(r *run, a []int64) int64 { return r.at(a[1]).add(r.t, order, -a[0]) - a[0] }}
	all["atomic_fetch_add"+end] = function{2, func(r *run, a []int64) int64 { return r.at(a[1]).add(r.t, order, a[0]) }}
	all["atomic_fetch_sub"+end] = function{2, func(r *run, a []int64) int64 { return r.at(a[1]).add(r.t, order, -a[0]) }}
	for name, d := range map[string]int64{"inc": 1, "dec": -1} {
		all["atomic_"+name+"_return"+end] = function{1, func(r *run, a []int64) int64 { return r.at(a[0]).add(r.t, order, d) + d }}
		all["atomic_fetch_"+name+end] = function{1, func(r *run, a []int64) int64 { return r.at(a[0]).add(r.t, order, d) }}
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
