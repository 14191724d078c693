// Package turns measures scenarios under several rules, side by side on a machine that is noisy.
//
// A [Measurement] is points, each a scenario with so many tasks of its threads. At each point all rules have a turn in every round: a run of a
// fraction of a second, on a machine of its own. The order changes from round to round ([measure.Order]), and rounds go over all points, so that what
// the host does meanwhile happens to all alike. A run whose tasks did not have the CPUs that they could use is dropped, and counted. The others
// have [Figure] values; [Measurement.Judge] gives their medians, and compares each with the one of the first rules in the same round.
package turns

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"vmasim/workloads"
	"vmasim/workloads/driver"
	"vmasim/workloads/measure"
)

// The defaults: two rules on one scenario take some twenty seconds.
const (
	DefaultSample = 250 * time.Millisecond
	DefaultRounds = 35

	// MostRounds bounds the rounds that are taken to have enough good ones, in multiples of these.
	MostRounds = 2

	warmUp = 50 * time.Millisecond
)

// Sweep is how many tasks a thread has, one number after the other.
type Sweep struct {
	Thread string // "": each thread written with "* N"
	Tasks  []int
}

// Options says what is measured, and for how long.
type Options struct {
	driver.Options          // of each run; Duration is that of a sample
	Rules          []string // those that come first are what the others are compared with
	Sweeps         []Sweep

	Rounds   int           // good ones at each point; 0: as many as there is time for
	Time     time.Duration // of all; 0: as long as it takes
	MinShare float64       // of the CPUs that a run must have had
	Figures  []string      // keys of those that are judged; nil: all

	Shard, Of int // this process takes every Of-th round, beginning with the Shard-th; 0 of 0: all

	Progress func(Progress)
}

// Progress is how far a measurement has come.
type Progress struct {
	Done, All int // runs; All is an estimate
	Dropped   int
	Left      time.Duration
	Scenario  string
}

// Point is a scenario with so many tasks of its threads.
type Point struct {
	Scenario string        `json:"scenario"`
	Title    string        `json:"title"`
	Threads  int           `json:"threads"` // of each thread that is written with "* N"; 0: as it is written
	Counts   driver.Counts `json:"counts"`  // of single threads
	Rounds   []Round       `json:"rounds"`

	scenario *workloads.Scenario
}

// Setting says which numbers of tasks are the point's: "faulter=4 churner=0"; "" where they are as they are written.
func (p *Point) Setting() string {
	var words []string
	for i, n := range p.Numbers() {
		words = append(words, fmt.Sprintf("%s=%d", p.Swept()[i], n))
	}
	return strings.Join(words, " ")
}

// Swept names the threads whose tasks are counted, and Numbers how many each has.
func (p *Point) Swept() (names []string) {
	if p.Threads > 0 {
		names = append(names, "threads")
	}
	for _, c := range p.Counts {
		names = append(names, c.Thread)
	}
	return names
}

// Numbers are in the order of Swept.
func (p *Point) Numbers() (all []int) {
	if p.Threads > 0 {
		all = append(all, p.Threads)
	}
	for _, c := range p.Counts {
		all = append(all, c.Tasks)
	}
	return all
}

// Name is the scenario's, and the setting.
func (p *Point) Name() string { return strings.TrimSpace(p.Scenario + " " + p.Setting()) }

// Round is one turn of all rules at a point.
type Round struct {
	Shard int       `json:"shard"`
	Runs  []*Sample `json:"runs"` // by rules; nil: it was not taken
}

// good reports whether all runs of a round count.
func (r *Round) good() bool {
	return !slices.ContainsFunc(r.Runs, func(s *Sample) bool { return s == nil || !s.Counts() })
}

// Sample is what one run came to.
type Sample struct {
	Tasks   int                `json:"tasks"`
	CPUs    int                `json:"cpus"`
	Share   float64            `json:"share"`
	Dropped bool               `json:"dropped,omitempty"` // the share is too small
	Failed  string             `json:"failed,omitempty"`  // what was unexpected or violated first
	Figures map[string]float64 `json:"figures"`           // by key
}

// Counts reports whether the sample is used.
func (s *Sample) Counts() bool { return !s.Dropped && s.Failed == "" }

// Measurement is what was measured so far.
type Measurement struct {
	Rules       []string      `json:"rules"` // as they are in force
	Sample      time.Duration `json:"sample_ns"`
	MinShare    float64       `json:"min_share"`
	Figures     []string      `json:"figures"` // keys of those that are judged; nil: all
	Hosts       []string      `json:"hosts"`   // on which the samples were taken
	Points      []*Point      `json:"points"`
	Elapsed     time.Duration `json:"elapsed_ns"`
	Interrupted bool          `json:"interrupted"`
}

// New prepares a measurement: every scenario at each of its points. The error joins all mistakes, before anything runs.
func New(scenarios []*workloads.Scenario, o *Options) (*Measurement, error) {
	m := &Measurement{Sample: o.Duration, MinShare: o.MinShare, Figures: o.Figures, Hosts: []string{measure.Host()}}
	var errs mistakes
	for _, sc := range scenarios {
		for _, p := range pointsOf(sc, scenarios, o.Sweeps) {
			m.Points = append(m.Points, p)
			opts := o.at(p, "")
			for i, r := range o.Rules {
				opts.Rules = r
				plan, err := driver.NewPlan(sc, &opts)
				if errs.note(err); err == nil && len(m.Rules) == i {
					m.Rules = append(m.Rules, plan.Rules.String())
				}
			}
		}
	}
	return m, errs.err()
}

