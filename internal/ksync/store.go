//go:build (amd64 || wasm) && !race

package ksync

import (
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// A relaxed or release store needs no more than a plain store on amd64, whose stores are seen in program order, and Go
// does not tear a word. Go's own atomic stores are sequentially consistent, which takes a locked instruction of some 20
// cycles; the kernel's WRITE_ONCE and smp_store_release do not ask for that, and a fault has half a dozen of them. Where a
// store must be ordered before a later load the cells use an exchange. WebAssembly has one thread, whose stores need no order.

// fence orders the stores before it before the loads after it: smp_mb.
func fence() {
	var word uint32
	atomic.AddUint32(&word, 0)
}

func store32(p *task.Word32, v uint32) { *(*uint32)(unsafe.Pointer(p)) = v }

func storeUint32(p *uint32, v uint32) { *p = v }

func storeInt32(p *int32, v int32) { *p = v }

func store64(p *task.Word64, v uint64) { *(*uint64)(unsafe.Pointer(p)) = v }

func storePointer(p *unsafe.Pointer, v unsafe.Pointer) { *p = v }
