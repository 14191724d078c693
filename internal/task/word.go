//go:build !wasm

package task

import "sync/atomic"

// Word32 and Word64 are what cells are made of.
type (
	Word32 = atomic.Uint32
	Word64 = atomic.Uint64
)
