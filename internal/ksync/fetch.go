package ksync

import (
	"sync/atomic"
	"unsafe"
)

// Fetch has the processor fetch a line that will be read soon. Go has no prefetch: this loads a word, for which nothing waits.
func Fetch(word unsafe.Pointer) { atomic.LoadUintptr((*uintptr)(word)) }
