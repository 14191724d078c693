package fault

import (
	"vmasim/internal/task"
	"vmasim/mm"
)

// EachVMA runs a bpf program on each VMA of an address space, and returns on how many. The program reads the word at addr, which is a multiple
// of 8, as bpf_copy_from_user_task does: under mmap_lock, whatever comes of it. EachVMA fails with EINTR.
func EachVMA(t *task.Task, m *mm.MM, addr uint64) (n uint64, err error) {
	return m.EachVMA(t, func() { _, _ = Peek(t, m, addr) })
}
