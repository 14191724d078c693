package check

import (
	"reflect"
	"testing"
	"unsafe"

	"vmasim/vma"
)

// TestReturn: what a checker learns after a snapshot is gone when it has returned to it, whatever the execution before began with.
func TestReturn(t *testing.T) {
	x := newLitmus(t)
	c := newAll(x.l.report)
	c.Born(x.l.boot, unsafe.Pointer(x.m), vma.MMLockLayout())
	c.Born(x.l.boot, unsafe.Pointer(x.v), vma.Layout())
	c.Start()
	x.run(c)
	x.l.boot.Observer = c
	x.l.mm().MmapWriteLock(x.l.boot) // a snapshot may be taken with locks held
	s := c.Snapshot()
	told := func() (all []uint64) {
		c.Tell(func(v uint64) { all = append(all, v) })
		return all
	}
	before := told()
	fresh := x.l.attached(x.l.mm())
	for _, begin := range []func(){func() {}, c.Reset, func() {}} {
		begin()
		c.Born(x.l.boot, unsafe.Pointer(fresh), vma.Layout())
		x.run(c)
		if reflect.DeepEqual(c.Snapshot(), s) {
			t.Fatal("nothing was learned")
		}
		if reflect.DeepEqual(told(), before) {
			t.Error("what was learned is not told")
		}
		if !c.CanReturn(s) {
			t.Fatal("the way back is lost")
		}
		c.Return(s)
		if !reflect.DeepEqual(c.Snapshot(), s) {
			t.Error("what was learned since stays")
		}
		if !reflect.DeepEqual(told(), before) {
			t.Error("what is told is not what is known")
		}
	}
	if len(x.l.list) > 0 {
		t.Error(x.l.list)
	}
}
