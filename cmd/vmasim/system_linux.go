package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isTerminalFile reports whether a file is a terminal.
func isTerminalFile(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