// pointsOf returns each combination of numbers of tasks. A thread that only other scenarios have says nothing of this one.
func pointsOf(sc *workloads.Scenario, all []*workloads.Scenario, sweeps []Sweep) []*Point {
	points := []*Point{{Scenario: sc.Name, Title: sc.Title, scenario: sc}}
	for _, s := range sweeps {
		has := func(sc *workloads.Scenario) bool {
			return s.Thread == "" || slices.ContainsFunc(sc.Threads, func(t *workloads.Thread) bool { return t.Name == s.Thread })
		}
		if !has(sc) && slices.ContainsFunc(all, has) {
			continue
		}
		var more []*Point
		for _, p := range points {
			for _, n := range s.Tasks {
				next := *p
				if s.Thread == "" {
					next.Threads = n
				} else {
					next.Counts = append(slices.Clone(p.Counts), driver.Count{Thread: s.Thread, Tasks: n})
				}
				more = append(more, &next)
			}
		}
		points = more
	}
	return points
}

// at returns the options of a run.
func (o *Options) at(p *Point, rules string) driver.Options {
	opts := o.Options
	opts.Rules, opts.Threads, opts.Counts = rules, p.Threads, p.Counts
	return opts
}

// Run takes rounds until there are enough, or there is no time left, or ctx ends: what was measured until then stays.
func (m *Measurement) Run(ctx context.Context, o *Options) error {
	start := time.Now()
	defer func() { m.Elapsed += time.Since(start) }()
	for _, p := range m.Points {
		opts := o.at(p, o.Rules[0])
		opts.Duration = min(opts.Duration, warmUp)
		if _, err := driver.Run(ctx, p.scenario, opts); err != nil {
			return err
		}
	}
	t := turn{Measurement: m, opts: o, began: time.Now()}
	for round := 0; ctx.Err() == nil && t.another(round); round++ {
		for _, p := range m.Points {
			if o.Rounds > 0 && p.Good() >= o.Rounds {
				continue
			}
			if err := t.take(ctx, p, round); err != nil {
				return err
			}
		}
	}
	m.Interrupted = m.Interrupted || ctx.Err() != nil
	return nil
}

// Good returns how many rounds have nothing but samples that count.
func (p *Point) Good() (n int) {
	for i := range p.Rounds {
		if p.Rounds[i].good() {
			n++
		}
	}
	return n
}

// turn is a measurement that is going on.
type turn struct {
	*Measurement
	opts    *Options
	began   time.Time
	dropped int
	done    int
}

// another reports whether there is to be a round of that number.
func (t *turn) another(round int) bool {
	if t.opts.Time > 0 && round > 0 {
		spent := time.Since(t.began)
		if spent+spent/time.Duration(round) > t.opts.Time {
			return false
		}
	}
	if t.opts.Rounds == 0 {
		return t.opts.Time > 0
	}
	return round < MostRounds*t.opts.Rounds && slices.ContainsFunc(t.Points, func(p *Point) bool { return p.Good() < t.opts.Rounds })
}

// take has each of the rules run once.
func (t *turn) take(ctx context.Context, p *Point, number int) error {
	round := Round{Shard: t.opts.Shard, Runs: make([]*Sample, len(t.Rules))}
	for _, i := range measure.Order(len(t.Rules), number+max(t.opts.Shard-1, 0)) {
		runtime.GC() // what the run before has left is not this one's to pay for
		if t.opts.Progress != nil {
			t.opts.Progress(t.progress(p, number))
		}
		r, err := driver.Run(ctx, p.scenario, t.opts.at(p, t.opts.Rules[i]))
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			break // the run was cut short
		}
		s := sampleOf(r)
		s.Dropped = s.Share < t.opts.MinShare
		round.Runs[i] = s
		if t.done++; s.Dropped {
			t.dropped++
		}
	}
	if slices.ContainsFunc(round.Runs, func(s *Sample) bool { return s != nil }) {
		p.Rounds = append(p.Rounds, round)
	}
	return nil
}

// progress estimates how long it takes: by the time that is given, or by how many rounds were good so far.
func (t *turn) progress(p *Point, round int) Progress {
	spent := time.Since(t.began)
	each := t.opts.Duration
	if t.done > 0 {
		each = spent / time.Duration(t.done)
	}
	left := 0
	if t.opts.Rounds > 0 {
		for _, p := range t.Points {
			need, good := t.opts.Rounds-p.Good(), p.Good()
			if taken := len(p.Rounds); taken > 0 {
				need = need * (taken + 1) / (good + 1)
			}
			left += max(0, min(need, MostRounds*t.opts.Rounds-round)) * len(t.Rules)
		}
	}
	progress := Progress{Done: t.done, All: t.done + left, Dropped: t.dropped, Left: time.Duration(left) * each, Scenario: p.Name()}
	if rest := t.opts.Time - spent; t.opts.Time > 0 && (t.opts.Rounds == 0 || rest < progress.Left) {
		progress.Left = max(rest, 0)
		progress.All = t.done + int(progress.Left/max(each, 1))
	}
	return progress
}

// sampleOf takes the figures of a run.
func sampleOf(r *driver.Result) *Sample {
	s := &Sample{Tasks: r.Tasks, CPUs: r.CPUs, Share: r.CPUShare, Figures: map[string]float64{}}
	for i := range figureTable {
		if v, ok := figureTable[i].of(r); ok {
			s.Figures[figureTable[i].Key] = v
		}
	}
	switch {
	case len(r.Violations) > 0:
		s.Failed = r.Violations[0].String()
	case len(r.Unexpected) > 0:
		s.Failed = r.Unexpected[0].String()
	}
	return s
}

// mistakes joins errors, each once.
type mistakes struct{ list []string }

func (m *mistakes) note(err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !slices.Contains(m.list, line) {
			m.list = append(m.list, line)
		}
	}
}

func (m *mistakes) err() error {
	if m.list == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(m.list, "\n"))
}
