//go:build !linux

package ksync

import "unsafe"

// adviseHugePages does nothing where they cannot be asked for.
func adviseHugePages(unsafe.Pointer, uintptr) {}
