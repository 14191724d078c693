package explore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"vmasim/internal/task"
)

// CheckpointError says why a search cannot go on from a checkpoint.
type CheckpointError struct {
	File string // its name
	Err  error
}

func (e *CheckpointError) Error() string { return fmt.Sprintf("checkpoint %s: %v", e.File, e.Err) }

// Unwrap returns the reason.
func (e *CheckpointError) Unwrap() error { return e.Err }

// checkpointVersion is that of the file's form.
const checkpointVersion = 4

// checkpoint is where a search stands. The parts before Merged are done, and of the others those that are not in Parts were
// not begun.
type checkpoint struct {
	Version int                `json:"version"`
	Of      identity           `json:"search"`
	Elapsed time.Duration      `json:"elapsed_ns"`
	Phase   int                `json:"phase"`
	Offset  int                `json:"executions_before_phase"`
	Merged  int                `json:"parts_merged"`
	LeftOut bool               `json:"left_out"`
	Report  savedReport        `json:"report"`
	Parts   map[int]*savedPart `json:"parts"`
	Program json.RawMessage    `json:"program,omitempty"`

	Ended    bool `json:"ended,omitempty"`    // by itself: the report is all that there is to it
	Complete bool `json:"complete,omitempty"` // of the report of a search that has ended
	Bound    int  `json:"bound,omitempty"`    // likewise

	Rest   string `json:"rest,omitempty"`    // the division among whose parts is what the part had left when it ended
	RestOf int    `json:"rest_of,omitempty"` // how many
}

// identity is what has to be the same for a search to go on.
type identity struct {
	Build     string        `json:"build"` // of this program: the code under test is part of it
	Scenario  string        `json:"scenario"`
	Rules     string        `json:"rules"`
	Strategy  Strategy      `json:"strategy"`
	Split     bool          `json:"split"` // there is more than one part, for more than one worker
	Memory    MemoryModel   `json:"memory"`
	Choices   []task.Choice `json:"choices"`
	MaxChosen int           `json:"max_chosen"`
	Depth     int           `json:"depth"`
	PCTDepth  int           `json:"pct_depth"`
	Seed      uint64        `json:"seed"`
	Part      string        `json:"part,omitempty"` // of a division; empty: the whole
}

type savedReport struct {
	Executions int                 `json:"executions"`
	Redundant  int                 `json:"redundant"`
	Truncated  int                 `json:"truncated"`
	Steps      int                 `json:"steps"`
	Outcomes   map[string]int      `json:"outcomes"`
	First      map[string]Schedule `json:"first"`
	Violations []savedFound        `json:"violations,omitempty"`
	Passed     []savedFound        `json:"passed,omitempty"`
	Ops        []uint64            `json:"ops"`
	Older      map[string]bool     `json:"older"`
}

// savedFound is a failure: running its schedule tells the rest.
type savedFound struct {
	Execution int      `json:"execution"`
	Schedule  Schedule `json:"schedule"`
}

type savedPart struct {
	Done    bool            `json:"done"`
	LeftOut bool            `json:"left_out,omitempty"`
	Report  savedReport     `json:"report"`
	At      json.RawMessage `json:"at,omitempty"`
}

// MarshalText implements [encoding.TextMarshaler] by the printed form.
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Schedule) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSchedule(string(text))
	return err
}

// resume reads the checkpoint, if there is one, or begins to write one.
func (s *search) resume() (ended bool, err error) {
	if s.o.Checkpoint == "" {
		return false, nil
	}
	if info, err := strategyInfo(s.o.Strategy); err != nil || !info.Resumes {
		return false, s.refuse("a search by %s cannot go on later: what it has seen is known by addresses of this process", s.o.Strategy)
	}
	text, err := s.o.store().Load(s.o.Checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		s.ready, s.open = map[int]*result{}, map[int]*standing{}
		if err := s.write(s.standing()); err != nil { // better now than after an hour
			return false, s.refuse("%v", err)
		}
		return false, nil
	}
	if err != nil {
		return false, s.refuse("%v", err)
	}
	c, err := s.read(text)
	if err != nil {
		return false, s.refuse("%w", err)
	}
	s.o.split = c.Of.Split
	if err := s.program.Recall(c.Program); err != nil {
		return false, s.refuse("%v", err)
	}
	if c.Ended {
		return true, s.conclude(c)
	}
	s.from, s.nth, s.offset, s.before = c, c.Phase, c.Offset, c.Elapsed
	if s.o.Strategy.Counts() != "" {
		s.report.Bound = c.Phase - 1
	}
	s.report.Earlier = c.executions()
	return false, nil
}

