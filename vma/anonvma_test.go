package vma

import (
	"slices"
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

func TestLinkAndUnlink(t *testing.T) {
	l := newLab("")
	tk := l.boot
	a := &AnonVMA{ID: 1}
	a.Init(tk)
	v := l.detached(l.mm("a"))
	links := make([]*AnonVMAChain, 4)
	a.Lock(tk)
	for i := range links {
		links[i] = &AnonVMAChain{}
		a.Link(tk, links[i], v)
	}
	if !slices.Equal(a.LinksPeek(), links) || v.Chain(tk) != links[3] || links[3].Next != links[2] || links[0].Next != nil {
		t.Error("the links are wrong")
	}
	for _, i := range []int{1, 3, 0, 2} {
		a.Unlink(tk, links[i])
		for slot, c := range a.LinksPeek() {
			if c == links[i] || c.Slot != slot || c.VMA != v || c.Anon != a {
				t.Errorf("after link %d went, slot %d holds %+v", i, slot, c)
			}
		}
	}
	if len(a.LinksPeek()) != 0 {
		t.Errorf("%d links are left", len(a.LinksPeek()))
	}
	v.PublishAnonVMA(tk, a)
	if v.AnonVMA(tk) != a {
		t.Error("not published")
	}
	a.Unlock(tk)
	l.want(t)
}

// TestAnonVMAIsSeen: who is watched shows when it looks at the root, the parent and the links of an anon_vma, and when it changes them.
func TestAnonVMAIsSeen(t *testing.T) {
	l := newLab("")
	seen := map[string]string{}
	tk := task.New(7, "watched", nil)
	a, root := &AnonVMA{ID: 1}, &AnonVMA{ID: 2}
	root.Init(l.boot)
	tk.Observer = cells{after: func(e *task.Event) {
		for _, f := range AnonVMALayout().Fields {
			if uintptr(e.Addr) == uintptr(unsafe.Pointer(a))+f.Offset {
				seen[f.Name] += " " + e.Op.String()
			}
		}
	}}
	a.Init(tk)
	a.SetParent(tk, root, root)
	a.Lock(tk)
	c := &AnonVMAChain{}
	a.Link(tk, c, l.detached(l.mm("a")))
	if a.Parent(tk) != root || a.Root(tk) != root || !a.Linked(tk) {
		t.Error("it is not what it was made")
	}
	a.Unlink(tk, c)
	a.Unlock(tk)
	for name, want := range map[string]string{"root": " write write read read read", "parent": " write write read", "rb_root": " read write read read write"} {
		if seen[name] != want {
			t.Errorf("%s: %q, expected %q", name, seen[name], want)
		}
	}
}

// cells watches nothing but accesses.
type cells struct {
	task.NoObserver
	after func(*task.Event)
}

func (c cells) After(_ *task.Task, e *task.Event) { c.after(e) }
