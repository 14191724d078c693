package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestAdviceLocks: each advice about pages is carried out under the lock that the version takes, where the VMA allows it.
func TestAdviceLocks(t *testing.T) {
	type ask struct {
		what     string
		from, to int
		value    int
	}
	asks := []ask{
		{"dontneed", 0, 2, linux.MADV_DONTNEED},
		{"free of a part", 0, 1, linux.MADV_FREE},
		{"dontneed of two VMAs", 1, 3, linux.MADV_DONTNEED},
		{"guards in faulted memory", 0, 1, linux.MADV_GUARD_INSTALL},
		{"guards in unfaulted memory", 2, 3, linux.MADV_GUARD_INSTALL},
		{"no guards", 0, 1, linux.MADV_GUARD_REMOVE},
		{"dontneed of registered memory", 6, 7, linux.MADV_DONTNEED},
		{"cold", 0, 1, linux.MADV_COLD},
	}
	const vmaLock, mmapLock, neither = 'v', 'm', '-'
	for spec, locks := range map[string]string{ // of each ask
		"linux-6.18": "vvmmmmm-", "linux-7": "vvmvmvm-", "linux-7,-guard-anon-vma": "vvmvvvm-", "linux-6.18,-advice-vma-lock": "mmmmmmm-",
		"refcount": "mmmmmmm-", "refcount-v6": "mmmmmmm-", "vma-rwsem": "mmmmmmm-", "mmap-lock": "mmmmmmm-", "spf-seq": "mmmmmmm-", "three-state": "vvmmmmm-",
	} {
		l := newLab(t, mm.Config{}, spec)
		maps("0-2", "2-4 r", "6-7")(l)
		l.fill(0, 1)
		l.do(l.mm.UffdRegister(l.t, at(6), page))
		for i, a := range asks {
			before := l.t.Counters
			l.do(l.mm.Madvise(l.t, at(a.from), uint64(a.to-a.from)*page, a.value))
			got := neither
			if l.t.Counters[task.AdviceVMALock] > before[task.AdviceVMALock] {
				got = vmaLock
			}
			if l.t.Counters[task.AdviceMmapLock] > before[task.AdviceMmapLock] {
				got = mmapLock
			}
			if got != rune(locks[i]) {
				t.Errorf("%s: %s goes by %c, expected %c", spec, a.what, got, locks[i])
			}
		}
		l.contents = nil
		l.end()
	}
}
