package measure

import (
	"fmt"
	"runtime"
	"time"
)

// machine is what the harness asks of the computer it runs on; tests give it a false one.
type machine interface {
	// now is a monotonic clock.
	now() time.Duration
	// threadCPU is the CPU time of the calling thread.
	threadCPU() time.Duration
	// othersCPU is the CPU time that others than this process have used, to a tick or two.
	othersCPU() time.Duration
	// cpus is how many CPUs this process may use.
	cpus() int
	// pin binds the calling thread to the index-th CPU (modulo their number) until the function it returns is called.
	pin(index int) (unpin func())
	// yield gives the calling thread's CPU to another thread.
	yield()
	// waitQuiet waits until other work uses at most the given part of the machine, no longer than patience, and
	// returns how long it waited.
	waitQuiet(others float64, patience time.Duration) time.Duration
}

// CPUs returns how many CPUs this process may run on: comparisons of two threads need two.
func CPUs() int { return newHost().cpus() }

// Host describes the machine, so that figures of different ones are not mixed: its system, its CPUs, and how many of them this process may use.
func Host() string {
	name := ""
	if model := cpuModel(); model != "" {
		name = ", " + model
	}
	return fmt.Sprintf("%s/%s, %d CPUs%s", runtime.GOOS, runtime.GOARCH, CPUs(), name)
}
