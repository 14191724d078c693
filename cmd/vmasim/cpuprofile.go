package main

import (
	"errors"
	"os"
	"runtime/pprof"
)

// profiled begins to note in a file where the CPU time goes, until end is called; "": it does not.
func profiled(file string) (end func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // there is nothing more to say about it
	}, nil
}
