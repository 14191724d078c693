package campaign

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vmasim/explore"
	"vmasim/workloads/program"
)

// Result is what one shard of a run over many programs came to: one of so many processes, each with its own share of them.
type Result struct {
	Kind   string          `json:"kind"`   // which command wrote it
	Run    []Setting       `json:"run"`    // what the whole run is: the same in all shards
	Number int             `json:"number"` // from 1
	Of     int             `json:"of"`     // shards
	Ended  bool            `json:"ended"`  // it has come to its end, and not to a limit
	Done   string          `json:"done"`   // how far it is, in words
	Body   json.RawMessage `json:"body"`   // what the command counts
	File   string          `json:"-"`
}

// Setting is one thing that a run was told.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Build is a setting: shards of two builds may have drawn different programs.
func Build() Setting { return Setting{"build of vmasim", explore.Build()} }

// Save writes a result in one piece.
func (r *Result) Save(file string) error {
	text, err := wrap(resultKind, r)
	if err != nil {
		return err
	}
	return explore.Files{}.Save(file, text)
}

// ReadResult reads the result of a shard.
func ReadResult(file string) (*Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	body, err := unwrap(resultKind, text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	r := &Result{File: file}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", file, err)
	}
	if r.Of < 1 || r.Number < 1 || r.Number > r.Of {
		return nil, fmt.Errorf("%s is damaged: shard %d of %d does not exist", file, r.Number, r.Of)
	}
	return r, nil
}

// Shards are the results of one run, each shard once.
type Shards struct {
	Results []*Result
	Sum     program.Parts
}

// LoadShards reads the results in a directory; nil: there are none. It refuses shards of different runs. The sum tells which lack,
// and which files are damaged.
func LoadShards(dir string) (*Shards, error) {
	names, err := entries(dir)
	if err != nil {
		return nil, err
	}
	all := &Shards{Sum: program.Parts{Lack: []string{}, Notes: []string{}}}
	best := map[int]*Result{}
	var first *Result
	for _, name := range names {
		if kindOf(name) != resultKind {
			continue
		}
		r, err := ReadResult(filepath.Join(dir, name))
		if err != nil {
			all.Sum.Notes = append(all.Sum.Notes, err.Error())
			all.Sum.Damaged++
			continue
		}
		if first == nil {
			first = r
		}
		if err := r.differs(first); err != nil {
			return nil, err
		}
		old := best[r.Number]
		if old == nil {
			best[r.Number] = r
			continue
		}
		if r.Ended && !old.Ended {
			best[r.Number], old = r, r
		}
		all.Sum.Notes = append(all.Sum.Notes, fmt.Sprintf("%s is of shard %d, too, which counts once", name, r.Number))
	}
	if first == nil {
		if all.Sum.Damaged > 0 {
			return nil, fmt.Errorf("%s", strings.Join(all.Sum.Notes, "; "))
		}
		return nil, nil
	}
	all.Sum.Of = first.Of
	for n := 1; n <= first.Of; n++ {
		switch r := best[n]; {
		case r == nil:
			all.Sum.Lack = append(all.Sum.Lack, fmt.Sprintf("shard %d of %d is lost: it has left no result", n, first.Of))
			all.Sum.Lost++
		case !r.Ended:
			all.Sum.Lack = append(all.Sum.Lack, fmt.Sprintf("shard %d of %d is not finished: %s in %s", n, first.Of, r.Done, r.File))
			all.Results = append(all.Results, r)
		default:
			all.Sum.Ended++
			all.Results = append(all.Results, r)
		}
	}
	return all, nil
}

// differs reports why two results are not of the same run.
func (r *Result) differs(o *Result) error {
	refuse := func(what, its, others string) error {
		return fmt.Errorf("%s and %s are shards of different runs: the second belongs to %s %s, the first to %s", o.File, r.File, what, its, others)
	}
	switch {
	case r.Kind != o.Kind:
		return refuse("vmasim", r.Kind, o.Kind)
	case r.Of != o.Of:
		return refuse("a run in shards, as many as", fmt.Sprint(r.Of), fmt.Sprint(o.Of))
	}
	for i, s := range r.Run {
		if i >= len(o.Run) || o.Run[i] != s {
			other := "none"
			if i < len(o.Run) {
				other = o.Run[i].Value
			}
			return refuse(s.Name, s.Value, other)
		}
	}
	return nil
}
