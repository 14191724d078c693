package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// Forget implements [task.Mind].
func (p *proc) Forget(_ *task.Task, base unsafe.Pointer, size uintptr) { p.x.mind.forget(base, size) }

// forget implements mind.
func (k *stateKey) forget(base unsafe.Pointer, size uintptr) {
	for n, addr := range k.cells.addrs {
		if uintptr(addr)-uintptr(base) < size && n+1 < len(k.values) {
			at := &k.values[n+1]
			k.hash.toggle(at.adds)
			*at = cellValue{}
		}
	}
}
