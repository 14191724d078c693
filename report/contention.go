package report

import (
	"io"
	"time"

	"github.com/google/pprof/profile"

	"vmasim/workloads/driver"
)

// Profile gathers the waits of runs as a profile for pprof: the stack of a waiting task is the kernel's functions, whose leaf is the
// lock, and a label says which function had that.
type Profile struct {
	p         *profile.Profile
	functions map[string]*profile.Location
}

// NewProfile returns an empty profile.
func NewProfile() *Profile {
	return &Profile{functions: map[string]*profile.Location{}, p: &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "waits", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}},
		DefaultSampleType: "delay",
		PeriodType:        &profile.ValueType{Type: "waits", Unit: "count"},
		Period:            1,
		TimeNanos:         time.Now().UnixNano(),
	}}
}

// location returns the place that stands for a function.
func (p *Profile) location(name string) *profile.Location {
	l := p.functions[name]
	if l == nil {
		f := &profile.Function{ID: uint64(len(p.p.Function) + 1), Name: name, SystemName: name}
		l = &profile.Location{ID: uint64(len(p.p.Location) + 1), Line: []profile.Line{{Function: f}}}
		p.p.Function, p.p.Location = append(p.p.Function, f), append(p.p.Location, l)
		p.functions[name] = l
	}
	return l
}

// Add adds the waits of a run.
func (p *Profile) Add(r *driver.Result) {
	p.p.DurationNanos += int64(r.Elapsed)
	for _, c := range r.Contention {
		s := &profile.Sample{Value: []int64{int64(c.Count), int64(c.Total)}, Label: map[string][]string{"scenario": {r.Scenario}, "rules": {r.Rules}}}
		s.Location = append(s.Location, p.location(waitName(c.For, c.Mode)))
		for _, fn := range c.Stack {
			s.Location = append(s.Location, p.location(fn))
		}
		if len(c.Holder) > 0 {
			s.Label["held by"] = c.Holder[:1]
			s.Label["holder's statement"] = c.Holder[len(c.Holder)-1:]
		}
		p.p.Sample = append(p.p.Sample, s)
	}
}

// Write writes the profile, compressed.
func (p *Profile) Write(w io.Writer) error {
	if err := p.p.CheckValid(); err != nil {
		return err
	}
	return p.p.Write(w)
}
