// Package rules declares what the kernel does that can be switched off or chosen. A rule is declared once: a constant in
// table.go, and a row in the file of its family; the parser, the help text, the manual and the protocol code all refer to it.
//
// A generation is a named set of rules. A specification such as "linux-6.18,-detach-waits,+hole-first" starts with a
// generation and adds or takes away single rules.
package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/suggest"
)

// Rule is one thing the kernel does, or could do.
type Rule uint16

// Info describes a rule.
type Info struct {
	Name   string   // as written in a specification
	Does   string   // what the kernel does, one line
	Since  string   // version and commit subject, or who proposed it
	Breaks string   // what goes wrong when it is switched, "" if nothing does
	Effect string   // what changes all the same where nothing goes wrong
	Shows  string   // the litmus test that demonstrates it
	Beside string   // settings that both sides of the demonstration have besides, as "-check-vm-mm"
	Seen   Seen     // in what their reports differ
	Order  string   // the ordering requirement that it meets, "O1" to "O12", if it does
	Also   []string // calls that it is about more than the others of its family, which may lack them
	Locks  Locks    // under which the rule means something; none named: under all
	Home   string   // the generation that the demonstration begins with; "": the default, under whose lock the rule then means something
}

// Seen names the part of an explorer's report that a rule changes.
type Seen string

// The parts of a report, from the plainest on.
const (
	SeenVerdict    Seen = "the verdict"
	SeenReached    Seen = "what was never reached"
	SeenExecutions Seen = "the number of executions"
	SeenNothing    Seen = "nothing"
)

// Home returns the generation in which the rule is demonstrated: the default, if it means something there.
func (r Rule) Home() Generation {
	if home := r.Info().Home; home != "" {
		return mustGeneration(home)
	}
	return mustGeneration(Default)
}

// Switched returns how a specification takes the rule off its home generation, or adds it where that lacks it.
func (r Rule) Switched() string { return setting{r, !r.Home().Has(r)}.String() }

// Demonstration returns the two specifications to compare by the litmus test: without the switch of the rule, and with it.
func (r Rule) Demonstration() (plain, switched string) {
	plain = r.Home().Name
	if beside := r.Info().Beside; beside != "" {
		plain += "," + beside
	}
	return plain, plain + "," + r.Switched()
}

// Info returns the rule's description.
func (r Rule) Info() Info {
	if info := placeTable[r].info; info != nil {
		return *info
	}
	return Info{}
}

func (r Rule) String() string { return r.Info().Name }

// All returns every rule in declaration order.
func All() []Rule {
	all := make([]Rule, numRules)
	for i := range all {
		all[i] = Rule(i)
	}
	return all
}

// Find returns the rule of that name. The error says what was probably meant.
func Find(name string) (Rule, error) {
	names := make([]string, numRules)
	for i, r := range All() {
		if names[i] = r.String(); names[i] == name {
			return r, nil
		}
	}
	return 0, errors.New(suggest.Unknown("rule", name, names, "one that vmasim rules lists"))
}

// Generation is a named set of rules for one kind of lock.
type Generation struct {
	Name string
	Doc  string
	Lock Lock
	Facts
	Judge string // the series of kernels that can say what is told wrong; "": that of the default, since one task alone finds the same
	Lacks []Rule // for want of which it is wrong beside most writers
	set   bits   // of rules that mean something under the lock
}

// Sound returns the specification of the generation with what it lacks: under that no operation is wrong beside another.
func (g Generation) Sound() string {
	spec := g.Name
	for _, r := range g.Lacks {
		spec += ",+" + r.String()
	}
	return spec
}

// Facts tell generations apart, in the words of docs/generations.md.
type Facts struct {
	Kernels  string // that have it
	Readers  string // how they keep a VMA as it is
	Writers  string // how they keep readers out
	Unlock   string // how all write locks of an mm end
	Detached string // how a VMA says that it is
	Memory   string // when that of a freed VMA is used again
	Falls    string // when a fault goes on under mmap_lock
	Bytes    string // of a VMA and its lock in the kernel
}

// Default is the generation in force when nothing else is said.
const Default = "linux-6.18"

// Generations returns the generations in order of age.
func Generations() []Generation { return slices.Clone(generationTable[:]) }

// FindGeneration returns the generation of that name. The error says what was probably meant.
func FindGeneration(name string) (Generation, error) {
	names := make([]string, len(generationTable))
	for i, g := range generationTable {
		if g.Name == name {
			return g, nil
		}
		names[i] = g.Name
	}
	return Generation{}, errors.New(suggest.Unknown("generation", name, names, ""))
}

// Has reports whether the rule belongs to the generation.
func (g Generation) Has(r Rule) bool { return g.set.has(r) }

// Without returns the rules that the default generation has and g has not, though they mean something under its lock.
func (g Generation) Without() []Rule {
	return mustGeneration(Default).set.without(g.set).and(under(g.Lock)).rules()
}

// Meaningless returns the rules that say nothing under the lock of g.
func (g Generation) Meaningless() []Rule { return bitsOf(All()...).without(under(g.Lock)).rules() }

// With returns the rules that g has and the default generation has not.
func (g Generation) With() []Rule { return g.set.without(mustGeneration(Default).set).rules() }

