package trace

import (
	"strings"
)

// Pair is two executions side by side.
type Pair struct {
	Names    [2]string   `json:"names"` // of the sides, in sentences
	With     *Trace      `json:"with"`
	Against  *Trace      `json:"against"`
	Rows     []Row       `json:"rows"`
	Partings []Parting   `json:"partings"` // where they go different ways, in order; none: nowhere
	Objects  [][2]string `json:"objects"`  // those that are the same under different names
	Ends     [2]string   `json:"ends"`     // how each ends
}

// Named gives the objects in a text of the second side the names that they have on the first. One that has none there and is called as
// another is on the first side has a prime behind its name.
func (p *Pair) Named(text string) string {
	return eachObject(text, func(name string) string {
		taken := false
		for _, o := range p.Objects {
			if o[1] == name {
				return o[0]
			}
			taken = taken || o[0] == name
		}
		if taken {
			return name + "′"
		}
		return name
	})
}

// Row is a step of one side, or the same step of both.
type Row struct {
	With    int     `json:"with"`              // from 1; 0: this side has none
	Against int     `json:"against"`           //
	Late    int     `json:"late,omitempty"`    // the step of With that Against takes here, later than With did
	Differs Differs `json:"differs,omitempty"` // in what the step of one side is another than that of the other
}

// Differs says in what two steps that are the same do not do the same.
type Differs string

// The differences.
const (
	DiffersNot   Differs = ""
	DiffersValue Differs = "value"     // what is seen or left
	DiffersOp    Differs = "operation" // by which the cell is accessed
)

// Parting is where two executions go different ways.
type Parting struct {
	Row     int    `json:"row"`     // how many rows come before it
	Text    string `json:"text"`    // what each side does
	Because string `json:"because"` // which rules it comes of, or that this is not known; "": the rules are the same
	Rules   string `json:"rules"`   // under which it does not happen: those of Against with what Because names switched; "": not known
}

// Alike holds steps of one execution against those of another of the same program, perhaps under other rules.
type Alike struct {
	ahead, back map[string]string // the names of objects that are the same
	pairs       [][2]string       // of which the names differ
}

// NewAlike begins with executions none of whose steps are known to be the same.
func NewAlike() *Alike { return &Alike{ahead: map[string]string{}, back: map[string]string{}} }

// Objects returns the objects found to be the same that have different names.
func (k *Alike) Objects() [][2]string { return k.pairs }

// eachObject returns a text in which each name of an object, as vma#1, is what to makes of it.
func eachObject(text string, to func(name string) string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '#')
		if at < 0 {
			return b.String() + text
		}
		start := len(strings.TrimRight(text[:at], "abcdefghijklmnopqrstuvwxyz_0123456789"))
		end := len(text) - len(strings.TrimLeft(text[at+1:], "0123456789"))
		if start == at || end == at+1 {
			b.WriteString(text[:at+1])
			text = text[at+1:]
			continue
		}
		b.WriteString(text[:start])
		b.WriteString(to(text[start:end]))
		text = text[end:]
	}
}

// objects returns the names of objects in a text, and the text without them.
func objects(text string) (names []string, rest string) {
	rest = eachObject(text, func(name string) string {
		names = append(names, name)
		return "#"
	})
	return names, rest
}

// same reports whether two texts, of which each may name an object, are the same, if the objects are: known says that this was found before.
func (k *Alike) same(a, b string) (same, known bool) {
	if !strings.Contains(a, "#") || !strings.Contains(b, "#") {
		return a == b, true
	}
	ours, restOfA := objects(a)
	theirs, restOfB := objects(b)
	if len(ours) != len(theirs) || restOfA != restOfB {
		return false, false
	}
	known = true
	for i, o := range ours {
		t := theirs[i]
		if kind(o) != kind(t) {
			return false, false
		}
		to, from := k.ahead[o], k.back[t]
		switch {
		case to == t:
		case to != "" || from != "":
			return false, false
		default:
			known = false
		}
	}
	return true, known
}

func kind(object string) string { k, _, _ := strings.Cut(object, "#"); return k }

// learn notes that the objects that two texts name are the same.
func (k *Alike) learn(a, b string) {
	ours, _ := objects(a)
	theirs, _ := objects(b)
	for i := range min(len(ours), len(theirs)) {
		if o, t := ours[i], theirs[i]; k.ahead[o] == "" && k.back[t] == "" {
			k.ahead[o], k.back[t] = t, o
			if o != t {
				k.pairs = append(k.pairs, [2]string{o, t})
			}
		}
	}
}

// Act is what of a step, taken or not, tells whether it is the same as another.
type Act struct {
	Task, Statement, Func, Op, Cell string
	Kind                            int
}

// ActOf is that of a step that was taken.
func ActOf(s *Step) Act {
	return Act{s.Task, s.Statement, s.Func, s.Op.String(), s.Cell, int(s.Op.Info().Kind)}
}

// ActOfNext is that of one that would come next.
func ActOfNext(n *Next) Act {
	return Act{n.Task, n.Statement(), n.Func, n.Op.String(), n.Cell, int(n.Op.Info().Kind)}
}

