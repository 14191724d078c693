package ksync

import (
	"sync/atomic"
	"unsafe"
)

// Fetch has the processor fetch a line that will be read soon. Go has no prefetch: this loads a word, for which nothing waits but the next locked
// instruction.
func Fetch(word unsafe.Pointer) { atomic.LoadUint32((*uint32)(word)) }
