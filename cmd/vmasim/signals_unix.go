//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// endingSignals returns the signals that ask a program to end: interrupt, request to terminate and hang-up.
func endingSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup means to go on
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