// conclude takes in the report of a search that has ended.
func (s *search) conclude(c *checkpoint) error {
	report, err := s.restoreReport(&c.Report)
	if err != nil {
		return err
	}
	report.Strategy, report.Depth = s.report.Strategy, s.report.Depth
	report.Earlier, report.Elapsed, report.Complete, report.Bound = report.Executions, c.Elapsed, c.Complete, c.Bound
	report.Enough = s.enough(report.Violations)
	s.report = *report
	return nil
}

func (s *search) refuse(format string, args ...any) error {
	return &CheckpointError{s.o.Checkpoint, fmt.Errorf(format, args...)}
}

// executions returns how many were run.
func (c *checkpoint) executions() int {
	n := 0
	for _, r := range c.reports() {
		n += r.Executions
	}
	return n
}

// reports returns what all executions came to: first what is merged, then the shards that are not.
func (c *checkpoint) reports() []*savedReport {
	all := []*savedReport{&c.Report}
	for _, i := range slices.Sorted(maps.Keys(c.Parts)) {
		all = append(all, &c.Parts[i].Report)
	}
	return all
}

// read reads a checkpoint and checks that it is this search's.
func (s *search) read(text []byte) (*checkpoint, error) {
	c, err := parseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	own := s.identity()
	own.Split = c.Of.Split // any number of workers can go on with either
	return c, c.Of.differs(own)
}

// differs says in what a checkpoint's search differs from this one.
func (c *identity) differs(own *identity) error {
	for _, d := range []FingerprintError{{"scenario", c.Scenario, own.Scenario}, {"rules", c.Rules, own.Rules}} {
		if d.Its != d.Yours {
			return &d
		}
	}
	for _, d := range []struct {
		what       string
		its, yours any
	}{
		{"strategy", c.Strategy, own.Strategy},
		{"memory model", c.Memory, own.Memory}, {"choices", fmt.Sprint(c.Choices), fmt.Sprint(own.Choices)}, {"choices a run", c.MaxChosen, own.MaxChosen},
		{"depth", c.Depth, own.Depth}, {"PCT depth", c.PCTDepth, own.PCTDepth}, {"seed", c.Seed, own.Seed},
		{"build of vmasim", c.Build, own.Build}, {"part", c.Part, own.Part},
	} {
		if d.its != d.yours {
			return fmt.Errorf("belongs to %s %v, this is %v", d.what, d.its, d.yours)
		}
	}
	return nil
}

// identity returns what makes this search.
func (s *search) identity() *identity {
	o := &s.o
	id := &identity{
		Build: build(), Strategy: o.Strategy, Split: o.split, Memory: o.Memory, Choices: o.Choices, MaxChosen: max(o.MaxChosen, 1), Depth: o.Depth,
	}
	id.Scenario, id.Rules = s.program.Fingerprints()
	if o.Part != nil {
		id.Part = o.Part.name()
	}
	if info, _ := strategyInfo(o.Strategy); !info.Finishes {
		id.Seed = o.Seed
	}
	if o.Strategy == PCT {
		id.PCTDepth = pctDepth(o)
	}
	return id
}

// standing returns where the search stands.
func (s *search) standing() *checkpoint {
	c := &checkpoint{
		Version: checkpointVersion, Of: *s.identity(), Elapsed: s.elapsed(), Phase: s.nth, Offset: s.offset, Merged: s.merged,
		LeftOut: s.leftOut, Report: saveReport(&s.report), Parts: map[int]*savedPart{},
	}
	for i, r := range s.ready {
		if !r.stopped && !r.cancelled {
			c.Parts[i] = &savedPart{Done: true, LeftOut: r.leftOut, Report: saveReport(&r.report)}
		}
	}
	for i, at := range s.open {
		c.Parts[i] = &savedPart{Report: saveReport(&at.result.report), At: at.saved}
	}
	return c
}

