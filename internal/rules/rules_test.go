package rules

import (
	"slices"
	"strings"
	"testing"
)

// TestTable: every rule and generation says all that is asked of it, and no generation contradicts itself.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		info := r.Info()
		for part, text := range map[string]string{"Name": info.Name, "Does": info.Does, "Since": info.Since, "Shows": info.Shows, "Seen": string(info.Seen)} {
			if text == "" {
				t.Errorf("rule %s: %s is empty", r, part)
			}
		}
		if (info.Breaks == "") == (info.Effect == "") {
			t.Errorf("rule %s: Breaks is %q and Effect %q, expected one of them to say what comes of switching the rule", r, info.Breaks, info.Effect)
		}
		if seen[info.Name] {
			t.Errorf("rule %s is declared twice", r)
		}
		seen[info.Name] = true
		for _, text := range []string{info.Breaks, info.Effect} {
			if strings.HasPrefix(text, "nothing") {
				t.Errorf("%s: %q is no effect", info.Name, text)
			}
		}
		plain, switched := r.Demonstration()
		a, errA := Parse(plain)
		b, errB := Parse(switched)
		if errA != nil || errB != nil || a.Has(r) == b.Has(r) {
			t.Errorf("%s: %s and %s do not switch it: %v, %v", r, plain, switched, errA, errB)
		}
		if found, err := Find(info.Name); err != nil || found != r {
			t.Errorf("%s: found %v, %v", info.Name, found, err)
		}
	}
	for _, g := range Generations() {
		if f := g.Facts; slices.Contains([]string{f.Kernels, f.Readers, f.Writers, f.Unlock, f.Detached, f.Memory, f.Falls, f.Bytes}, "") {
			t.Errorf("%s does not tell all that tells it apart: %+v", g.Name, f)
		}
		s, err := Parse(g.Name)
		if err != nil || s.bits != g.set || s.String() != g.Name || g.Doc == "" {
			t.Errorf("%s: %v, %v", g.Name, s.String(), err)
		}
		for _, r := range All() {
			if g.Has(r) != s.Has(r) || g.Has(r) && !g.Lock.gives(r) {
				t.Errorf("%s: %s", g.Name, r)
			}
		}
	}
	if s, err := Parse(""); err != nil || s.String() != Default || s.Lacks(RefcountMask) {
		t.Errorf("the default is %v, %v", s.String(), err)
	}
}

