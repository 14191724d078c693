//go:build !linux

package measure

import (
	"runtime"
	"time"
)

// host is the real machine, of which nothing is known but the time: threads are not pinned, and every sample counts as good.
type host struct{ epoch time.Time }

func newHost() *host { return &host{epoch: time.Now()} }

func (h *host) now() time.Duration                             { return time.Since(h.epoch) }
func (h *host) threadCPU() time.Duration                       { return h.now() }
func (h *host) othersCPU() time.Duration                       { return 0 }
func (h *host) usage() usage                                   { return usage{at: h.now(), delayed: -1} }
func (h *host) cpus() int                                      { return runtime.NumCPU() }
func (h *host) pin(int) (unpin func())                         { return func() {} }
func (h *host) yield()                                         { runtime.Gosched() }
func (h *host) waitQuiet(float64, time.Duration) time.Duration { return 0 }

func cpuModel() string { return "" }
