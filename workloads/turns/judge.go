package turns

import (
	"slices"

	"vmasim/workloads/measure"
)

// Judged is a measurement with its medians and verdicts.
type Judged struct {
	*Measurement
	Points   []JudgedPoint
	Verdicts int // that were given, for which they are corrected
}

// JudgedPoint is what came of one point.
type JudgedPoint struct {
	*Point
	Candidates []Candidate // by rules
	Rows       []Row       // figures that any of them has
}

// Candidate is how the runs under some rules went.
type Candidate struct {
	Tasks, Samples, Dropped, Failed int
	Failure                         string // the first
}

// Row is one figure under all rules.
type Row struct {
	*Figure
	Cells []Cell // by rules
}

// Cell is one figure under some rules. It has a change unless the rules are the first.
type Cell struct {
	measure.Interval
	Samples []float64
	Change  *measure.Change // nil: there is nothing to compare, or nothing to compare with
}

// Judge gives medians of all that counts, and verdicts. These are corrected for how many there are.
func (m *Measurement) Judge() *Judged {
	j := &Judged{Measurement: m}
	var changes []*measure.Change
	for _, p := range m.Points {
		judged := JudgedPoint{Point: p}
		for i := range m.Rules {
			judged.Candidates = append(judged.Candidates, p.candidate(i))
		}
		for f := range figureTable {
			row := Row{Figure: &figureTable[f]}
			if m.Figures != nil && !slices.Contains(m.Figures, row.Key) {
				continue
			}
			some := false
			for i := range m.Rules {
				cell := p.cell(row.Key, i)
				some = some || cell.N > 0 && cell.High > 0
				switch {
				case cell.Change == nil:
				case row.Exact:
					cell.Change.Verdict = exact(cell.Change.Ratio.Median)
				default:
					changes = append(changes, cell.Change)
				}
				row.Cells = append(row.Cells, cell)
			}
			if some {
				judged.Rows = append(judged.Rows, row)
			}
		}
		j.Points = append(j.Points, judged)
	}
	measure.Correct(changes)
	j.Verdicts = len(changes)
	return j
}

// exact is the verdict about a figure that no sample has otherwise.
func exact(ratio float64) measure.Verdict {
	switch {
	case ratio > 1:
		return measure.More
	case ratio < 1:
		return measure.Less
	}
	return measure.Same
}

func (p *Point) candidate(rules int) (c Candidate) {
	for i := range p.Rounds {
		s := p.Rounds[i].Runs[rules]
		switch {
		case s == nil:
			continue
		case s.Failed != "":
			if c.Failed++; c.Failure == "" {
				c.Failure = s.Failed
			}
		case s.Dropped:
			c.Dropped++
		default:
			c.Samples++
		}
		c.Tasks = s.Tasks
	}
	return c
}

// cell takes a figure of all runs that count, and of those in whose round that of the first rules counts, too.
func (p *Point) cell(key string, rules int) (c Cell) {
	var mine, first []float64
	for i := range p.Rounds {
		s := p.Rounds[i].Runs[rules]
		if s == nil || !s.Counts() {
			continue
		}
		v, has := s.Figures[key]
		if !has {
			continue
		}
		c.Samples = append(c.Samples, v)
		if one := p.Rounds[i].Runs[0]; one != nil && one.Counts() {
			if base, has := one.Figures[key]; has {
				mine, first = append(mine, v), append(first, base)
			}
		}
	}
	c.Interval = measure.MedianOf(c.Samples)
	if rules > 0 && len(mine) > 0 {
		change := measure.Compare(mine, first)
		c.Change = &change
	}
	return c
}

// Enough returns how many good rounds it takes until any of the verdicts can name a difference.
func (j *Judged) Enough() int {
	n := 1
	for j.Verdicts > 0 && measure.LeastP(n) > (1-measure.Confidence)/float64(j.Verdicts) {
		n++
	}
	return n
}

// OK reports that no run failed.
func (j *Judged) OK() bool {
	for _, p := range j.Points {
		for _, c := range p.Candidates {
			if c.Failed > 0 {
				return false
			}
		}
	}
	return true
}

// Word is the verdict about a cell of a row.
func (r *Row) Word(v measure.Verdict) string {
	switch v {
	case measure.More:
		return r.More
	case measure.Less:
		return r.Less
	case measure.Same:
		return "no difference"
	}
	return "too noisy to say"
}