func saveReport(r *Report) savedReport {
	return savedReport{
		r.Executions, r.Redundant, r.Truncated, r.Steps, maps.Clone(r.DistinctOutcomes), maps.Clone(r.First), saveFound(r.Violations), saveFound(r.Passed), slices.Clone(r.Ops[:]),
		maps.Clone(r.Older),
	}
}

func saveFound(all []Found) (saved []savedFound) {
	for i := range all {
		saved = append(saved, savedFound{all[i].Execution, all[i].Schedule})
	}
	return saved
}

// restore takes in where the search stands: what is merged, and in this phase what is not. The caller has the lock.
func (s *search) restore(c *checkpoint) error {
	earlier := s.report.Earlier
	report, err := s.restoreReport(&c.Report)
	if err != nil {
		return err
	}
	report.Strategy, report.Depth, report.Bound, report.Earlier = s.report.Strategy, s.report.Depth, s.report.Bound, earlier
	s.report = *report
	s.merged, s.leftOut, s.full = c.Merged, c.LeftOut, s.enough(s.report.Violations)
	for i := range s.merged {
		s.phase.done += s.phase.weight(i)
	}
	for i, p := range c.Parts {
		report, err := s.restoreReport(&p.Report)
		if err != nil {
			return err
		}
		r := &result{report: *report, leftOut: p.LeftOut}
		if !p.Done {
			s.open[i] = &standing{saved: p.At, result: r}
			continue
		}
		s.ready[i] = r
		s.phase.done += s.phase.weight(i)
		if s.enough(r.report.Violations) {
			s.endWithShard(i)
		}
	}
	return nil
}

func (s *search) restoreReport(saved *savedReport) (*Report, error) {
	r := &Report{
		Executions: saved.Executions, Redundant: saved.Redundant, Truncated: saved.Truncated, Steps: saved.Steps,
		DistinctOutcomes: map[string]int{}, First: map[string]Schedule{},
	}
	maps.Copy(r.DistinctOutcomes, saved.Outcomes)
	maps.Copy(r.First, saved.First)
	copy(r.Ops[:], saved.Ops)
	r.Older = maps.Clone(saved.Older)
	for _, v := range saved.Violations {
		f, err := rerun(s.workers[0], &v.Schedule)
		if err != nil {
			return nil, err
		}
		f.Execution = v.Execution
		r.Violations = append(r.Violations, *f)
	}
	for _, v := range saved.Passed {
		f, err := rerun(s.workers[0], &v.Schedule)
		if err != nil {
			return nil, err
		}
		f.Execution = v.Execution
		s.take(r, *f)
	}
	return r, nil
}

// saveNow writes the checkpoint while the search goes on. An error stops the search.
func (s *search) saveNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == nil || s.full || s.err != nil {
		return
	}
	s.err = s.write(s.standing())
}

// keep writes the checkpoint of a search that was stopped, and removes that of one that has ended.
func (s *search) keep() error {
	switch {
	case s.o.Checkpoint == "":
		return nil
	case s.report.Stopped:
		s.stand.Elapsed = s.report.Elapsed
		return s.write(s.stand)
	case s.o.Part != nil:
		return s.write(s.ended())
	}
	return s.o.store().Remove(s.o.Checkpoint)
}

// ended is the checkpoint of a search that has ended by itself.
func (s *search) ended() *checkpoint {
	return &checkpoint{
		Version: checkpointVersion, Of: *s.identity(), Elapsed: s.report.Elapsed, Phase: s.nth, Report: saveReport(&s.report),
		Ended: true, Complete: s.report.Complete, Bound: s.report.Bound,
	}
}

// write writes the checkpoint, in one piece or not at all.
func (s *search) write(c *checkpoint) error {
	var err error
	if c.Program, err = s.program.Keep(); err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.o.store().Save(s.o.Checkpoint, append(text, '\n'))
}
