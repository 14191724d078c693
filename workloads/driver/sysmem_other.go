//go:build !linux

package driver

import "math"

// availableMemory returns how many bytes programs can get, which is not asked here: nothing is limited.
func availableMemory() uint64 { return math.MaxUint64 }

// freeDisk returns how many bytes a directory's file system has left. Temporary files lie in memory here.
func freeDisk(string) uint64 { return math.MaxUint64 }