// The weights of what two steps have in common.
const (
	sameOp     = 16 // operation and cell
	sameAccess = 8  // the cell, and the kind of operation
	sameFunc   = 5
	sameObject = 2 // that is known to be the same
	sameName   = 1
)

// weigh says how much two steps have in common, 0 if they are not the same: the same task does the same to the same cell in the same statement.
func (k *Alike) weigh(a, b Act) int {
	if a.Task != b.Task || a.Statement != b.Statement {
		return 0
	}
	same, known := k.same(a.Cell, b.Cell)
	if !same {
		return 0
	}
	n := 0
	switch {
	case a.Op == b.Op:
		n = sameOp
	case a.Cell != "" && a.Kind == b.Kind:
		n = sameAccess
	default:
		return 0
	}
	if a.Func == b.Func {
		n += sameFunc
	}
	if known {
		n += sameObject
	}
	if a.Cell == b.Cell {
		n += sameName
	}
	return n
}

// matched is how many steps of each of two sequences are held against each other at once: all with all.
const matched = 2000

// Match pairs the steps of two sequences, in order, so that they have as much in common as can be: the place in b for each of a, -1 for none.
// Very long ones are matched piece by piece.
func (k *Alike) Match(a, b []Act) (to []int) {
	if len(a) <= matched && len(b) <= matched {
		return k.match(a, b)
	}
	to = k.match(a[:min(matched, len(a))], b[:min(matched, len(b))])
	last := len(to) - 1
	for last >= 0 && to[last] < 0 {
		last--
	}
	i, j := len(to), min(matched, len(b)) // where the next piece begins
	if last >= 0 {
		i, j = last+1, to[last]+1
	}
	to = to[:i]
	for _, at := range k.Match(a[i:], b[j:]) {
		if at >= 0 {
			at += j
		}
		to = append(to, at)
	}
	return to
}

func (k *Alike) match(a, b []Act) []int {
	best := make([][]int32, len(a)+1)
	for i := range best {
		best[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if w := k.weigh(a[i], b[j]); w > 0 {
				best[i][j] = max(best[i][j], best[i+1][j+1]+int32(w))
			}
		}
	}
	to := make([]int, len(a))
	j := 0
	for i := range a {
		to[i] = -1
		for at := j; at < len(b) && best[i][at] == best[i][j]; at++ { // the first of several that are as good
			if w := k.weigh(a[i], b[at]); w > 0 && best[i+1][at+1]+int32(w) == best[i][at] {
				to[i], j = at, at+1
				break
			}
		}
	}
	return to
}

// Same notes that two steps are the same, and says in what they do not do the same. Where the objects that they access are known to be
// different, they are not the same.
func (k *Alike) Same(a, b *Step) (d Differs, same bool) {
	if same, _ := k.same(a.Cell, b.Cell); !same {
		return DiffersNot, false
	}
	k.learn(a.Cell, b.Cell)
	switch {
	case !k.value(a.Was, b.Was) || !k.value(a.Is, b.Is) || len(a.Violations) != len(b.Violations):
		d = DiffersValue
	case a.Op != b.Op:
		d = DiffersOp
	}
	return d, true
}

// value reports whether two values are the same: of objects that were not met before, they are.
func (k *Alike) value(a, b string) bool {
	same, _ := k.same(a, b)
	if same {
		k.learn(a, b)
	}
	return same
}

// Align puts the steps of two executions of one program under the same rules side by side: both go the same way up to where they part.
func Align(a, b *Trace) (rows []Row, parted int, objects [][2]string) {
	k := NewAlike()
	n := 0
	for n < min(len(a.Steps), len(b.Steps)) && k.weigh(ActOf(&a.Steps[n]), ActOf(&b.Steps[n])) > 0 {
		d, same := k.Same(&a.Steps[n], &b.Steps[n])
		if !same {
			break
		}
		rows = append(rows, Row{With: n + 1, Against: n + 1, Differs: d})
		n++
	}
	ours, theirs := acts(a.Steps[n:]), acts(b.Steps[n:])
	return append(rows, k.Rows(a.Steps, b.Steps, n, n, k.Match(ours, theirs))...), n, k.Objects()
}

func acts(steps []Step) (all []Act) {
	for i := range steps {
		all = append(all, ActOf(&steps[i]))
	}
	return all
}

// Rows lays the steps of a from fromA on, of which to says whose place in b each has, beside those of b from fromB on.
func (k *Alike) Rows(a, b []Step, fromA, fromB int, to []int) (rows []Row) {
	j := fromB
	for i, at := range to {
		if at < 0 {
			rows = append(rows, Row{With: fromA + i + 1})
			continue
		}
		d, same := k.Same(&a[fromA+i], &b[fromB+at])
		if !same {
			rows = append(rows, Row{With: fromA + i + 1})
			continue
		}
		for ; j < fromB+at; j++ {
			rows = append(rows, Row{Against: j + 1})
		}
		rows = append(rows, Row{With: fromA + i + 1, Against: fromB + at + 1, Differs: d})
		j = fromB + at + 1
	}
	for ; j < len(b); j++ {
		rows = append(rows, Row{Against: j + 1})
	}
	return rows
}
