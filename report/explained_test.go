package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/classroom/explain"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// explanations says of names whether vmasim explain knows them.
type explanations struct {
	asked map[string]bool
	kinds map[string]int // how many names of a kind it was asked
}

func newExplanations() *explanations {
	return &explanations{asked: map[string]bool{}, kinds: map[string]int{}}
}

// want complains of a name that is not explained.
func (x *explanations) want(t *testing.T, kind, name, where string) {
	t.Helper()
	if x.asked[name] {
		return
	}
	x.asked[name] = true
	x.kinds[kind]++
	if _, err := explain.Find(name); err != nil {
		t.Errorf("%s prints %s %q, which is not explained", where, kind, name)
	}
}

// report asks of every name that a report of a search has: in its drawings, with all steps, and in the verdict.
func (x *explanations) report(t *testing.T, sc *workloads.Scenario, r *program.Result) {
	t.Helper()
	where := sc.Name + " under " + r.Rules
	for _, v := range r.Violations {
		for i := range v.Trace.Steps {
			s := &v.Trace.Steps[i]
			for _, fn := range s.Stack[min(1, len(s.Stack)):] {
				x.want(t, "function", fn, where)
			}
			x.want(t, "operation", s.Op.String(), where)
			if strings.ContainsAny(s.Cell, ".#") { // else it is an address space, as the scenario calls it
				x.want(t, "cell", s.Cell, where)
			}
			for _, value := range []string{s.Was, s.Is} {
				if object.MatchString(value) {
					x.want(t, "structure", value, where)
				}
			}
			if len(s.Stack) > 0 {
				x.statement(t, s.Stack[0], where)
			}
		}
	}
	for kind, names := range map[string][]string{"oracle": slices.Concat(r.Broken(), r.Without), "point": r.Reached, "strategy": {string(r.Search.Strategy)}} {
		for _, name := range names {
			x.want(t, kind, name, where)
		}
	}
	for _, c := range r.Choices {
		x.want(t, "choice", string(c), where)
	}
	for _, o := range r.Outcomes {
		for _, m := range resultWord.FindAllStringSubmatch(o.Text, -1) {
			x.want(t, "result", m[1], where)
		}
	}
}

var (
	object     = regexp.MustCompile(`^[a-z_0-9]+#\d+$`)
	resultWord = regexp.MustCompile(`=((?:E|SEGV_|SIG)[A-Z0-9_]+|ok)\b`)
)

// statement asks of the call that a line of a scenario makes, and of the results that it states.
func (x *explanations) statement(t *testing.T, line, where string) {
	call, states, _ := strings.Cut(line, "=>")
	if words := strings.Fields(call); len(words) > 0 {
		x.want(t, "statement", words[0], where)
	}
	for _, result := range strings.Split(states, "|") {
		if result = strings.TrimSpace(result); resultWord.MatchString("=" + result) {
			x.want(t, "result", result, where)
		}
	}
}
