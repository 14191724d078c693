package explore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Prediction is how many executions a search is likely to take that nothing stops.
type Prediction struct {
	Executions float64 // about
	Low, High  float64 // so many in about eight cases of ten, see docs/explore.md; High is 0 if there was no time to find out: Executions, or more
	Probes     int     // the samples that it comes from; one: it was counted, and is exact
	Spent      int     // executions that were run for it
}

// errUnpredictable says that a strategy has no size that could be predicted.
var errUnpredictable = errors.New("cannot be predicted")

// Predict estimates the size of a search by dpor, dfs, bounded or delays from samples of its tree, until ctx ends or o.Executions were
// run. A violation on the way ends an execution, and is told nowhere. There is none if not even one sample was begun.
func Predict(ctx context.Context, p Program, o Options) (*Prediction, error) {
	info, err := strategyInfo(o.Strategy)
	if err != nil {
		return nil, err
	}
	o.Strategy, o.Workers = info.Name, 1
	s := newSearch(p, o)
	defer s.close()
	defer s.endWith(ctx)()
	e := &estimator{x: s.workers[0], limit: o.Executions, rng: rand.New(rand.NewPCG(o.Seed, 1))}
	root := &part{prefix: *newDPOR(o.From)}
	switch info.Name {
	case DPOR:
		return e.predict(func() (float64, bool, error) { return e.traces(root) })
	case DFS:
		return e.ofSchedules(preemptions, -1)
	case Bounded:
		return e.ofSchedules(preemptions, upTo(o.Preemptions))
	case Delays:
		return e.ofSchedules(delays, upTo(o.Delays))
	}
	return nil, fmt.Errorf("strategy %s: its size %w", info.Name, errUnpredictable)
}

// upTo is the bound that an option means: 0 is none.
func upTo(option int) int {
	if option == 0 {
		return -1
	}
	return option
}

// estimator takes samples.
type estimator struct {
	x     *Executor
	rng   *rand.Rand
	limit int // executions; 0: none
	spent int
	kept  int  // divided parts that are remembered
	cut   bool // the last sample was not finished
}

// over reports whether no more executions may be run.
func (e *estimator) over() bool { return e.x.halted() || e.limit > 0 && e.spent >= e.limit }

// run runs one execution and reports whether it came to an end that counts.
func (e *estimator) run() (ending Ending, ok bool, err error) {
	if e.over() {
		return 0, false, nil
	}
	e.spent++
	did, err := e.x.run()
	if err != nil || e.x.halted() {
		return 0, false, err
	}
	return did.ending, true, nil
}

// predict takes samples until no more executions may be run. exact: there is nothing to sample.
func (e *estimator) predict(sample func() (size float64, exact bool, err error)) (*Prediction, error) {
	var sizes []float64
	most := 0.0
	for !e.over() {
		size, exact, err := sample()
		if err != nil {
			return nil, err
		}
		if e.cut {
			most = max(most, size)
			break
		}
		if exact {
			return &Prediction{size, size, size, 1, e.spent}, nil
		}
		sizes = append(sizes, size)
	}
	switch {
	case len(sizes) >= leastSamples && slices.Max(sizes) > 0:
	case most > countable:
		return &Prediction{Executions: most, Low: most, Spent: e.spent}, nil
	default:
		return nil, nil
	}
	p := interval(sizes)
	p.Spent = e.spent
	return p, nil
}

// leastSamples is how many say anything of how much they differ.
const leastSamples = 5

// interval is the mean of samples, and where the true one lies.
func interval(sizes []float64) *Prediction {
	n := float64(len(sizes))
	mean, square := 0.0, 0.0
	for _, s := range sizes {
		mean += s / n
	}
	for _, s := range sizes {
		square += (s - mean) * (s - mean) / (n - 1)
	}
	spread := max(math.Sqrt(math.Log1p(square/n/(mean*mean)))*(1+few/math.Sqrt(n)), 1e-6)
	return &Prediction{Executions: mean, Low: mean * math.Exp(-below*spread), High: raised * mean * math.Exp(above*spread), Probes: len(sizes)}
}

// below and above are how many standard deviations of the logarithm of a mean an interval has to each side. The few large parts that make
// most of a search are found late: a mean of few samples is rather too small, and so is their spread. docs/explore.md has what came of it.
const (
	below = 2.0
	above = 3.0
	few   = 4.0 // how much wider, by the root of how few the samples are
	// raised is the factor by which the upper end is raised, as samples that have found no large part do not know of it. It is conformal: what
	// nine of ten predictions of random programs need at most (TestCalibration in workloads/program).
	raised = 6.5
)

const (
	countable = 64  // executions that a part may take before it is divided
	glance    = 4   // executions by which the sizes of parts are compared
	branches  = 8   // parts that one is at least divided into
	mostKept  = 300 // divided parts that are remembered
)

