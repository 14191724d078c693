package explore

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
)

// This file divides a search among processes that share nothing: on one machine or on many, at once or one after the other.

// Build identifies this program's code: what another build did is of no use to it.
func Build() string { return build() }

// Part is a share of a search: beginnings of executions, all that comes after which it is to search. A process of the same build can
// do that by itself ([Options].Part). The parts of a division together are the whole search, and no two have an execution in
// common but for those that a strategy repeats anyway. A part is JSON in a file.
type Part struct {
	Search   identity `json:"search"`
	Division string   `json:"division"`         // identifies what was divided, and how
	Number   int      `json:"number"`           // from 0
	Of       int      `json:"of"`               // parts of the division
	Parent   string   `json:"parent,omitempty"` // the part whose rest was divided; empty: it was the whole
	Shares   []share  `json:"shares"`           // none: the search has fewer branches than parts
}

// share is a shard of a part.
type share struct {
	Prefix json.RawMessage `json:"prefix"`          // of what strategy, the search says
	At     json.RawMessage `json:"at,omitempty"`    // where it stands, as in a checkpoint; absent: at its beginning
	Phase  int             `json:"phase,omitempty"` // the first in which it is searched
}

// Split divides a search into n parts, which [Options].Part takes. The limits of o are no part of them, but for how many
// executions a random search draws.
func Split(ctx context.Context, p Program, o Options, n int) ([]*Part, error) {
	info, err := strategyInfo(o.Strategy)
	switch {
	case err != nil:
		return nil, err
	case !info.Resumes:
		return nil, fmt.Errorf("a search by %s cannot be divided: what one part has seen, the others would have to know", info.Name)
	case o.From != nil:
		return nil, errors.New("a search that begins with a schedule cannot be divided")
	case n < 1:
		return nil, fmt.Errorf("%d parts, expected 1 or more", n)
	}
	o.Strategy, o.Workers, o.Checkpoint = info.Name, 1, ""
	s := newSearch(p, o)
	defer s.close()
	s.o.split = true
	defer s.endWith(ctx)()
	var shares []share
	if info.Finishes {
		shares, err = splitTree(s.workers[0], &s.o, n)
	} else {
		shares, err = splitDraws(&s.o, n)
	}
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return deal(s.identity(), shares, n)
}

// sharesOfPart is how many shards a part has at least, where the tree has as many: they differ in size, and a part of many is
// likely to be as large as another.
const sharesOfPart = 4

// deal gives each of n parts every n-th share.
func deal(of *identity, shares []share, n int) ([]*Part, error) {
	text, err := json.Marshal(shares)
	if err != nil {
		return nil, err
	}
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s%+v %d", text, *of, n)
	parts := make([]*Part, n)
	for i := range parts {
		parts[i] = &Part{Search: *of, Division: hex.EncodeToString(hash.Sum(nil)), Number: i, Of: n, Shares: []share{}}
	}
	for i := range shares {
		to := parts[i%n]
		to.Shares = append(to.Shares, shares[i])
	}
	return parts, nil
}

// splitTree divides the tree of a search for n parts, as several workers do.
func splitTree(x *Executor, o *Options, n int) (shares []share, err error) {
	if o.Strategy == DPOR {
		return splitDPOR(x, o, max(large, n/2))
	}
	of, bound := o.Strategy.price()
	parts, err := splitDFS(x, max(splitShards, sharesOfPart*n), of, bound)
	if err != nil {
		return nil, err
	}
	for _, d := range parts {
		h, err := newShare(d.prefix(), nil)
		if err != nil {
			return nil, err
		}
		shares = append(shares, h)
	}
	return shares, nil
}

// splitDPOR makes of the first executions one share, and divides the rest: so the parts have as many executions as one search.
func splitDPOR(x *Executor, o *Options, enough int) ([]share, error) {
	first := alone(o)
	h, err := newShare(prefixDPOR{Limit: first.limit}, nil)
	if err != nil {
		return nil, err
	}
	x.use(first)
	for !x.halted() && first.next() {
		if _, err := x.run(); err != nil {
			return nil, err
		}
	}
	if x.halted() || !first.leftOut() {
		return []share{h}, nil
	}
	rest, err := first.shares(x, enough)
	return append([]share{h}, rest...), err
}

// shares divides what a shard has left.
func (d *dpor) shares(x *Executor, enough int) (shares []share, err error) {
	parts, err := d.divide(x, enough)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		at := any(nil)
		if len(part.nodes) > part.floor { // it was begun
			at = part.save()
		}
		h, err := newShare(part.prefix(), at)
		if err != nil {
			return nil, err
		}
		shares = append(shares, h)
	}
	return shares, nil
}

// newShare returns the share of a prefix, and where it stands; nil: at its beginning.
func newShare(prefix, at any) (h share, err error) {
	if h.Prefix, err = json.Marshal(prefix); err == nil && at != nil {
		h.At, err = json.Marshal(at)
	}
	return h, err
}

// splitDraws divides the numbers of random executions.
func splitDraws(o *Options, n int) (shares []share, err error) {
	total := uint64(defaultDraws)
	if o.Executions > 0 {
		total = uint64(o.Executions)
	}
	return divideDraws(prefixDraws{0, total}, n)
}

