package explore

import "slices"

// A search by states that kept apart what the statements before a state have come to would go through what comes behind it once for each of their results, as
// these no longer decide what any task does. So it is [World].Past that says what has come of the statements, and not the state: a sum of
// what each adds. Each state has the sums of what can come behind it, its tail. Where a state is met again, what it leads to is the sum of the past and of each in the tail;
// if an execution has come to each of these, nothing is to be seen there that was not judged, and otherwise the search goes on behind the
// state once more, with this past.

// tail is a set of sums, by its place in [tails].sets.
type tail int32

// tails makes the tails of a search. They recur, so few are kept.
type tails struct {
	sets   [][]uint64 // ascending; the first is empty
	ids    map[stateHash]tail
	unions map[[2]tail]tail
	moved  map[shifted]tail
	judged map[uint64]struct{}  // the whole sums of all executions so far
	known  map[shifted]struct{} // tails that with such a past have led to what was judged
	union  []uint64             // scratch
}

// shifted is a tail with what comes before it.
type shifted struct {
	tail tail
	by   uint64
}

// begin forgets the tails, but not what was judged.
func (ts *tails) begin() {
	ts.sets, ts.ids = [][]uint64{nil}, map[stateHash]tail{{}: 0}
	ts.unions, ts.moved, ts.known = map[[2]tail]tail{}, map[shifted]tail{}, map[shifted]struct{}{}
	if ts.judged == nil {
		ts.judged = map[uint64]struct{}{}
	}
}

// of returns the tail that is a set of ascending sums, which it copies.
func (ts *tails) of(sums []uint64) tail {
	var h stateHash
	for _, v := range sums {
		h.add(v)
	}
	t, ok := ts.ids[h]
	if !ok {
		t = tail(len(ts.sets))
		ts.ids[h] = t
		ts.sets = append(ts.sets, slices.Clone(sums))
	}
	return t
}

// add returns a tail with all that comes of t after a step that adds by.
func (ts *tails) add(to, t tail, by uint64) tail {
	t = ts.shift(t, by)
	switch {
	case to == t || t == 0:
		return to
	case to == 0:
		return t
	}
	pair := [2]tail{min(to, t), max(to, t)}
	u, ok := ts.unions[pair]
	if !ok {
		ts.union = append(append(ts.union[:0], ts.sets[to]...), ts.sets[t]...)
		slices.Sort(ts.union)
		u = ts.of(slices.Compact(ts.union))
		ts.unions[pair] = u
	}
	return u
}

func (ts *tails) shift(t tail, by uint64) tail {
	if t == 0 || by == 0 {
		return t
	}
	s, ok := ts.moved[shifted{t, by}]
	if !ok {
		ts.union = ts.union[:0]
		for _, v := range ts.sets[t] {
			ts.union = append(ts.union, v+by)
		}
		slices.Sort(ts.union)
		s = ts.of(ts.union)
		ts.moved[shifted{t, by}] = s
	}
	return s
}

// came notes that an execution has come to a sum.
func (ts *tails) came(sum uint64) { ts.judged[sum] = struct{}{} }

// covers reports whether executions have come to all that comes of a past with a tail.
func (ts *tails) covers(past uint64, t tail) bool {
	if _, ok := ts.known[shifted{t, past}]; ok {
		return true
	}
	for _, v := range ts.sets[t] {
		if _, ok := ts.judged[past+v]; !ok {
			return false
		}
	}
	ts.known[shifted{t, past}] = struct{}{}
	return true
}
