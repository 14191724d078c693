package task

import (
	"strings"
	"testing"
)

func TestTablesAreFull(t *testing.T) {
	seen := map[string]bool{}
	for op := range NumOps {
		info := op.Info()
		if info.Name == "" || info.Name != op.String() || seen[info.Name] {
			t.Errorf("operation %d is called %q", op, info.Name)
		}
		seen[info.Name] = true
		if info.Kind.String() == "" || info.Order.String() == "" {
			t.Errorf("%s: kind %d, order %d", op, info.Kind, info.Order)
		}
	}
}

func TestWaitsAndWakesAreClassed(t *testing.T) {
	for op, kind := range map[Op]Kind{
		OpRWSemWait: Wait, OpMutexWait: Wait, OpGracePeriodWait: Wait, OpSchedule: Wait, OpRCUWaitEvent: Wait,
		OpWakeUp: Wake, OpDownWrite: Lock, OpDownReadTrylock: Try, OpDowngradeWrite: Unlock, OpPlainWrite: Write,
		OpReadOnce: Read, OpCmpXchg: RMW,
	} {
		if got := op.Info().Kind; got != kind {
			t.Errorf("%s is a %s, want %s", op, got, kind)
		}
	}
}

func TestFieldAt(t *testing.T) {
	l := &Layout{Type: "x", Size: 24, Fields: []Field{{Name: "a", Offset: 0, Size: 8}, {Name: "b", Offset: 16, Size: 4}}}
	for offset, want := range map[uintptr]string{0: "a", 7: "a", 8: "", 15: "", 16: "b", 19: "b", 20: "", 100: ""} {
		got := ""
		if f := l.FieldAt(offset); f != nil {
			got = f.Name
		}
		if got != want {
			t.Errorf("at %d: %q, want %q", offset, got, want)
		}
	}
}

func TestCellName(t *testing.T) {
	l := &Layout{Type: "x", Size: 48, Fields: []Field{{Name: "a", Size: 8}, {Name: "b", Offset: 16, Size: 32, Cell: 8}}}
	for offset, want := range map[uintptr]string{0: ".a", 8: "", 16: ".b[0]", 24: ".b[1]", 47: ".b[3]"} {
		if got := l.CellName(offset); got != want {
			t.Errorf("at %d: %q, want %q", offset, got, want)
		}
	}
}

// TestNamesAreRead: each operation, kind and order is found by its name.
func TestNamesAreRead(t *testing.T) {
	for op := range NumOps {
		var got Op
		if text, _ := op.MarshalText(); got.UnmarshalText(text) != nil || got != op {
			t.Errorf("%v is read as %v", op, got)
		}
		var kind Kind
		if text, _ := op.Info().Kind.MarshalText(); kind.UnmarshalText(text) != nil || kind != op.Info().Kind {
			t.Errorf("%v is read as %v", op.Info().Kind, kind)
		}
		var order Order
		if text, _ := op.Info().Order.MarshalText(); order.UnmarshalText(text) != nil || order != op.Info().Order {
			t.Errorf("%v is read as %v", op.Info().Order, order)
		}
	}
	var op Op
	if err := op.UnmarshalText([]byte("WRITE_TWICE")); err == nil {
		t.Error("an unknown operation is read")
	}
}

// TestOrdersOfReadModifyWrites: an operation of an atomic_t that returns nothing orders nothing, one that returns something is a full barrier
// unless its name says otherwise (Documentation/atomic_t.txt); those of a refcount_t order less (refcount-vs-atomic.rst). set_bit is void.
func TestOrdersOfReadModifyWrites(t *testing.T) {
	void := map[Op]bool{OpAtomicAdd: true, OpAtomicInc: true, OpSetBit: true}
	for op := OpXchg; op <= OpRefSetRelease; op++ {
		info, want := op.Info(), Full
		switch name := info.Name; {
		case strings.HasSuffix(name, "_acquire"):
			want = Acquire
		case strings.HasSuffix(name, "_release"), strings.Contains(name, "refcount_dec"), strings.HasPrefix(name, "refcount_sub"):
			want = Release
		case void[op], strings.HasSuffix(name, "_relaxed"), strings.Contains(name, "refcount_"):
			want = Relaxed
		}
		if info.Order != want {
			t.Errorf("%s is %s, expected %s", info.Name, info.Order, want)
		}
	}
}
