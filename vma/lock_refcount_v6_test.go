package vma

import (
	"testing"

	"vmasim/explore"
)

// TestGenerations: an mm follows the generation of its rules, whether they are named together or one by one.
func TestGenerations(t *testing.T) {
	for spec, want := range map[string]Generation{
		"":                           Refcount,
		"linux-6.18,+hole-first":     Refcount,
		"linux-6.18,-typesafe-slab":  Refcount, // when memory is reused is no matter of the lock
		"linux-6.18,+seq-counter":    Refcount, // nor is how write sections are counted
		"linux-6.18,-detach-waits":   RefcountV6,
		"linux-6.18,-retry-detached": RefcountV6,
		"refcount-v6":                RefcountV6,
		"refcount":                   RefcountV6,
		"free-at-zero":               FreeAtZero,
		"free-at-zero,+detach-waits": FreeAtZero,
		"three-state":                ThreeState,
		"vma-rwsem":                  RWSem,
		"vma-rwsem,-seq-counter":     RWSem,
		"vma-rwsem-seqcount":         RWSem,
		"mmap-lock":                  MmapOnly,
		"spf-seq":                    Speculative,
	} {
		if got := newLab(spec).mm("a").Generation; got != want {
			t.Errorf("rules %q: generation %d, expected %d", spec, got, want)
		}
	}
}

// TestV6WithAllRulesIsRefcount: with every rule in force the two generations take the same steps, so their programs have as many
// executions.
func TestV6WithAllRulesIsRefcount(t *testing.T) {
	for name, made := range map[string]func(*lab) program{
		"a reader beside a writer": readerBesideWriter,
		"reuse by another mm":      reuse,
	} {
		want, err := search("", explore.Options{}, made)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := search("", explore.Options{}, func(l *lab) program {
			l.asV6 = true
			return made(l)
		})
		if err != nil || got != want {
			t.Errorf("%s: %d executions as RefcountV6, %d as Refcount, %v", name, got, want, err)
		}
	}
}
