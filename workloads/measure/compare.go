// Package measure compares implementations of one operation inside one run, on a machine that others use, too.
//
// A shared machine makes absolute times worthless and ratios treacherous. A [Comparison] therefore runs its candidates, each a
// [Workload], in rounds, in an order that rotates every round; each run is a [Sample]. A [Result] holds the samples' figures, takes
// each ratio within a round, and gives the median of those with its interval. Measured threads are pinned, and a sample whose thread
// got less than [MinShare] of its CPU is dropped and taken again, a bounded number of times; a round with one that stays so counts in no
// ratio. How many were dropped is printed, never hidden. Runs of whole scenarios, which take turns by themselves, use the same parts: [Order], [Watch], [MedianOf], and
// [Compare], which gives verdicts. [ZeroFrames] and [References] are floors: what no simulated fault or lock can undercut on this machine.
package measure

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

const (
	// MinShare is the part of a CPU that a measured thread must have had during a sample: below it the sample
	// measures the neighbours.
	MinShare = 0.90

	defaultRounds     = 11
	defaultRetries    = 4
	defaultSampleTime = 10 * time.Millisecond
	defaultQuiet      = 0.06
	defaultPatience   = time.Second

	// retryTime is what one Run spends on samples that it takes again: on a machine that never calms down, the
	// comparisons must still end.
	retryTime = 2 * time.Second
	// floatElapsed is the least that a sample of floating threads lasts, preparation included: what others took from
	// them is told in ticks of 10 ms.
	floatElapsed = 100 * time.Millisecond
)

// Option changes how a Comparison measures.
type Option func(*Comparison)

// Rounds sets how many rounds are taken; 11 is the default and the least that a bar should rest on.
func Rounds(n int) Option { return func(c *Comparison) { c.rounds = n } }

// Retries sets how often one sample is taken again when its thread was starved; the default is 4. All retries of a Run
// together end after two seconds.
func Retries(n int) Option { return func(c *Comparison) { c.retries = n } }

// SampleTime sets how long one sample should last; the operation count is found from it. The default is 10 ms.
func SampleTime(d time.Duration) Option { return func(c *Comparison) { c.sampleTime = d } }

// Quiet sets the part of the machine that others may use, and how long one Run waits in all for it to be so. The
// default is 6 % and one second; a patience of zero never waits.
func Quiet(others float64, patience time.Duration) Option {
	return func(c *Comparison) { c.quiet, c.patience = others, patience }
}

// Comparison is a set of candidates to be measured against each other.
type Comparison struct {
	name       string
	candidates []*candidate
	machine    machine

	rounds     int
	retries    int
	sampleTime time.Duration
	quiet      float64
	patience   time.Duration
}

type candidate struct {
	name string
	load Workload
	ops  int // per thread and sample
}

// New returns an empty comparison. The name appears in its report.
func New(name string, opts ...Option) *Comparison {
	c := &Comparison{
		name:       name,
		machine:    newHost(),
		rounds:     defaultRounds,
		retries:    defaultRetries,
		sampleTime: defaultSampleTime,
		quiet:      defaultQuiet,
		patience:   defaultPatience,
	}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// Add adds a candidate. Two candidates of one name are a mistake in the benchmark and panic.
func (c *Comparison) Add(name string, load Workload) {
	if slices.ContainsFunc(c.candidates, func(x *candidate) bool { return x.name == name }) {
		panic(fmt.Sprintf("measure: candidate %q added twice to %q", name, c.name))
	}
	c.candidates = append(c.candidates, &candidate{name: name, load: load})
}

// Run measures every candidate in every round.
func (c *Comparison) Run() *Result {
	runtime.GC() // what building the candidates left behind is not theirs to pay for
	res := NewResult(c.name)
	left := budget{quiet: c.patience, retry: retryTime}
	c.waitQuiet(&left)
	for _, cand := range c.candidates {
		c.calibrate(cand)
	}
	for round := range c.rounds {
		for _, i := range Order(len(c.candidates), round) {
			cand := c.candidates[i]
			res.Record(cand.name, c.take(cand, &left))
		}
	}
	return res
}

// budget is the time that a Run may still lose to a machine that is not quiet.
type budget struct{ quiet, retry time.Duration }

func (c *Comparison) waitQuiet(left *budget) {
	left.quiet -= c.machine.waitQuiet(c.quiet, left.quiet)
}

// take measures one sample of cand, again on the next CPU while its threads were starved. It returns the first good
// sample, or the least bad one.
func (c *Comparison) take(cand *candidate, left *budget) Sample {
	best := cand.load.run(c.machine, cand.ops, 0)
	for attempt := 1; best.Share() < MinShare && attempt <= c.retries && left.retry > 0; attempt++ {
		c.waitQuiet(left)
		again := cand.load.run(c.machine, cand.ops, attempt)
		left.retry -= again.Elapsed
		again.Dropped, best.Dropped = attempt, attempt
		if again.Share() > best.Share() {
			best = again
		}
	}
	return best
}

// calibrate finds how many operations make a sample that lasts long enough. It is also the candidate's warm-up.
func (c *Comparison) calibrate(cand *candidate) {
	pass := max(cand.load.PassOps, 1)
	if cand.load.Ops > 0 {
		cand.ops = roundUp(cand.load.Ops, pass)
		cand.load.run(c.machine, pass, 0)
		return
	}
	const maxOps = 1 << 30
	for ops := pass; ; ops = roundUp(ops*4, pass) {
		short := c.shortness(cand.load, cand.load.run(c.machine, ops, 0))
		if short <= 2 || ops >= maxOps {
			cand.ops = roundUp(int(math.Ceil(float64(ops)*short)), pass)
			return
		}
	}
}

// shortness is how many times longer the sample should have lasted.
func (c *Comparison) shortness(load Workload, sample Sample) float64 {
	short := float64(c.sampleTime) / float64(max(sample.Wall(), 1))
	if load.Float {
		short = max(short, float64(floatElapsed)/float64(max(sample.Elapsed, 1)))
	}
	return short
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