func mustGeneration(name string) Generation {
	g, err := FindGeneration(name)
	if err != nil {
		panic(err) // the name comes from the table
	}
	return g
}

// Set is the rules in force on a machine, and the lock that they are for.
type Set struct {
	generation string // that the specification began with
	lock       Lock
	bits       bits
	given      bits // the rules that mean something under the lock
}

// Lock returns what keeps the VMAs as they are.
func (s *Set) Lock() Lock { return s.lock }

// Judge returns the series of kernels, such as 7.3, that can say what is told wrong of the generation.
func (s *Set) Judge() string {
	if series := mustGeneration(s.generation).Judge; series != "" {
		return series
	}
	return mustGeneration(Default).Judge
}

// Has reports whether the rule is in force.
func (s *Set) Has(r Rule) bool { return s.bits.has(r) }

// Dropped reports whether the rule is not in force though it means something under the lock.
func (s *Set) Dropped(r Rule) bool { return !s.Has(r) && s.given.has(r) }

// Lacks reports whether a rule of the mask is not in force.
func (s *Set) Lacks(mask Mask) bool { return s.bits[0]&uint64(mask) != uint64(mask) }

// Mask is several rules of the first word of a set, which are tested together.
type Mask uint64

// String returns the shortest specification of the set.
func (s *Set) String() string {
	base := mustGeneration(s.generation)
	out := s.generation
	for _, r := range s.bits.differ(base.set).rules() {
		sign := ",-"
		if s.Has(r) {
			sign = ",+"
		}
		if implied(base.set, s.bits, r) {
			continue
		}
		out += sign + r.String()
	}
	return out
}

// implied reports whether a rule is missing only because one that it is nothing without was taken away.
func implied(base, set bits, r Rule) bool {
	for _, c := range contradictionTable {
		if c.b.rule == r && !c.b.in(set) && c.a.in(set) && !c.a.in(base) {
			return true
		}
	}
	return false
}

// setting is a rule switched on or off.
type setting struct {
	rule Rule
	on   bool
}

func (s setting) in(set bits) bool { return set.has(s.rule) == s.on }

func (s setting) String() string {
	if s.on {
		return "+" + s.rule.String()
	}
	return "-" + s.rule.String()
}

// contradiction is two settings that make no sense together. Where b is not asked for, a takes it back.
type contradiction struct {
	a, b setting
	why  string
}

// GivesWay returns for each setting that takes one of the rule back, unless that is asked for, both of them and why.
func (r Rule) GivesWay() (whys []string) {
	for _, c := range contradictionTable {
		if c.b.rule == r {
			whys = append(whys, fmt.Sprintf("%s takes %s back: %s", c.a, c.b, c.why))
		}
	}
	return whys
}

// Parse reads a specification: a generation (the default one if left out), then ,+rule and ,-rule. It refuses settings
// that contradict each other, with the reason.
func Parse(spec string) (Set, error) {
	s := Set{generation: Default}
	parts := strings.Split(spec, ",")
	if first := strings.TrimSpace(parts[0]); first != "" && first[0] != '+' && first[0] != '-' {
		s.generation = first
		parts = parts[1:]
	}
	g, err := FindGeneration(s.generation)
	if err != nil {
		return Set{}, err
	}
	s.lock, s.bits, s.given = g.Lock, g.set, under(g.Lock)
	var asked bits
	for _, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" {
			continue
		}
		set, err := parseSetting(p)
		if err != nil {
			return Set{}, err
		}
		if asked.has(set.rule) && !set.in(s.bits) {
			return Set{}, fmt.Errorf("rule %s is both added and taken away, expected one of them", set.rule)
		}
		if !g.Lock.gives(set.rule) {
			return Set{}, fmt.Errorf("rule %s says nothing under generation %s, where VMAs are kept as they are by %s: expected one of %s before it",
				set, g.Name, g.Lock, strings.Join(generationsFor(set.rule), ", "))
		}
		asked.put(set.rule, true)
		s.put(set)
	}
	return s, s.settle(asked)
}

func parseSetting(text string) (setting, error) {
	if text[0] != '+' && text[0] != '-' {
		return setting{}, fmt.Errorf("rule %q: expected + or - before it", text)
	}
	r, err := Find(text[1:])
	return setting{r, text[0] == '+'}, err
}

func (s *Set) put(set setting) { s.bits.put(set.rule, set.on) }

// settle resolves contradictions: the setting that was not asked for gives way.
func (s *Set) settle(asked bits) error {
	for _, c := range contradictionTable {
		switch {
		case !c.a.in(s.bits) || !c.b.in(s.bits) || !s.lock.gives(c.b.rule):
		case asked.has(c.b.rule):
			return fmt.Errorf("rules %s and %s contradict each other: %s", c.a, c.b, c.why)
		default:
			s.put(setting{c.b.rule, !c.b.on})
		}
	}
	return nil
}

// Differ returns the rules that are in force in one of two sets, and mean something under the lock of s.
func (s *Set) Differ(o *Set) []Rule {
	return s.bits.differ(o.bits).and(s.given).rules()
}

// As returns the set with some rules as another set has them. The error says which of them contradict what it has besides.
func (s *Set) As(o *Set, all []Rule) (Set, error) {
	c := *s
	for _, r := range all {
		c.put(setting{r, o.Has(r)})
	}
	return c, c.settle(bitsOf(all...))
}
