package vma

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
)

// TestPolicy: a copy of a VMA shares its policy, which lives until the last VMA has gone or has got another.
func TestPolicy(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.detached(mm)
	policy := func(node uint8) *Policy {
		p, err := l.cache.NewPolicy(tk, node)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := policy(1)
	l.cache.ReplacePolicy(tk, v, first)
	d, err := l.cache.Dup(tk, v, mm)
	if err != nil {
		t.Fatal(err)
	}
	if d.Policy(tk) != first || first.Node(tk) != 1 {
		t.Error("the copy has another policy")
	}
	l.cache.ReplacePolicy(tk, v, policy(0))
	if n := l.cache.Policies(); n != 2 || d.Policy(tk) != first || v.Policy(tk).Node(tk) != 0 {
		t.Errorf("%d policies", n)
	}
	l.cache.Free(tk, d)
	l.cache.Free(tk, v)
	if n := l.cache.Policies(); n != 0 {
		t.Errorf("%d policies are left", n)
	}
	if n := l.detached(mm); n.Policy(tk) != nil {
		t.Error("a new VMA has a policy")
	}
	tk.Observer = fails{}
	if _, err := l.cache.NewPolicy(tk, 0); !errors.Is(err, linux.ENOMEM) {
		t.Errorf("%v", err)
	}
}
