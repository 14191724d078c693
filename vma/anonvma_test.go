package vma

import (
	"slices"
	"testing"
)

func TestLinkAndUnlink(t *testing.T) {
	l := newLab("")
	tk := l.boot
	a := &AnonVMA{ID: 1}
	a.Root = a
	v := l.detached(l.mm("a"))
	links := make([]*AnonVMAChain, 4)
	a.Lock(tk)
	for i := range links {
		links[i] = &AnonVMAChain{}
		a.Link(tk, links[i], v)
	}
	if !slices.Equal(a.Links, links) || v.Chain(tk) != links[3] || links[3].Next != links[2] || links[0].Next != nil {
		t.Error("the links are wrong")
	}
	for _, i := range []int{1, 3, 0, 2} {
		a.Unlink(links[i])
		for slot, c := range a.Links {
			if c == links[i] || c.Slot != slot || c.VMA != v || c.Anon != a {
				t.Errorf("after link %d went, slot %d holds %+v", i, slot, c)
			}
		}
	}
	if len(a.Links) != 0 {
		t.Errorf("%d links are left", len(a.Links))
	}
	v.PublishAnonVMA(tk, a)
	if v.AnonVMA(tk) != a {
		t.Error("not published")
	}
	a.Unlock(tk)
	l.want(t)
}
