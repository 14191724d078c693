package task

import (
	"testing"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/lockorder"
)

// meterLog is a meter that notes what it is told.
type meterLog struct{ said []string }

func (m *meterLog) WaitBegins(Op, LockClass, unsafe.Pointer) { m.said = append(m.said, "begins") }
func (m *meterLog) WaitIsLong()                              { m.said = append(m.said, "long") }
func (m *meterLog) WaitEnds()                                { m.said = append(m.said, "ends") }
func (m *meterLog) Released(unsafe.Pointer)                  { m.said = append(m.said, "released") }
func (m *meterLog) FaultBegins()                             {}
func (m *meterLog) FaultEnds(work FaultWork, _ linux.AccessEnd) {
	m.said = append(m.said, work.String())
}

// TestMeter: a meter is told of a task's waits, and of one that comes to sleep that it is long; a task without one has none to tell.
func TestMeter(t *testing.T) {
	for _, m := range []*meterLog{nil, {}} {
		tk := New(0, "t", nil)
		if m != nil {
			tk.Meter = m
		}
		tk.WaitBegins(OpDownRead, MmapLock, nil)
		looks := 0
		tk.Unpark()
		if err := tk.Await(OpRWSemWait, nil, Uninterruptible, func() bool { looks++; return looks > spins+1 }); err != nil {
			t.Error(err)
		}
		tk.WaitEnds()
		tk.Released(nil)
		if m != nil && len(m.said) != 4 {
			t.Errorf("it was told %v", m.said)
		}
	}
}

// TestLockClasses: each class of locks is declared in the lock order, and each declared lock has a class.
func TestLockClasses(t *testing.T) {
	// Two reasons are no locks; the semaphore of a VMA takes the place of its readers' references; fork's locks of one class are a second name.
	others := map[string]bool{"other": true, "grace period": true, "tlb flush": true, "vma_lock.lock": true}
	seen := map[string]bool{}
	for c := range NumLockClasses {
		info := c.Info()
		if info.Name == "" || info.Doc == "" || seen[info.Name] {
			t.Errorf("class %d: %+v", c, info)
		}
		seen[info.Name] = true
		if !others[info.Name] && lockorder.Declared().Index(info.Name) < 0 {
			t.Errorf("the lock order does not declare %s", info.Name)
		}
	}
	for _, class := range lockorder.Declared().Classes() {
		if name := class.Name; !seen[name] && name[len(name)-2:] != "/1" {
			t.Errorf("waits for %s have no class", name)
		}
	}
	if SectionClass(SlotRCU) != GracePeriod || SectionClass(SlotAccess) != AccessSection {
		t.Error("the domains' waits are mixed up")
	}
}
