//go:build !wasm

package task

import "sync/atomic"

// Word32 is a word of 32 bits that cells are made of.
type Word32 = atomic.Uint32

// Word64 is one of 64 bits.
type Word64 = atomic.Uint64
