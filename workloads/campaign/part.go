package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// Part is a file that holds a part of a search, and all that a process needs to search it.
type Part struct {
	Name   string        `json:"name"` // 3, or 3.1 of what part 3 had left
	Of     int           `json:"of"`   // how many there are beside it, itself included
	Search Search        `json:"search"`
	Share  *explore.Part `json:"share"`
	File   string        `json:"-"`
}

// Search is what is searched, and how: the same in all parts.
type Search struct {
	Scenario     string           `json:"scenario"` // its file, as positions name it
	Dir          string           `json:"dir,omitempty"`
	Text         string           `json:"text"`
	Rules        string           `json:"rules,omitempty"`
	Machine      string           `json:"machine,omitempty"`
	Model        string           `json:"memory,omitempty"`
	Without      []string         `json:"without,omitempty"`
	Show         []string         `json:"until,omitempty"`
	Consequences bool             `json:"consequences,omitempty"`
	NoShrink     bool             `json:"no_shrink,omitempty"`
	Strategy     explore.Strategy `json:"strategy"`
	Preemptions  int              `json:"preemptions,omitempty"`
	Delays       int              `json:"delays,omitempty"`
	PCTDepth     int              `json:"pct_depth,omitempty"`
	Depth        int              `json:"depth,omitempty"`
	Seed         uint64           `json:"seed,omitempty"`
	KeepGoing    int              `json:"keep_going,omitempty"`
}

// newSearch returns the search of a scenario.
func newSearch(sc *workloads.Scenario, o *program.Options) (Search, error) {
	dir := sc.Dir
	if dir != "" { // a part may be searched from elsewhere
		var err error
		if dir, err = filepath.Abs(dir); err != nil {
			return Search{}, err
		}
	}
	return Search{
		Scenario: sc.File, Dir: dir, Text: string(sc.Source), Rules: o.Rules, Machine: workloads.FormatSettings(o.Machine), Model: o.Model, Without: o.Without,
		Show: o.Show, Consequences: o.Consequences, NoShrink: o.NoShrink, Strategy: o.Strategy, Preemptions: o.Preemptions, Delays: o.Delays, PCTDepth: o.PCTDepth,
		Depth: o.Depth, Seed: o.Seed, KeepGoing: o.KeepGoing,
	}, nil
}

// open reads the scenario, and adds to options what the search says: limits stay what they are.
func (s *Search) open(o program.Options) (*workloads.Scenario, program.Options, error) {
	sc, err := workloads.LoadText(s.Scenario, s.Dir, []byte(s.Text))
	if err != nil {
		return nil, o, err
	}
	var machine []workloads.MachineSetting
	if s.Machine != "" {
		if machine, err = workloads.ParseSettings(s.Machine); err != nil {
			return nil, o, err
		}
	}
	o.Setting = program.Setting{Rules: s.Rules, Machine: machine, Model: s.Model, Without: s.Without, Show: s.Show, Consequences: s.Consequences}
	o.Strategy, o.Preemptions, o.Delays, o.PCTDepth, o.Depth, o.Seed, o.KeepGoing = s.Strategy, s.Preemptions, s.Delays, s.PCTDepth, s.Depth, s.Seed, s.KeepGoing
	o.NoShrink = o.NoShrink || s.NoShrink
	return sc, o, nil
}

// Split divides the search of a scenario into n parts, and writes them to a directory, which is made if there is none.
func Split(ctx context.Context, sc *workloads.Scenario, o program.Options, n int, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	names, err := entries(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if kind := kindOf(name); kind != "" {
			return fmt.Errorf("%s is there already, and may belong to another search: expected a directory without *.%s", filepath.Join(dir, name), kind)
		}
	}
	search, err := newSearch(sc, &o)
	if err != nil {
		return err
	}
	shares, err := program.Split(ctx, sc, o, n)
	if err != nil {
		return err
	}
	return writeParts(dir, "", search, shares)
}

