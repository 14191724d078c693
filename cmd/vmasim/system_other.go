//go:build !linux

package main

import "os"

// isTerminalFile reports whether a file is a terminal, or another device that takes one character after the other.
func isTerminalFile(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
