package workloads

import (
	"slices"
	"strings"

	"vmasim/internal/suggest"
)

// The two kinds of verdict.
const (
	wordVerified  = "verified"
	wordViolation = "violation"
)

// verdictWords are what a verdict may name beside oracles: the questions.
var verdictWords = [...]string{"exists", "always"}

// Verified tells that nothing goes wrong.
func (v *Verdict) Verified() bool { return len(v.Oracles) == 0 }

// String is the verdict as it is written.
func (v *Verdict) String() string {
	if v.Verified() {
		return "verdict " + v.Rules + " " + wordVerified
	}
	return "verdict " + v.Rules + " " + wordViolation + " " + strings.Join(v.Oracles, ", ")
}

// verdict reads RULES verified, or RULES violation ORACLE[, ORACLE...].
func (p *parser) verdict(c *cursor, pos Pos) {
	line := phrase{}
	line.text, line.pos = c.rest()
	rules := line.cut()
	v := &Verdict{Pos: pos, Rules: c.ruleSpec(rules.text, rules.pos)}
	switch word := line.cut(); word.text {
	case wordVerified:
		if line.text != "" {
			c.fail(line.pos, "unexpected %q, expected the end of the line", line.text)
		}
	case wordViolation:
		v.Oracles = c.oracleList(line.text, line.pos)
	case "":
		c.fail(word.pos, "the line ends too early, expected %s or %s ORACLE", wordVerified, wordViolation)
	default:
		c.fail(word.pos, "%s", suggest.Unknown("verdict", word.text, []string{wordVerified, wordViolation}, ""))
	}
	for _, first := range p.sc.Verdicts {
		if first.Rules == v.Rules {
			c.twice("verdict "+v.Rules, first.Pos)
		}
	}
	if p.done(c, "the end of the line") {
		p.sc.Verdicts = append(p.sc.Verdicts, v)
	}
}

// phrase is raw text of a line, and where it begins.
type phrase struct {
	text string
	pos  Pos
}

// cut takes the first word off.
func (f *phrase) cut() phrase {
	n := strings.IndexAny(f.text, " \t")
	if n < 0 {
		n = len(f.text)
	}
	word := phrase{f.text[:n], f.pos}
	rest := strings.TrimLeft(f.text[n:], " \t")
	f.pos.Col += len(f.text) - len(rest)
	f.text = rest
	return word
}

// may reads the choices that exploring may take either way.
func (p *parser) may(c *cursor) {
	text, at := c.rest()
	for word, pos := range commaWords(text, at) {
		if !isKebab(word) {
			c.fail(pos, "bad choice %q, expected a word such as alloc-fails", word)
		}
		for _, first := range p.sc.May {
			if first.Name == word {
				c.twice("may "+word, first.Pos)
			}
		}
		p.sc.May = append(p.sc.May, &Choice{Pos: pos, Name: word})
	}
}

// show reads the oracles that exploring goes on to.
func (p *parser) show(c *cursor, pos Pos) {
	text, at := c.rest()
	show := &Show{Pos: pos, Oracles: c.oracleList(text, at)}
	if first := p.sc.Show; first != nil {
		c.twice("show", first.Pos)
	}
	p.sc.Show = show
}

// Names checks those names in a scenario that the language does not know. Where a function is nil nothing is checked.
type Names struct {
	Rules   func(spec string) error // what is wrong with a specification of rules
	Model   func(name string) error // what is wrong with a memory model
	Oracles []string
	Choices []string
}

// CheckNames checks the rules, oracles and choices that the scenario names. The error is an [ErrorList].
func (s *Scenario) CheckNames(n Names) error {
	var errs ErrorList
	if n.Rules != nil {
		s.checkRules(n.Rules, &errs)
	}
	if s.Model != nil && n.Model != nil {
		if err := n.Model(s.Model.Name); err != nil {
			errs.addf(s.Model.Pos, "%v", err)
		}
	}
	for _, c := range s.May {
		known(&errs, c.Pos, "choice", c.Name, n.Choices)
	}
	for _, q := range s.Questions {
		for _, o := range q.Oracles {
			known(&errs, q.Pos, "oracle", o, n.Oracles)
		}
	}
	if s.Show != nil {
		for _, o := range s.Show.Oracles {
			known(&errs, s.Show.Pos, "oracle", o, n.Oracles)
		}
	}
	for _, v := range s.Verdicts {
		for _, o := range v.Oracles {
			if !slices.Contains(verdictWords[:], o) {
				known(&errs, v.Pos, "oracle", o, n.Oracles)
			}
		}
	}
	return errs.err()
}

func (s *Scenario) checkRules(check func(string) error, errs *ErrorList) {
	if s.Rules != nil {
		if err := check(s.Rules.Spec); err != nil {
			errs.addf(s.Rules.Pos, "%v", err)
		}
	}
	for _, v := range s.Verdicts {
		if err := check(v.Rules); err != nil {
			errs.addf(v.Pos, "%v", err)
		}
	}
}

var whereListed = map[string]string{
	"oracle": "one that vmasim oracles lists",
	"choice": "one that docs/scenarios.md lists",
}

// known reports a name that is none of names; nil names knows all.
func known(errs *ErrorList, pos Pos, what, name string, names []string) {
	if names != nil && !slices.Contains(names, name) {
		errs.addf(pos, "%s", suggest.Unknown(what, name, names, whereListed[what]))
	}
}