// divideDraws divides the numbers of random executions into n shares, some of which may be empty.
func divideDraws(r prefixDraws, n int) (shares []share, err error) {
	from := func(i int) uint64 {
		hi, lo := bits.Mul64(r.End-r.First, uint64(i))
		part, _ := bits.Div64(hi, lo, uint64(n))
		return r.First + part
	}
	for i := range n {
		h, err := newShare(prefixDraws{from(i), from(i + 1)}, nil)
		if err != nil {
			return nil, err
		}
		shares = append(shares, h)
	}
	return shares, nil
}

// prefixDraws is the prefix of a random search: the numbers of its executions.
type prefixDraws struct {
	First uint64 `json:"first"`
	End   uint64 `json:"end"`
}

// prefixDFS is the prefix of a search by DFS, or of one with bounds.
type prefixDFS struct {
	Path   []savedDecision `json:"path"`
	Spent  int             `json:"spent"` // of the bound
	Weight float64         `json:"weight"`
}

func (d *dfs) prefix() prefixDFS {
	return prefixDFS{saveDecisions(d.path[:d.floor]), d.spent, d.weight}
}

// price returns what a search counts, and a bound that leaves nothing out.
func (name Strategy) price() (of price, bound int) {
	switch name {
	case Bounded:
		return preemptions, math.MaxInt
	case Delays:
		return delays, math.MaxInt
	}
	return preemptions, -1
}

// open makes the shard of a prefix, with a bound; -1: none.
func (p *prefixDFS) open(of price, bound int) (*dfs, error) {
	d := &dfs{price: of, bound: bound, only: bound >= 0, path: restoreDecisions(p.Path), weight: p.Weight}
	d.floor = len(d.path)
	return d, checkDecisions(d.path)
}

// prefixDPOR is the prefix of a search by DPOR.
type prefixDPOR struct {
	Nodes   []savedNode     `json:"nodes"`
	Choices []savedDecision `json:"choices"`
	Limit   int             `json:"limit,omitempty"` // how many executions it has; 0: all
}

func (d *dpor) prefix() prefixDPOR {
	return prefixDPOR{d.saveNodes(0, d.floor), saveDecisions(d.choices[:d.fixed]), d.limit}
}

// open makes the shard of a prefix. Its first execution finds the steps of the prefix and their clocks again.
func (p *prefixDPOR) open() (*dpor, error) {
	d := &dpor{choices: restoreDecisions(p.Choices), bare: true, limit: p.Limit}
	d.fixed = len(d.choices)
	err := checkDecisions(d.choices)
	if err == nil {
		err = d.restoreNodes(p.Nodes, len(d.choices))
	}
	d.floor = len(d.nodes)
	return d, err
}

// checkDecisions refuses what no search decides.
func checkDecisions(all []decision) error {
	for i, d := range all {
		if d.of < 1 || d.of > maxValues || d.taken < 0 || d.taken >= maxValues {
			return fmt.Errorf("decision %d takes %d of %d, which does not exist", i+1, d.taken, d.of)
		}
	}
	return nil
}

// decode reads JSON that holds nothing but v.
func decode(text json.RawMessage, v any) error {
	if len(text) == 0 {
		return errors.New("a share has no prefix")
	}
	return json.Unmarshal(text, v)
}

// ParsePart reads a part, and checks what can be checked without its program.
func ParsePart(text []byte) (*Part, error) {
	p := &Part{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, err
	}
	info, err := strategyInfo(p.Search.Strategy)
	switch {
	case err != nil:
		return nil, err
	case !info.Resumes || p.Search.Strategy == "":
		return nil, fmt.Errorf("a search by %q cannot be divided", p.Search.Strategy)
	case p.Of < 1 || p.Number < 0 || p.Number >= p.Of:
		return nil, fmt.Errorf("part %d of %d does not exist", p.Number, p.Of)
	}
	for n := range p.Shares {
		if p.Shares[n].Phase < 0 {
			return nil, fmt.Errorf("share %d begins in phase %d", n+1, p.Shares[n].Phase)
		}
	}
	for n := range p.Shares {
		if _, err := p.Shares[n].open(p.Search.Strategy, p.Shares[n].Phase); info.Finishes && err != nil {
			return nil, fmt.Errorf("share %d: %w", n+1, err)
		}
	}
	if _, err := p.ranges(); !info.Finishes && err != nil {
		return nil, err
	}
	return p, nil
}

// Fits reports why a part is none of a search.
func (p *Part) Fits(program Program, o Options) error {
	s := &search{o: o, program: program}
	if info, err := strategyInfo(o.Strategy); err == nil {
		s.o.Strategy = info.Name
	}
	own := s.identity()
	own.Split, own.Part = p.Search.Split, p.Search.Part
	return p.Search.differs(own)
}

// SameSearch reports in what two parts are not of the same search.
func (p *Part) SameSearch(o *Part) error { return p.Search.differs(&o.Search) }

// IsRestOf reports whether a part is one of those among which what another had left was divided.
func (p *Part) IsRestOf(o *Part) bool { return p.Parent == o.name() }

// name is what a checkpoint says that it belongs to.
func (p *Part) name() string { return fmt.Sprintf("%s:%d/%d", p.Division, p.Number, p.Of) }
