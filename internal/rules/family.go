package rules

import (
	"errors"
	"slices"

	"vmasim/internal/suggest"
)

// rows are the rules of a family.
type rows map[Rule]Info

// Family is a named group of rules. A rule belongs to the one that has its row.
type Family struct {
	Name  string
	Doc   string   // what its rules are about
	Calls []string // statements in which they make a difference: the caller's, and those that come upon it
	May   []string // choices without which some of them make none
	rows  rows
}

// Families returns the families in the order in which a VMA meets them.
func Families() []Family { return slices.Clone(familyTable[:]) }

// FindFamily returns the family of that name. The error says what was probably meant.
func FindFamily(name string) (Family, error) {
	names := make([]string, len(familyTable))
	for i, f := range familyTable {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return Family{}, errors.New(suggest.Unknown("family", name, names, ""))
}

// placeTable says for each rule where its row is: it is asked for often, as by a search for the rules that have a fingerprint.
var placeTable = func() (places [numRules]place) {
	for i := range familyTable {
		for r, info := range familyTable[i].rows {
			places[r] = place{&familyTable[i], &info}
		}
	}
	return places
}()

type place struct {
	family *Family
	info   *Info
}

// Family returns the family that the rule belongs to.
func (r Rule) Family() Family {
	if f := placeTable[r].family; f != nil {
		return *f
	}
	return Family{} // TestFamilies finds a rule without a row
}

// Rules returns the rules of the family in declaration order.
func (f Family) Rules() (rs []Rule) {
	for _, r := range All() {
		if _, ok := f.rows[r]; ok {
			rs = append(rs, r)
		}
	}
	return rs
}

// Concerned returns the statements and choices in which two sets of rules can differ: those of the rules that only one of them has in
// force, and of their families. about: the statements that such rules name themselves.
func Concerned(a, b *Set) (calls, about, may []string) {
	for _, r := range All() {
		if a.Has(r) != b.Has(r) {
			f := r.Family()
			calls, about, may = append(calls, f.Calls...), append(about, r.Info().Also...), append(may, f.May...)
		}
	}
	calls = append(calls, about...)
	for _, words := range []*[]string{&calls, &about, &may} {
		slices.Sort(*words)
		*words = slices.Compact(*words)
	}
	return calls, about, may
}
