package driver

import (
	"time"

	"vmasim/workloads"
)

// opStats is what one task measured of one kind of statement.
type opStats struct {
	count    uint64
	errors   []errorCount // few: searched from the start
	untimed  uint32       // executions until the next one that is timed
	duration *histogram   // nil until the first
}

// errorCount counts one outcome that is not success.
type errorCount struct {
	label string
	n     uint64
}

func (s *opStats) record(d time.Duration) {
	if s.duration == nil {
		s.duration = new(histogram)
	}
	s.duration.record(uint64(max(d, 0)))
}

func (s *opStats) fail(label string) { s.addError(label, 1) }

func (s *opStats) addError(label string, n uint64) {
	for i := range s.errors {
		if s.errors[i].label == label {
			s.errors[i].n += n
			return
		}
	}
	s.errors = append(s.errors, errorCount{label, n})
}

func (s *opStats) add(o *opStats) {
	s.count += o.count
	for _, e := range o.errors {
		s.addError(e.label, e.n)
	}
	if o.duration != nil {
		if s.duration == nil {
			s.duration = new(histogram)
		}
		s.duration.add(o.duration)
	}
}

// sampler draws which executions of a cheap operation are timed. The gaps are random, because a fixed one would fall
// into step with the scenario's loops.
type sampler struct{ state uint64 }

// sampleGap is the mean distance of two timed executions.
const sampleGap = 16

// gap draws how many executions to skip: xorshift64 (Marsaglia, 2003).
func (s *sampler) gap() uint32 {
	x := s.state
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	s.state = x
	return uint32(x>>32) % (2*sampleGap - 1)
}

// sampled tells that a statement is about as short as taking its time.
func sampled(s *workloads.Stmt) bool {
	switch s.Kind {
	case workloads.KindTouch:
		return s.Size == nil
	case workloads.KindLoad, workloads.KindStore, workloads.KindLock, workloads.KindWalk, workloads.KindYield:
		return true
	}
	return false
}

// writes tells that a statement takes mmap_lock for writing, whatever it comes to. madvise takes it for some advice only.
func writes(k workloads.Kind) bool {
	switch k {
	case workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindRemapFilePages, workloads.KindMremap, workloads.KindBrk,
		workloads.KindMlock, workloads.KindMunlock, workloads.KindMlockall, workloads.KindMunlockall, workloads.KindMseal, workloads.KindMbind, workloads.KindFork:
		return true
	}
	return false
}