// writeParts writes parts whose names begin alike.
func writeParts(dir, before string, search Search, shares []*explore.Part) error {
	for i, share := range shares {
		part := Part{Name: fmt.Sprint(before, i), Of: len(shares), Search: search, Share: share}
		text, err := wrap(partKind, &part)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, part.Name+"."+partKind), text, 0o666)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Read reads the file of a part.
func Read(file string) (*Part, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	part, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	part.File = file
	return part, nil
}

// Parse reads the text of a part.
func Parse(text []byte) (*Part, error) {
	body, err := unwrap(partKind, text)
	if err != nil {
		return nil, err
	}
	return parseBody(body)
}

// parseBody reads what a part says, once it is known to be as it was written.
func parseBody(body []byte) (*Part, error) {
	var form struct {
		Share json.RawMessage `json:"share"`
	}
	part := &Part{}
	err := errors.Join(json.Unmarshal(body, &form), json.Unmarshal(body, part))
	if err == nil {
		part.Share, err = explore.ParsePart(form.Share)
	}
	if err == nil && (part.Name == "" || part.Of < 1) {
		err = errors.New("it has no name")
	}
	if err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	return part, nil
}

// Label says which part it is.
func (p *Part) Label() string {
	if p.Share.Parent != "" {
		return fmt.Sprintf("%s, of %d that part %s left", p.Name, p.Of, p.Name[:strings.LastIndexByte(p.Name, '.')])
	}
	return fmt.Sprintf("%s of %d", p.Name, p.Of)
}

// State is the name of the file in which its search stands.
func (p *Part) State() string { return strings.TrimSuffix(p.File, "."+partKind) + "." + stateKind }

// Open returns the scenario and the options by which the part is searched with given limits. Where the search stands is in
// the file that they name as checkpoint, by default beside the part.
func (p *Part) Open(o program.Options) (*workloads.Scenario, program.Options, error) {
	sc, o, err := p.Search.open(o)
	if err != nil {
		return nil, o, fmt.Errorf("%s: %w", p.File, err)
	}
	o.Part, o.PartName, o.Store = p.Share, p.Label(), States{}
	if o.Checkpoint == "" {
		o.Checkpoint = p.State()
	}
	return sc, o, nil
}

// Divide divides what the part has left into n new parts, and writes them beside it or elsewhere. The part itself then counts as done with what
// it has done.
func (p *Part) Divide(ctx context.Context, o program.Options, n int, dir string) error {
	sc, o, err := p.Open(o)
	if err != nil {
		return err
	}
	store, at := o.Store, o.Checkpoint
	o.Part, o.Checkpoint = nil, ""
	state, err := store.Load(at)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not begun, there is no %s: expected a part that has left something", p.File, at)
	}
	if err != nil {
		return fmt.Errorf("%s %w", at, err)
	}
	shares, ended, err := program.Rest(ctx, sc, o, p.Share, state, n)
	if err != nil {
		return fmt.Errorf("%s: %w", p.File, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := removeRest(dir, p.Name); err != nil {
		return err
	}
	if err := writeParts(dir, p.Name+".", p.Search, shares); err != nil {
		return err
	}
	return store.Save(at, ended)
}

// removeRest removes the parts of a division that came to no end: the state of the part, which is saved last, does not tell of it.
func removeRest(dir, name string) error {
	names, err := entries(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if kindOf(n) != "" && strings.HasPrefix(n, name+".") && n != name+"."+partKind && n != name+"."+stateKind {
			err = errors.Join(err, os.Remove(filepath.Join(dir, n)))
		}
	}
	return err
}

// entries returns the names of what is in a directory.
func entries(dir string) (names []string, err error) {
	all, err := os.ReadDir(dir)
	for _, e := range all {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// kindOf returns what a file is, by its name; "": none of a campaign's.
func kindOf(name string) string {
	kind := strings.TrimPrefix(filepath.Ext(name), ".")
	if slices.Contains([]string{partKind, stateKind, resultKind}, kind) {
		return kind
	}
	return ""
}
