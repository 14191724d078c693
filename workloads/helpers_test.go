package workloads

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameButPlaces compares scenarios without positions.
var sameButPlaces = cmp.Options{
	cmpopts.IgnoreTypes(Pos{}),
	cmpopts.IgnoreUnexported(Block{}),
	cmpopts.EquateEmpty(),
}

// checkRoundTrip checks that printing a scenario loses nothing and settles at
// once.
func checkRoundTrip(t *testing.T, src string) {
	t.Helper()
	const name = "x.vma"
	first, err := Parse(name, []byte(src))
	if err != nil {
		t.Fatalf("Parse:\n%v\n%s", err, src)
	}
	printed := first.String()
	second, err := Parse(name, []byte(printed))
	if err != nil {
		t.Fatalf("Parse of String:\n%v\n%s", err, printed)
	}
	if diff := cmp.Diff(first, second, sameButPlaces); diff != "" {
		t.Fatalf("not the same after printing:\n%s\n%s", diff, printed)
	}
	if again := second.String(); again != printed {
		t.Fatalf("printing does not settle:\n%s\nthen:\n%s", printed, again)
	}
}

func mustParse(t testing.TB, src string) *Scenario {
	t.Helper()
	sc, err := Parse("x.vma", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}
