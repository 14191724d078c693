package lockpath

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Go maps memory when it needs some, wherever the kernel finds a place: that may be where the scenario has just unmapped its
// own. So everything that Go will need it is made to map before.

// spareProcs are Go's processors beside one for each thread: for init, finally and the reader of our orders.
const spareProcs = 4

// grain is about as large as what a caught signal leaves behind.
type grain [4]uint64

// Go maps memory for its heap and for looking after it; the garbage collector, which uses both again, begins at gcPercent of
// Go's minimum, 4 MiB: before the reserve is used up.
const (
	heapInReserve = 128 << 20
	gcPercent     = 2000
)

// reserveHeap makes Go map memory for what the threads may allocate.
func reserveHeap() {
	debug.SetGCPercent(-1)
	reserve := make([]*grain, heapInReserve/unsafe.Sizeof(grain{}))
	for i := range reserve {
		reserve[i] = new(grain)
	}
	runtime.KeepAlive(reserve)
	debug.SetGCPercent(gcPercent)
	runtime.GC()
}

// warmUp gives each of Go's processors, of which there are n, the memory that it takes only once: n goroutines, all running at
// the same time, need some.
type warmUp struct {
	n            int32
	here, warmed atomic.Int32
}

// join is called by one of the n.
func (w *warmUp) join(i int) {
	await(&w.here, w.n)
	recordAllocation(i)
	signalled()
	await(&w.warmed, w.n)
}

// await waits without letting Go run anything else here.
func await(count *atomic.Int32, n int32) {
	for count.Add(1); count.Load() < n; {
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// spareThreads makes Go start n threads, and keep them for when it wants one.
func spareThreads(n int) {
	var here, gone sync.WaitGroup
	here.Add(n)
	for range n {
		gone.Go(func() {
			runtime.LockOSThread()
			here.Done()
			here.Wait() // holding the thread
			runtime.UnlockOSThread()
		})
	}
	gone.Wait()
}

// recordAllocation makes an allocation at a stack that is like no other, which the memory profile remembers: in that memory.
//
//go:noinline
func recordAllocation(depth int) *[64]byte {
	if depth > 0 {
		return recordAllocation(depth - 1)
	}
	return new([64]byte)
}

// signalled catches a signal, so that what that takes has been taken.
func signalled() {
	debug.SetPanicOnFault(true)
	touch(0, 0)
}