func TestParse(t *testing.T) {
	for spec, c := range map[string]struct {
		want     string // in the shortest form
		has, not []Rule
	}{
		"linux-6.18,-detach-waits":                   {"linux-6.18,-detach-waits", []Rule{CheckVMMM}, []Rule{DetachWaits, HoleFirst, SeqCounter}},
		"-detach-waits":                              {"linux-6.18,-detach-waits", nil, []Rule{DetachWaits}},
		" linux-6.18 , +hole-first , -detach-waits ": {"linux-6.18,-detach-waits,+hole-first", []Rule{HoleFirst}, []Rule{DetachWaits}},
		"linux-6.18,+detach-waits,-hole-first":       {"linux-6.18", []Rule{DetachWaits}, []Rule{HoleFirst}},
		"linux-6.18,-detach-waits,-detach-waits":     {"linux-6.18,-detach-waits", nil, []Rule{DetachWaits}},
		// Rules that make no sense without the one taken away go with it.
		"linux-6.18,-check-vm-mm":                 {"linux-6.18,-check-vm-mm", nil, []Rule{CheckVMMM, CheckMMInside, PinForeignMM}},
		"linux-6.18,-check-vm-mm,-pin-foreign-mm": {"linux-6.18,-check-vm-mm", nil, []Rule{CheckVMMM, CheckMMInside, PinForeignMM}},
		"linux-6.18,-munmap-downgrade":            {"linux-6.18,-munmap-downgrade", []Rule{EndWriteOnDowngrade}, []Rule{MunmapDowngrade}},
		"refcount-v6":                             {"refcount-v6", []Rule{ForkLocksParent}, []Rule{DetachWaits, TypesafeSlab}},
		"refcount-v6,+detach-waits":               {"refcount-v6,+detach-waits", []Rule{DetachWaits}, []Rule{TypesafeSlab}},
		"mmap-lock":                               {"mmap-lock", []Rule{MunmapDowngrade, UndoMerge}, []Rule{DetachWaits, TypesafeSlab, SeqCounter, ForkLocksParent}},
		"vma-rwsem":                               {"vma-rwsem", []Rule{SeqCounter, RetryDetached, ForkLocksParent}, []Rule{DetachWaits, TypesafeSlab, WalkAnew}},
		"vma-rwsem,-seq-counter":                  {"vma-rwsem,-seq-counter", []Rule{RetryDetached}, []Rule{SeqCounter}},
		"vma-rwsem-seqcount":                      {"vma-rwsem-seqcount", []Rule{RetryDetached}, []Rule{SeqCounter, DetachWaits}},
		"mmap-lock,-munmap-downgrade":             {"mmap-lock,-munmap-downgrade", nil, []Rule{MunmapDowngrade, EndWriteOnDowngrade}},
		"refcount-v6,+check-vm-mm,+check-mm-inside,+pin-foreign-mm": {"refcount-v6,+check-vm-mm,+check-mm-inside,+pin-foreign-mm", []Rule{CheckVMMM, PinForeignMM}, nil},
		"refcount":                    {"refcount", []Rule{CheckVMMM, DetachWaits}, []Rule{PinForeignMM, CheckMMInside, DropRCU, WalkAnew}},
		"linux-7":                     {"linux-7", []Rule{KillableForkLock, ResetKept, SpareSource, UncountKept, DetachWaits, WalkAnew}, []Rule{UndoSplit, HoleFirst, SeqCounter}},
		"linux-7,-killable-fork-lock": {"linux-7,-killable-fork-lock", []Rule{ResetKept}, []Rule{KillableForkLock}},
		"linux-6.18,-drop-rcu":        {"linux-6.18,-drop-rcu", nil, []Rule{DropRCU, WalkAnew}},
		"linux-6.18,-check-mm-inside": {"linux-6.18,-check-mm-inside", []Rule{CheckVMMM}, []Rule{CheckMMInside, PinForeignMM}},
		"linux-6.18,-callers-mm,-retry-detached,+hole-first": {"linux-6.18,-retry-detached,-callers-mm,+hole-first", nil, nil},
	} {
		s, err := Parse(spec)
		if err != nil || s.String() != c.want {
			t.Errorf("%q: %q, %v; expected %q", spec, s.String(), err, c.want)
			continue
		}
		for _, r := range All() {
			if slices.Contains(c.has, r) && !s.Has(r) || slices.Contains(c.not, r) && s.Has(r) {
				t.Errorf("%q: %s in force: %v", spec, r, s.Has(r))
			}
		}
		if again, err := Parse(s.String()); err != nil || again != s {
			t.Errorf("%q, read again: %v, %v", spec, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"linux-6.19":              `unknown generation "linux-6.19", did you mean "linux-6.18"?`,
		"linux-6.18,detach-waits": `rule "detach-waits": expected + or - before it`,
		"linux-6.18,-detach-wait": `unknown rule "detach-wait", did you mean "detach-waits"?`,
		"-hole-first,+hole-first": "rule hole-first is both added and taken away, expected one of them",
		"+pin-foreign-mm,-check-vm-mm": "rules -check-vm-mm and +pin-foreign-mm contradict each other: " +
			"without the comparison no VMA is found to be foreign",
		"vma-rwsem,-detach-waits": "rule -detach-waits says nothing under generation vma-rwsem, where VMAs are kept as they are by a rwsem of each: " +
			"expected one of refcount-v6, free-at-zero, three-state, refcount, linux-6.18, linux-7 before it",
		"mmap-lock,+hole-first": "rule +hole-first says nothing under generation mmap-lock, where VMAs are kept as they are by mmap_lock alone: " +
			"expected one of vma-rwsem, vma-rwsem-seqcount, refcount-v6, free-at-zero, three-state, refcount, linux-6.18, linux-7 before it",
		"refcount-v6,+pin-foreign-mm": "rules -check-vm-mm and +pin-foreign-mm contradict each other: ",
		"-munmap-downgrade,-end-write-on-downgrade": "rules -munmap-downgrade and -end-write-on-downgrade contradict each other: " +
			"nothing downgrades",
	} {
		if _, err := Parse(spec); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, expected %s", spec, err, want)
		}
	}
}

// TestGenerationsDiffer: what a generation lacks and has more than the default, taken together, leads back to it; or, under another
// lock, to those of its rules that mean something under both.
func TestGenerationsDiffer(t *testing.T) {
	for _, g := range Generations() {
		spec := Default
		for _, r := range g.Without() {
			spec += ",-" + r.String()
		}
		for _, r := range g.With() {
			if mustGeneration(Default).Lock.gives(r) {
				spec += ",+" + r.String()
			}
		}
		both := under(g.Lock).and(under(mustGeneration(Default).Lock))
		if s, err := Parse(spec); err != nil || s.bits.and(both) != g.set.and(both) {
			t.Errorf("%s is not %s: %v", g.Name, spec, err)
		}
	}
}

// TestMeaningless: a rule that says nothing under the lock of a generation is neither added nor taken away there, by itself or as what
// another one is nothing without, and the refusal names generations in which it can be.
func TestMeaningless(t *testing.T) {
	refused := 0
	for _, g := range Generations() {
		for _, r := range g.Meaningless() {
			for _, sign := range []string{",+", ",-"} {
				_, err := Parse(g.Name + sign + r.String())
				if err == nil || !strings.Contains(err.Error(), "says nothing under generation "+g.Name) || !strings.HasSuffix(err.Error(), " before it") {
					t.Errorf("%s%s%s: %v", g.Name, sign, r, err)
				}
				refused++
			}
			names := generationsFor(r)
			if len(names) == 0 {
				t.Errorf("%s says nothing under any generation", r)
			}
			for _, name := range names {
				if _, err := Parse(name + "," + setting{r, !mustGeneration(name).Has(r)}.String()); err != nil && !strings.Contains(err.Error(), "contradict") {
					t.Errorf("%s is said to be of %s: %v", r, name, err)
				}
			}
		}
		for _, r := range All() {
			s, err := Parse(g.Name + "," + setting{r, !g.Has(r)}.String())
			if err == nil && len(s.bits.without(under(g.Lock)).rules()) > 0 {
				t.Errorf("%s, %s switched, has rules that say nothing: %s", g.Name, r, s.String())
			}
		}
	}
	if refused < 50 {
		t.Errorf("%d settings refused, expected at least 50", refused)
	}
}

// TestSetSays: a set says its lock, what is in force, and what was dropped, which is no rule that means nothing under the lock.
func TestSetSays(t *testing.T) {
	s, err := Parse("linux-6.18,-detach-waits")
	if err != nil || s.Lock() != RefcountLock || s.Has(DetachWaits) || !s.Dropped(DetachWaits) || s.Dropped(LockNewVMA) {
		t.Errorf("%v, %v", s.String(), err)
	}
	old, err := Parse("mmap-lock")
	if err != nil || old.Lock() != MmapLock || old.Dropped(DetachWaits) {
		t.Errorf("%v, %v", old.String(), err)
	}
}

// TestSound: a generation with what it lacks is a specification, whose rules are in force and are those that it lacks without.
func TestSound(t *testing.T) {
	lacking := 0
	for _, g := range Generations() {
		s, err := Parse(g.Sound())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range g.Lacks {
			lacking++
			if g.Has(r) || !s.Has(r) {
				t.Errorf("%s: %s is in force without being added, or is not in force", g.Name, r)
			}
		}
	}
	if lacking == 0 {
		t.Error("no generation lacks anything")
	}
}

// TestJudge: the kernels that judge the default judge every generation that names none of its own.
func TestJudge(t *testing.T) {
	for spec, want := range map[string]string{"": "6.18", "vma-rwsem": "6.18", "linux-7": "7.3", "linux-7,-reset-kept": "7.3"} {
		s, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Judge(); got != want {
			t.Errorf("%q is judged by %s, expected %s", spec, got, want)
		}
	}
}

// TestAs: with the rules in which two sets differ as the other has them, a set is the other, if both are for the same lock.
func TestAs(t *testing.T) {
	parse := func(spec string) Set {
		s, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := parse("linux-6.18,-detach-waits,+hole-first"), parse("refcount-v6")
	differ := a.Differ(&b)
	if !slices.Contains(differ, SettleBeforePut) || slices.Contains(differ, DetachWaits) {
		t.Errorf("they differ in %v", differ)
	}
	if c, err := a.As(&b, differ); err != nil || len(c.Differ(&b)) > 0 || a.Has(HoleFirst) == b.Has(HoleFirst) {
		t.Errorf("%s %v", c.String(), err)
	}
	if c, err := a.As(&b, []Rule{SettleBeforePut}); err != nil || c.String() != "linux-6.18,-detach-waits,-settle-before-put,+hole-first" {
		t.Errorf("%s %v", c.String(), err)
	}
	free := parse("free-at-zero")
	for _, r := range free.Differ(&b) {
		if !free.lock.gives(r) {
			t.Errorf("%s says nothing under free-at-zero", r)
		}
	}
	with, without := parse("linux-6.18"), parse("linux-6.18,-check-vm-mm")
	if _, err := with.As(&without, []Rule{CheckVMMM, PinForeignMM, CheckMMInside}); err != nil {
		t.Error(err)
	}
	other := parse("linux-6.18,-check-vm-mm")
	other.put(setting{PinForeignMM, true}) // which no specification asks for
	if _, err := with.As(&other, []Rule{CheckVMMM, PinForeignMM}); err == nil {
		t.Error("rules that contradict each other make a set")
	}
}