// part is a part of the tree that is sampled: a prefix, with those asleep whose order was gone elsewhere.
type part struct {
	prefix  dpor
	guess   float64 // of its size, in proportion to its siblings'
	divided bool
	counted float64 // executions in those parts of it that are small
	large   []*part
	sum     float64 // of samples
	samples int
}

// traces estimates how many executions a part takes, from one sample: if it is small, they are counted; otherwise it is divided, its small
// parts are counted, and one of the others stands for them all (Knuth: Estimating the efficiency of backtrack programs, 1975). Each order of
// dependent steps lies in exactly one part. Earlier samples make larger parts the likelier to be drawn, which keeps the mean and
// makes the spread smaller. When there is no time left, a part that is not small is taken to be just that.
func (e *estimator) traces(of *part) (size float64, exact bool, err error) {
	if !of.divided {
		n, _, done, err := e.try(of, countable)
		if done || err != nil {
			return float64(n), done, err
		}
		if ok, err := e.divide(of); n < 0 || !ok || err != nil {
			e.cut = true
			return countable, false, err
		}
	}
	size = of.counted
	if len(of.large) > 0 {
		p, chance := e.draw(of.large)
		inside, _, err := e.traces(p)
		if err != nil {
			return 0, false, err
		}
		p.sum, p.samples = p.sum+inside, p.samples+1
		size += inside / chance
	}
	if e.kept >= mostKept { // what was found is found again
		of.divided, of.counted, of.large = false, 0, nil
	}
	return size, false, nil
}

// draw draws a part, and returns how likely it was.
func (e *estimator) draw(parts []*part) (*part, float64) {
	seen, guessed := 0.0, 0.0
	for _, p := range parts {
		if p.samples > 0 {
			seen, guessed = seen+p.sum/float64(p.samples), guessed+p.guess
		}
	}
	scale := 1.0
	if seen > 0 {
		scale = seen / guessed
	}
	weights, sum := make([]float64, len(parts)), 0.0
	for i, p := range parts {
		weights[i] = (p.guess*scale*trust + p.sum) / (trust + float64(p.samples))
		sum += weights[i]
	}
	for i, p := range parts { // none that holds anything is so unlikely that one sample of it would outweigh all others
		if weights[i] /= sum; p.guess >= 1 {
			weights[i] += evenly / float64(len(parts))
		}
	}
	sum = 0
	for _, w := range weights {
		sum += w
	}
	at := 0
	for r := e.rng.Float64() * sum; at < len(parts)-1 && r >= weights[at]; at++ {
		r -= weights[at]
	}
	return parts[at], weights[at] / sum
}

const (
	// evenly is how often, about, a part is drawn without regard to how large it is thought to be.
	evenly = 0.1
	// unseen is what a part counts for in which every execution so far repeats others: most likely all do.
	unseen = 0.02
)

// trust is how many samples a guess is worth.
const trust = 1

// try searches a part up to a number of executions, and returns how many of them repeat none, how much of it is done, and whether all is.
// -1: there is no time left.
func (e *estimator) try(of *part, limit int) (n int, share float64, done bool, err error) {
	d := of.again()
	e.x.use(d)
	for tried := 0; d.next(); tried++ {
		if tried >= limit {
			share, _ = d.share()
			return n, share, false, nil
		}
		ending, ok, err := e.run()
		if !ok || err != nil {
			return -1, 0, false, err
		}
		if ending != Redundant {
			n++
		}
	}
	return n, 1, true, nil
}

// again returns the shard of a part.
func (p *part) again() *dpor {
	d := p.prefix
	d.nodes, d.asleep, d.choices = slices.Clip(d.nodes), slices.Clip(d.asleep), slices.Clone(d.choices)
	return &d
}

// divide follows a part until it has branches enough, and counts the small ones. not ok: there is no time left.
func (e *estimator) divide(of *part) (ok bool, err error) {
	var parts []*part
	for ceiling := max(of.prefix.floor, len(of.prefix.given)) + 2; len(parts) < branches && ceiling <= e.x.maxSteps; ceiling += 2 {
		parts = nil
		d := of.again()
		d.ceiling = ceiling
		d.emit = func(d *dpor) {
			parts = append(parts, &part{prefix: *d.below(len(d.nodes), d.chosen)})
		}
		e.x.use(d)
		for d.next() {
			if _, ok, err := e.run(); !ok || err != nil {
				return false, err
			}
		}
	}
	of.counted, of.large = 0, nil
	for _, p := range parts {
		n, share, done, err := e.try(p, glance)
		if n < 0 || err != nil {
			return false, err
		}
		if done {
			of.counted += float64(n)
			continue
		}
		p.guess = (float64(n) + unseen) / math.Sqrt(max(share, 1e-6))
		of.large = append(of.large, p)
	}
	of.divided = true
	e.kept++
	return true, nil
}
