package program

// Summary is what many searches came to.
type Summary struct {
	Searches    int // that are to be made: Results has fewer if they were interrupted
	Interrupted bool
	Results     []*Result
}

// Add takes in what one search came to.
func (s *Summary) Add(r *Result) {
	s.Results = append(s.Results, r)
	s.Interrupted = s.Interrupted || r.Interrupted
}

// Verdicts returns all of them.
func Verdicts() []string { return []string{Violated, Verified, NotFound} }

// Count is how many results have the verdict.
func (s *Summary) Count(verdict string) (n int) {
	for _, r := range s.Results {
		if r.Verdict() == verdict {
			n++
		}
	}
	return n
}

// AsStated is how many results are as their scenarios state; of those that state nothing, those without a violation.
func (s *Summary) AsStated() (n int) {
	for _, r := range s.Results {
		if r.OK() {
			n++
		}
	}
	return n
}
