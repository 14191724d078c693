package task

import "testing"

func TestLockRule(t *testing.T) {
	rule := LockRule{MmapWrite | VMAWrite, NotYetVisible}
	for _, c := range []struct {
		held LockSet
		want bool
	}{
		{0, false}, {MmapWrite, false}, {VMAWrite, false}, {MmapWrite | VMAWrite, true},
		{MmapWrite | VMAWrite | RmapRead, true}, {NotYetVisible, true}, {MmapRead | VMARead, false},
	} {
		if got := rule.Allows(c.held); got != c.want {
			t.Errorf("holding %q: %v", c.held, got)
		}
	}
	if (LockRule{}).Allows(^LockSet(0)) {
		t.Error("no choice allows anything")
	}
	if got, want := rule.String(), "mmap W + VMA W, or not yet visible"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEveryLockHasAName(t *testing.T) {
	seen := map[string]bool{}
	for i := range numLocks {
		name := LockSet(1 << i).String()
		if name == "" || seen[name] {
			t.Errorf("lock %d is called %q", i, name)
		}
		seen[name] = true
	}
}
