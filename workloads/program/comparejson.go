package program

// comparisonJSON is a comparison in JSON, which is what explore --against --format json prints: one object. docs/explore.md names every
// key, and keys are only ever added.
type comparisonJSON struct {
	Rules       string         `json:"rules"`
	Against     string         `json:"against"`
	Interrupted bool           `json:"interrupted"`
	Scenarios   int            `json:"scenarios"`
	Counts      map[Change]int `json:"counts"`
	Worse       int            `json:"worse"`
	Compared    []*Pair        `json:"compared"`
}

// MarshalJSON implements [json.Marshaler].
func (c *Comparison) MarshalJSON() ([]byte, error) {
	out := comparisonJSON{
		Rules: c.Rules, Against: c.Against, Interrupted: c.Interrupted, Scenarios: c.Scenarios,
		Counts: map[Change]int{}, Worse: len(c.Worse()), Compared: listed(c.Pairs),
	}
	for _, change := range Changes() {
		out.Counts[change] = c.Count(change)
	}
	return plain(&out)
}

// pairJSON is one scenario of a comparison. A side goes by the flag that names its rules.
type pairJSON struct {
	Scenario string  `json:"scenario"`
	Change   Change  `json:"change"`
	Worse    bool    `json:"worse"`
	With     *Result `json:"rules"`
	Against  *Result `json:"against"`
	Only     struct {
		Broken       Sides `json:"broken"`
		Outcomes     Sides `json:"outcomes"`
		Reached      Sides `json:"reached"`
		NeverReached Sides `json:"never_reached"`
	} `json:"only"`
}

// MarshalJSON implements [json.Marshaler].
func (p *Pair) MarshalJSON() ([]byte, error) {
	out := pairJSON{Scenario: p.Scenario, Change: p.Change, Worse: p.Worse, With: p.With, Against: p.Against}
	out.Only.Broken, out.Only.Outcomes = p.Broken.listed(), p.Outcomes.listed()
	out.Only.Reached, out.Only.NeverReached = p.Reached.listed(), p.NeverReached.listed()
	return plain(&out)
}

func (s Sides) listed() Sides { return Sides{listed(s.With), listed(s.Against)} }

// summaryJSON is a summary in JSON, which is what explore --summary --format json prints: one object.
type summaryJSON struct {
	Interrupted bool           `json:"interrupted"`
	Searches    int            `json:"searches"`
	Counts      map[string]int `json:"counts"`
	AsStated    int            `json:"as_stated"`
	Results     []*Result      `json:"results"`
}

// MarshalJSON implements [json.Marshaler].
func (s *Summary) MarshalJSON() ([]byte, error) {
	out := summaryJSON{
		Interrupted: s.Interrupted, Searches: s.Searches, Counts: map[string]int{}, AsStated: s.AsStated(), Results: listed(s.Results),
	}
	for _, verdict := range Verdicts() {
		out.Counts[verdict] = s.Count(verdict)
	}
	return plain(&out)
}
