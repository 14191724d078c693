// Package rules declares what the kernel does that can be switched off or chosen. A rule is declared once, in the
// table below; the parser, the help text, the manual and the protocol code all refer to it.
//
// A generation is a named set of rules. A specification such as "linux-6.18,-detach-waits,+poison" starts with a
// generation and adds or takes away single rules.
package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/suggest"
)

// Rule is one thing the kernel does.
type Rule uint8

// The rules.
const (
	DetachWaits Rule = iota
	CheckVMMM
	PinForeignMM
	AttachBeforeStore
	LockNewVMA
	MunmapDowngrade
	ForkLocksParent
	TypesafeSlab
	numRules
)

// Info describes a rule.
type Info struct {
	Name   string // as written in a specification
	Does   string // what the kernel does, one line
	Since  string // version and commit subject
	Breaks string // what goes wrong without it
}

var ruleTable = [numRules]Info{
	DetachWaits: {
		Name:   "detach-waits",
		Does:   "vma_mark_detached waits for readers that still hold a reference",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count"`,
		Breaks: "a reader's put drops the count to zero after the writer freed or re-attached the VMA",
	},
	CheckVMMM: {
		Name:   "check-vm-mm",
		Does:   "vma_start_read compares vma->vm_mm with the caller's mm after taking the reference",
		Since:  `6.15, "mm: make vma cache SLAB_TYPESAFE_BY_RCU"`,
		Breaks: "a VMA reused by another mm at the same address is taken for one's own",
	},
	PinForeignMM: {
		Name:   "pin-foreign-mm",
		Does:   "a reader that took a foreign VMA pins its mm before it drops the reference",
		Since:  `6.16.1, "mm: fix a UAF when vma->mm is freed after vma->vm_refcnt got dropped"`,
		Breaks: "the reader wakes the writer of an mm that is already freed",
	},
	AttachBeforeStore: {
		Name:   "attach-before-store",
		Does:   "mmap, split and link attach a new VMA before the tree store makes it visible",
		Since:  `6.15, "mm: mark vma as detached until it's added into vma tree"`,
		Breaks: "nothing: a finder between store and attach gets EAGAIN and counts a vma_lock_miss",
	},
	LockNewVMA: {
		Name:   "lock-new-vma",
		Does:   "mmap write-locks a new VMA before the tree store makes it visible",
		Since:  `6.5, "mm: lock newly mapped VMA which can be modified after it becomes visible"`,
		Breaks: "a fault sees the VMA before mmap has finished with it",
	},
	MunmapDowngrade: {
		Name:   "munmap-downgrade",
		Does:   "munmap downgrades mmap_lock before it clears and frees page tables",
		Since:  `4.20, "mm: mmap: zap pages with read mmap_sem in munmap"`,
		Breaks: "nothing: readers of the mm wait longer",
	},
	ForkLocksParent: {
		Name:   "fork-locks-parent",
		Does:   "fork write-locks each VMA of the parent before it copies it",
		Since:  `6.5, "fork: lock VMAs of the parent process when forking"`,
		Breaks: "a fault maps a page in the parent that the child's VMA does not know the anon_vma of",
	},
	TypesafeSlab: {
		Name:   "typesafe-slab",
		Does:   "VMA memory is reused at once (SLAB_TYPESAFE_BY_RCU); without, after a grace period",
		Since:  `6.15, "mm: make vma cache SLAB_TYPESAFE_BY_RCU"`,
		Breaks: "nothing: freed VMAs stay unused until a grace period has ended",
	},
}

// Info returns the rule's description.
func (r Rule) Info() Info { return ruleTable[r] }

func (r Rule) String() string { return ruleTable[r].Name }

// All returns every rule in declaration order.
func All() []Rule {
	all := make([]Rule, numRules)
	for i := range all {
		all[i] = Rule(i)
	}
	return all
}

// Generation is a named set of rules.
type Generation struct {
	Name string
	Doc  string
	set  uint64
}

// Default is the generation in force when nothing else is said.
const Default = "linux-6.18"

var generationTable = [...]Generation{
	{Name: "linux-6.18", Doc: "what Linux 6.18 does: one reference count per VMA, type-safe reuse, foreign mm pinned", set: 1<<numRules - 1},
}

// Generations returns the generations in order of age.
func Generations() []Generation { return slices.Clone(generationTable[:]) }

// Set is the rules in force on a machine.
type Set struct {
	generation string
	bits       uint64
}

// Has reports whether the rule is in force.
func (s *Set) Has(r Rule) bool { return s.bits&(1<<r) != 0 }

// String returns the shortest specification of the set.
func (s *Set) String() string {
	var base uint64
	for _, g := range generationTable {
		if g.Name == s.generation {
			base = g.set
		}
	}
	out := s.generation
	for _, r := range All() {
		switch in, was := s.Has(r), base&(1<<r) != 0; {
		case in && !was:
			out += ",+" + r.String()
		case !in && was:
			out += ",-" + r.String()
		}
	}
	return out
}

// Parse reads a specification: a generation (the default one if left out), then ,+rule and ,-rule.
func Parse(spec string) (Set, error) {
	s := Set{generation: Default}
	parts := strings.Split(spec, ",")
	if first := strings.TrimSpace(parts[0]); first != "" && first[0] != '+' && first[0] != '-' {
		s.generation = first
		parts = parts[1:]
	}
	found := false
	for _, g := range generationTable {
		if g.Name == s.generation {
			s.bits, found = g.set, true
		}
	}
	if !found {
		return Set{}, errors.New(suggest.Unknown("generation", s.generation, generationNames(), ""))
	}
	for _, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" {
			continue
		}
		if p[0] != '+' && p[0] != '-' {
			return Set{}, fmt.Errorf("rule %q: expected + or - before it", p)
		}
		r, err := find(p[1:])
		if err != nil {
			return Set{}, err
		}
		if p[0] == '+' {
			s.bits |= 1 << r
		} else {
			s.bits &^= 1 << r
		}
	}
	return s, nil
}

func find(name string) (Rule, error) {
	names := make([]string, numRules)
	for i, info := range ruleTable {
		if info.Name == name {
			return Rule(i), nil
		}
		names[i] = info.Name
	}
	return 0, errors.New(suggest.Unknown("rule", name, names, ""))
}

func generationNames() []string {
	var names []string
	for _, g := range generationTable {
		names = append(names, g.Name)
	}
	return names
}
