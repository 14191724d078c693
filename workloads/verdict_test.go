package workloads

import (
	"errors"
	"slices"
	"testing"
)

func TestVerdicts(t *testing.T) {
	const src = "may alloc-fails, reuse-later\ninit\n yield\n" +
		"never wrong-vma\n" +
		"verdict linux-6.18 verified\n" +
		"verdict  linux-6.18,-detach-waits,+hole-first   violation  bad-free ,always\n"
	checkRoundTrip(t, src)
	sc := mustParse(t, src)
	if len(sc.May) != 2 || sc.May[1].Name != "reuse-later" || len(sc.Verdicts) != 2 {
		t.Fatalf("%v, %v", sc.May, sc.Verdicts)
	}
	first, second := sc.Verdicts[0], sc.Verdicts[1]
	if !first.Verified() || first.Rules != "linux-6.18" {
		t.Errorf("%+v", first)
	}
	if second.Verified() || second.Rules != "linux-6.18,-detach-waits,+hole-first" || !slices.Equal(second.Oracles, []string{"bad-free", "always"}) {
		t.Errorf("%+v", second)
	}
}

// TestCheckNames: names that the language does not know are checked against lists that the caller brings.
func TestCheckNames(t *testing.T) {
	sc := mustParse(t, "rules x\nmay alloc-fail\ninit\n yield\nnever bad-fre\nverdict x violation wrong-vm, always, exists\nverdict y verified\n")
	if err := sc.CheckNames(Names{}); err != nil {
		t.Error(err)
	}
	err := sc.CheckNames(Names{
		Rules:   func(spec string) error { return errors.New("no rules " + spec) },
		Oracles: []string{"bad-free", "wrong-vma"},
		Choices: []string{"alloc-fails"},
	})
	const want = `x.vma:1:1: no rules x
x.vma:2:5: unknown choice "alloc-fail", did you mean "alloc-fails"?
x.vma:5:1: unknown oracle "bad-fre", did you mean "bad-free"?
x.vma:6:1: no rules x
x.vma:6:1: unknown oracle "wrong-vm", did you mean "wrong-vma"?
x.vma:7:1: no rules y`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
