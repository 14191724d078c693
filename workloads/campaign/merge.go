package campaign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"vmasim/explore"
	"vmasim/workloads/program"
)

// Campaign is what is in a directory.
type Campaign struct {
	Dir     string
	Damaged []string // files that cannot be used, each with the reason

	parts  []*Part
	states []*state
}

// state is where a part stands.
type state struct {
	explore.PartState
	file string
	text []byte
}

// Load reads the files of a campaign from a directory.
func Load(dir string) (*Campaign, error) {
	names, err := entries(dir)
	if err != nil {
		return nil, err
	}
	c := &Campaign{Dir: dir}
	for _, name := range names {
		file := filepath.Join(dir, name)
		var err error
		switch kindOf(name) {
		case partKind:
			var part *Part
			if part, err = Read(file); err == nil {
				c.parts = append(c.parts, part)
			}
		case stateKind:
			var s *state
			if s, err = readState(file); err == nil {
				c.states = append(c.states, s)
			}
		}
		if err != nil {
			c.Damaged = append(c.Damaged, err.Error())
		}
	}
	return c, nil
}

func readState(file string) (*state, error) {
	text, err := States{}.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	at, err := explore.ParsePartState(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	return &state{*at, file, text}, nil
}

// place is where one part of the whole is expected.
type place struct {
	name   string
	part   *Part  // nil: its file lacks
	state  *state // nil: it was not begun
	copies []string
}

// Merge adds up what the parts have come to. The error says that they are none of one search; what lacks or is damaged is part of the
// result.
func (c *Campaign) Merge(ctx context.Context, o program.Options) (*program.Result, error) {
	if len(c.parts) == 0 {
		why := "there is no part of a search in it, expected *." + partKind
		if len(c.Damaged) > 0 {
			why = strings.Join(c.Damaged, "; ")
		}
		return nil, fmt.Errorf("%s: %s", c.Dir, why)
	}
	root, err := c.oneSearch()
	if err != nil {
		return nil, err
	}
	sum := &program.Parts{Lack: []string{}, Notes: append([]string{}, c.Damaged...), Damaged: len(c.Damaged)}
	places := c.places(root.Share.Division, root.Share.Of, "")
	sc, o, err := root.Search.open(o)
	if err != nil {
		return nil, err
	}
	var parts []*explore.Part
	var states [][]byte
	for _, p := range places {
		share := &explore.Part{Search: root.Share.Search}
		switch {
		case p.state != nil:
			share.Division, share.Number, share.Of = p.state.Division, p.state.Number, p.state.Of
		case p.part != nil:
			share = p.part.Share
		}
		parts = append(parts, share)
		if p.state == nil {
			states = append(states, nil)
		} else {
			states = append(states, p.state.text)
		}
		count(sum, &p)
	}
	if extra := len(c.states) - used(places); extra > 0 {
		sum.Notes = append(sum.Notes, fmt.Sprintf("%d of *.%s belong to none of the parts, and count for nothing", extra, stateKind))
	}
	r, err := program.Merge(ctx, sc, o, parts, states, true)
	if wrong, ok := errors.AsType[*explore.PartError](err); ok && places[wrong.Index].state != nil {
		return nil, fmt.Errorf("%s %w", places[wrong.Index].state.file, wrong.Err)
	}
	if err != nil {
		return nil, err
	}
	r.Parts = sum
	return r, nil
}

// used is how many states stand for parts.
func used(places []place) (n int) {
	for _, p := range places {
		if p.state != nil {
			n += 1 + len(p.copies)
		}
	}
	return n
}

// oneSearch returns a part of the whole, and refuses parts of several searches.
func (c *Campaign) oneSearch() (root *Part, err error) {
	for _, p := range c.parts {
		first := c.parts[0]
		if err := p.Share.SameSearch(first.Share); err != nil {
			return nil, fmt.Errorf("%s and %s are parts of different searches: the second %w", first.File, p.File, err)
		}
		if p.Share.Parent != "" {
			continue
		}
		if root != nil && p.Share.Division != root.Share.Division {
			return nil, fmt.Errorf("%s and %s are parts of different divisions, into %d and %d: expected those of one", root.File, p.File, root.Of, p.Of)
		}
		root = cmp.Or(root, p)
	}
	if root == nil {
		return nil, fmt.Errorf("%s: all parts are of what another had left, and that one lacks", c.Dir)
	}
	return root, nil
}

// places finds the parts of a division, and of the divisions of what these left.
func (c *Campaign) places(division string, of int, before string) (all []place) {
	for n := range of {
		at := place{name: fmt.Sprint(before, n)}
		for _, p := range c.parts {
			if p.Share.Division == division && p.Share.Number == n {
				at.part = p
			}
		}
		for _, s := range c.states {
			if s.Division != division || s.Number != n {
				continue
			}
			other := s
			if at.state == nil || s.further(at.state) {
				at.state, other = s, at.state
			}
			if other != nil {
				at.copies = append(at.copies, other.file)
			}
		}
		all = append(all, at)
		if at.state != nil && at.state.Rest != "" {
			all = append(all, c.places(at.state.Rest, at.state.RestOf, at.name+".")...)
		}
	}
	return all
}

// further reports whether s tells more of the same part than o.
func (s *state) further(o *state) bool {
	if s.Ended != o.Ended {
		return s.Ended
	}
	return s.Executions > o.Executions
}

// count takes in one part.
func count(sum *program.Parts, p *place) {
	sum.Of++
	for _, file := range p.copies {
		sum.Notes = append(sum.Notes, fmt.Sprintf("%s and %s are both of part %s, which counts once", p.state.file, file, p.name))
	}
	switch {
	case p.state != nil && p.state.Ended:
		sum.Ended++
	case p.state != nil:
		sum.Lack = append(sum.Lack, fmt.Sprintf("part %s is not finished: executions so far, in %s: %d", p.name, p.state.file, p.state.Executions))
	case p.part != nil:
		sum.Lack = append(sum.Lack, fmt.Sprintf("part %s was not begun: there is no %s", p.name, p.part.State()))
	default:
		sum.Lost++
		sum.Lack = append(sum.Lack, fmt.Sprintf("part %s is lost: there is no %s.%s", p.name, p.name, partKind))
	}
}
