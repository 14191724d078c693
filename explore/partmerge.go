package explore

import (
	"encoding/json"
	"errors"
	"fmt"
)

// PartState is where the search of a part stands, as its checkpoint tells.
type PartState struct {
	Division   string
	Number, Of int
	Ended      bool // by itself: the part is searched, or enough was found
	Executions int
	Rest       string // the division of what was left when it ended; empty: nothing was divided
	RestOf     int    // into how many parts
}

// ParsePartState reads the checkpoint of a part.
func ParsePartState(text []byte) (*PartState, error) {
	c, err := parseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	st := &PartState{Ended: c.Ended, Executions: c.executions(), Rest: c.Rest, RestOf: c.RestOf}
	if n, err := fmt.Sscanf(c.Of.Part, "%16s:%d/%d", &st.Division, &st.Number, &st.Of); err != nil || n != 3 {
		return nil, errors.New("is the checkpoint of a whole search, expected that of a part")
	}
	return st, nil
}

// parseCheckpoint reads a checkpoint of this version.
func parseCheckpoint(text []byte) (*checkpoint, error) {
	var form struct{ Version int }
	if err := json.Unmarshal(text, &form); err != nil || form.Version == 0 {
		return nil, errors.New("is no checkpoint")
	}
	if form.Version != checkpointVersion {
		return nil, fmt.Errorf("has version %d, expected %d", form.Version, checkpointVersion)
	}
	c := &checkpoint{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	for i, p := range c.Parts {
		if p == nil || i < 0 {
			return nil, errors.New("is damaged: it has a part without a report")
		}
	}
	return c, nil
}

// Merge adds up what the parts of a search have come to, each given by its checkpoint, in their order; nil: it was not begun. all: there
// are no others. The report is that of one search of all of it, but that a part goes on though another has found something. The
// program keeps what all executions have shown.
func Merge(p Program, o Options, parts []*Part, states [][]byte, all bool) (*Report, error) {
	info, err := strategyInfo(o.Strategy)
	if err != nil {
		return nil, err
	}
	o.Strategy, o.Workers = info.Name, 1
	s := newSearch(p, o)
	defer s.close()
	ended, complete, bound, bounded := all, all, 0, false
	for i, text := range states {
		if text == nil {
			ended, complete, bound, bounded = false, false, -1, true
			continue
		}
		s.o.Part = parts[i]
		c, err := s.read(text)
		if err != nil {
			return nil, &PartError{i, err}
		}
		if err := p.Recall(c.Program); err != nil {
			return nil, &PartError{i, err}
		}
		if err := s.addPart(c); err != nil {
			return nil, &PartError{i, err}
		}
		if c.Rest != "" { // the parts of its rest say whether that is complete
			continue
		}
		ended, complete = ended && c.Ended, complete && c.Ended && c.Complete
		if !c.Complete { // of one that is, every bound is searched
			at := c.Phase - 1
			if c.Ended {
				at = c.Bound
			}
			if !bounded || at < bound {
				bound, bounded = at, true
			}
		}
	}
	r := &s.report
	r.Enough = s.enough(r.Violations)
	r.Complete, r.Stopped = complete && !r.Enough && r.Truncated == 0, !ended && !r.Enough
	if o.Strategy.Counts() != "" && bounded {
		r.Bound = bound
	}
	return r, s.confirm()
}

// PartError says of which of the parts given something is wrong.
type PartError struct {
	Index int
	Err   error
}

func (e *PartError) Error() string { return fmt.Sprintf("part %d: %v", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *PartError) Unwrap() error { return e.Err }

// addPart adds what one part has come to.
func (s *search) addPart(c *checkpoint) error {
	for _, saved := range c.reports() {
		r, err := s.restoreReport(saved)
		if err != nil {
			return err
		}
		before := s.report.Executions
		s.report.add(r)
		for _, f := range r.Violations {
			f.Execution += before
			s.note(&s.report, f)
		}
		for _, f := range r.Passed {
			f.Execution += before
			s.report.passOver(f)
		}
	}
	s.report.Elapsed += c.Elapsed
	return nil
}
