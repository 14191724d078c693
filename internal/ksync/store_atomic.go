//go:build (!amd64 && !wasm) || race

package ksync

import (
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// fence has nothing to do: sequentially consistent stores are ordered before later loads.
func fence() {}

func store32(p *task.Word32, v uint32) { p.Store(v) }

func storeUint32(p *uint32, v uint32) { atomic.StoreUint32(p, v) }

func storeInt32(p *int32, v int32) { atomic.StoreInt32(p, v) }

func store64(p *task.Word64, v uint64) { p.Store(v) }

func storePointer(p *unsafe.Pointer, v unsafe.Pointer) { atomic.StorePointer(p, v) }
