package explore

import (
	"encoding/json"
	"fmt"

	"vmasim/internal/task"
)

// This file is how the shards of a search are stopped and gone on with by another process: save, restore, share and weigh of
// [shard].

// savedDecision is a decision: taken, left, of.
type savedDecision [3]int

func saveDecisions(all []decision) []savedDecision {
	saved := make([]savedDecision, len(all))
	for i, d := range all {
		saved[i] = savedDecision{d.taken, int(d.left), d.of}
	}
	return saved
}

func restoreDecisions(saved []savedDecision) []decision {
	all := make([]decision, len(saved))
	for i, d := range saved {
		all[i] = decision{d[0], taskSet(d[1]), d[2]}
	}
	return all
}

// through adds up the shares on the way down a tree.
type through struct {
	done, weight float64
	open         int
}

// level goes down at a point with alternatives of which some were tried and some are left.
func (t *through) level(tried, left int) {
	of := float64(tried + 1 + left)
	t.done += t.weight * float64(tried) / of
	t.weight /= of
	t.open += left
}

func (t *through) decisions(all []decision) {
	for _, d := range all {
		t.level(d.of-1-d.left.len(), d.left.len())
	}
}

type savedDFS struct {
	Path []savedDecision `json:"path"`
	Cut  bool            `json:"cut"`
}

func (d *dfs) save() any { return savedDFS{saveDecisions(d.path), d.cut} }

func (d *dfs) restore(saved []byte) error {
	var s savedDFS
	if err := json.Unmarshal(saved, &s); err != nil {
		return err
	}
	d.path, d.cut = restoreDecisions(s.Path), s.Cut
	return nil
}

func (d *dfs) share() (done float64, open int) {
	t := through{weight: 1}
	t.decisions(d.path[d.floor:])
	return t.done, t.open
}

// weigh returns the weight of the prefix: how likely a walk that goes anywhere comes here.
func (d *dfs) weigh() float64 { return d.weight }

// prefixWeight returns how much of the tree lies below where this execution has come.
func (d *dfs) prefixWeight() float64 {
	t := through{weight: 1}
	t.decisions(d.path[:d.at])
	return t.weight
}

// A search of states knows neither: it leaves out what it has seen, and that is what most of the tree is.
func (d *states) weigh() float64 { return 0 }

type savedDPOR struct {
	Nodes   []savedNode     `json:"nodes"` // behind the prefix
	Choices []savedDecision `json:"choices"`
	Again   int             `json:"again,omitempty"`
	Step    savedAccess     `json:"step"` // that is to be taken again
	Made    int             `json:"made"`
}

type savedNode struct {
	Task      int           `json:"task"`
	Enabled   taskSet       `json:"enabled"`
	Backtrack taskSet       `json:"backtrack"`
	Tried     int           `json:"tried"`
	Choices   int           `json:"choices"`
	Varies    bool          `json:"varies,omitempty"`
	Sleeping  []savedAccess `json:"sleeping,omitempty"`
}

// savedAccess is an access: task, wakes, cell, object, life, op, class, flags, domain.
type savedAccess [9]int32

func saveAccess(a *access) savedAccess {
	return savedAccess{int32(a.task), int32(a.wakes), a.cell, a.object, a.life, int32(a.op), int32(a.class), int32(a.flags), int32(a.domain)}
}

func (s *savedAccess) restore() access {
	return access{
		task: int8(s[0]), wakes: int8(s[1]), cell: s[2], object: s[3], life: s[4],
		op: task.Op(s[5]), class: accessClass(s[6]), flags: accessFlags(s[7]), domain: int8(s[8]),
	}
}

// save leaves out the steps and their clocks: the next execution repeats them and finds them again.
func (d *dpor) save() any {
	s := savedDPOR{Choices: saveDecisions(d.choices), Again: d.again, Made: d.made - 1}
	if d.again > 0 {
		s.Step = saveAccess(&d.nodes[d.again-1].step)
	}
	s.Nodes = d.saveNodes(d.floor, len(d.nodes))
	return s
}

// saveNodes is the path from one node to before another.
func (r *route) saveNodes(from, to int) (all []savedNode) {
	for i := from; i < to; i++ {
		n := &r.nodes[i]
		saved := savedNode{n.task, n.enabled, n.backtrack, n.tried, n.choices, n.varies, nil}
		for _, a := range r.sleepers(n) {
			saved.Sleeping = append(saved.Sleeping, saveAccess(&a))
		}
		all = append(all, saved)
	}
	return all
}

// restoreNodes adds the nodes of a path that has so many choices.
func (r *route) restoreNodes(saved []savedNode, choices int) error {
	before := 0
	for _, n := range saved {
		if n.Task < 0 || n.Task >= maxTasks || n.Choices < before || n.Choices > choices {
			return fmt.Errorf("task %d takes a step behind %d choices, which does not exist", n.Task, n.Choices)
		}
		before = n.Choices
		here := r.add()
		*here = node{task: n.Task, enabled: n.Enabled, backtrack: n.Backtrack, tried: n.Tried, choices: n.Choices, varies: n.Varies, asleep: here.asleep}
		for i := range n.Sleeping {
			a := n.Sleeping[i].restore()
			if a.task < 0 || a.task >= maxTasks || here.sleep.has(int(a.task)) {
				return fmt.Errorf("task %d sleeps, which does not exist or sleeps already", a.task)
			}
			r.put(here, &a)
		}
	}
	return nil
}

func (d *dpor) restore(saved []byte) error {
	var s savedDPOR
	if err := json.Unmarshal(saved, &s); err != nil {
		return err
	}
	d.choices = restoreDecisions(s.Choices)
	d.made = s.Made
	d.nodes = d.nodes[:d.floor]
	if err := d.restoreNodes(s.Nodes, len(d.choices)); err != nil {
		return err
	}
	if d.again = s.Again; d.again > 0 {
		if d.again > len(d.nodes) {
			return fmt.Errorf("step %d is to be taken again, which does not exist", d.again)
		}
		d.nodes[d.again-1].step = s.Step.restore()
	}
	return nil
}

// node goes down at a node of a path.
func (t *through) node(d *dpor, k int) {
	n := &d.nodes[k]
	t.level(n.tried, (n.backtrack &^ n.sleep & n.enabled &^ (1 << n.task)).len())
	t.decisions(d.choices[n.choices:d.choicesEnd(k)])
}

// share counts what is known to have to be tried; more may come, most of it deep down.
func (d *dpor) share() (done float64, open int) {
	t := through{weight: 1}
	for i := d.floor; i < len(d.nodes); i++ {
		t.node(d, i)
	}
	return t.done, t.open
}

// weigh takes all shards for equal: the reduction leaves little of most of what a tree without it has.
func (d *dpor) weigh() float64 { return 1 }

type savedDraws struct {
	Next uint64 `json:"next"`
}

func (d *draws) save() any { return savedDraws{d.upcoming} }

func (d *draws) restore(saved []byte) error {
	var s savedDraws
	if err := json.Unmarshal(saved, &s); err != nil {
		return err
	}
	if s.Next < d.first || s.Next > d.end {
		return fmt.Errorf("execution %d is none of the part's", s.Next)
	}
	d.first = s.Next
	return nil
}

func (d *draws) share() (float64, int) { return 0, 0 }
func (d *draws) weigh() float64        { return 0 }

func (d *draws) limited() bool { return d.upcoming < d.end }
