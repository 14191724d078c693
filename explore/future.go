package explore

import "slices"

// future is what steps can come from a state on, in any order of the tasks, as far as they matter to other tasks; and for each of them what comes before it in every order.
type future struct {
	steps []later  // ascending
	past  []uint64 // of each step as many words
}

// later is a step that can come: twice its footprint, and 1 if it is the next step of its task.
type later int32

func (l later) footprint() int32 { return int32(l >> 1) }
func (l later) next() bool       { return l&1 != 0 }

// futures makes the futures of a search.
type futures struct {
	prints        *footprints
	words         int // of a set of footprints
	before, union future
	shared        map[stateHash]*future
}

// begin makes ready for the footprints that are known, and some more.
func (fs *futures) begin() {
	fs.words = len(fs.prints.all)/64 + 3
	fs.shared = map[stateHash]*future{}
}

// full reports whether there are more footprints than sets have room for.
func (fs *futures) full() bool { return len(fs.prints.all) > 64*fs.words }

func (f *future) at(i, words int) bitset { return f.past[i*words : (i+1)*words] }

// step adds to what can come from a state a step whose footprint is id and what can come behind it.
func (fs *futures) step(to *future, id int32, behind *future) {
	fs.precede(id, behind)
	a, b, u, w := to, &fs.before, &fs.union, fs.words
	u.steps, u.past = u.steps[:0], u.past[:0]
	for i, j := 0, 0; i < len(a.steps) || j < len(b.steps); {
		switch {
		case j == len(b.steps) || i < len(a.steps) && a.steps[i] < b.steps[j]:
			u.steps, u.past = append(u.steps, a.steps[i]), append(u.past, a.at(i, w)...)
			i++
		case i == len(a.steps) || b.steps[j] < a.steps[i]:
			u.steps, u.past = append(u.steps, b.steps[j]), append(u.past, b.at(j, w)...)
			j++
		default:
			u.steps = append(u.steps, a.steps[i])
			x, y := a.at(i, w), b.at(j, w)
			for k := range w {
				u.past = append(u.past, x[k]&y[k])
			}
			i++
			j++
		}
	}
	*a, *u = *u, *a
}

// pending returns the future of a state in which no task can go on, and these footprints are what they wait to do.
func (fs *futures) pending(ids []int32) *future {
	slices.Sort(ids)
	f := &future{past: make([]uint64, len(ids)*fs.words)}
	for _, id := range ids {
		f.steps = append(f.steps, later(2*id+1))
	}
	return f
}

// precede makes fs.before of what can come behind a step and of the step.
func (fs *futures) precede(id int32, behind *future) {
	f, w := &fs.before, fs.words
	f.steps, f.past = f.steps[:0], f.past[:0]
	prints := fs.prints
	bare := prints.bare[id]
	depends, task := prints.depends[bare], prints.all[id].task
	own, put := later(2*id+1), false
	for i, l := range behind.steps {
		print := l.footprint()
		past := behind.at(i, w)
		if prints.all[print].task == task {
			l &^= 1
		}
		if !put && l >= own {
			put = true
			f.steps = append(f.steps, own)
			f.past = append(f.past, make([]uint64, w)...)
		}
		n := len(f.steps)
		again := n > 0 && f.steps[n-1] == l
		if !again {
			f.steps, f.past = append(f.steps, l), append(f.past, past...)
			n++
		} else {
			for k, word := range f.at(n-1, w) {
				f.past[(n-1)*w+k] = word & past[k]
			}
		}
		if depends.has(prints.bare[print]) || depends.meets(past) {
			f.past[(n-1)*w+int(bare>>6)] |= 1 << (bare & 63)
		}
	}
	if !put {
		f.steps = append(f.steps, own)
		f.past = append(f.past, make([]uint64, w)...)
	}
}

// keep returns a copy that lasts.
func (fs *futures) keep(f *future) *future {
	var h stateHash
	for _, l := range f.steps {
		h.add(uint64(l))
	}
	for _, w := range f.past {
		h.add(w)
	}
	if k := fs.shared[h]; k != nil {
		return k
	}
	k := &future{append([]later(nil), f.steps...), append([]uint64(nil), f.past...)}
	fs.shared[h] = k
	return k
}
