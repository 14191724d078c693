//go:build !unix

package main

import "os"

// endingSignals returns the signals that ask a program to end.
func endingSignals() []os.Signal { return []os.Signal{os.Interrupt} }
