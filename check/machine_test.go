package check

import (
	"math/rand/v2"
	"testing"

	"vmasim/explore/exploretest"
	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
)

// machinePrograms are real operations of an address space beside each other.
var machinePrograms = map[string]func(l *machineLab) []func(*task.Task){
	"two faults": func(l *machineLab) []func(*task.Task) {
		l.mmap(l.boot, 0, 4, rw, privateAnon)
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 0); l.store(t, 1) },
			func(t *task.Task) { l.store(t, 1); l.load(t, 2) },
		}
	},
	"faults and munmap": func(l *machineLab) []func(*task.Task) {
		l.mmap(l.boot, 0, 8, rw, privateAnon)
		l.store(l.boot, 3)
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 2); l.store(t, 4) },
			func(t *task.Task) { l.store(t, 5); l.load(t, 3) },
			func(t *task.Task) { l.munmap(t, 2, 4); l.munmap(t, 0, 8) },
		}
	},
	"faults, mmap over, mprotect": func(l *machineLab) []func(*task.Task) {
		l.mmap(l.boot, 0, 8, rw, privateAnon)
		l.store(l.boot, 1)
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 1); l.load(t, 6) },
			func(t *task.Task) { l.mmap(t, 2, 6, rw, privateAnon); l.mprotect(t, 0, 4, linux.PROT_READ) },
			func(t *task.Task) { l.mprotect(t, 1, 3, rw); l.store(t, 2) },
		}
	},
	"merges": func(l *machineLab) []func(*task.Task) {
		l.mmap(l.boot, 0, 2, rw, privateAnon)
		l.mmap(l.boot, 4, 6, rw, privateAnon)
		l.store(l.boot, 4)
		return []func(*task.Task){
			func(t *task.Task) { l.mmap(t, 2, 4, rw, privateAnon); l.munmap(t, 1, 2) },
			func(t *task.Task) { l.store(t, 0); l.store(t, 5) },
		}
	},
	"mremap": func(l *machineLab) []func(*task.Task) {
		const move = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED
		l.mmap(l.boot, 0, 4, rw, privateAnon)
		l.mmap(l.boot, 600, 604, rw, privateAnon)
		mremap := func(t *task.Task, from, pages, to, flags int) {
			_, _ = l.mm.Mremap(t, at(from), 4*page, uint64(pages)*page, flags, at(to))
		}
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 2); l.store(t, 605) },
			func(t *task.Task) { l.load(t, 600); l.store(t, 601); l.fork(t) },
			func(t *task.Task) {
				mremap(t, 0, 4, 604, move) // into another table
				mremap(t, 600, 2, 0, 0)
				mremap(t, 604, 4, 6, move|linux.MREMAP_DONTUNMAP)
			},
		}
	},
	"page tables": func(l *machineLab) []func(*task.Task) {
		const first, table = 0, pgtable.PMDSize / int(page) // testBase is aligned to more
		const far = 1 << pgtable.PUDShift / int(page)       // below another PMD table
		l.mm.Tables.LetVanish(l.m.RCU)
		l.mmap(l.boot, first, first+table, rw, privateAnon)
		l.store(l.boot, first+1)
		l.mmap(l.boot, first+table, first+2*table, rw, sharedAnon)
		l.store(l.boot, first+table)
		return []func(*task.Task){
			func(t *task.Task) {
				_, _ = l.mm.Mremap(t, at(first), pgtable.PMDSize, pgtable.PMDSize, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(first+far))
				l.store(t, first+far+1)
			},
			func(t *task.Task) { _ = l.mm.Collapse(t, at(first+table)); _ = l.mm.Collapse(t, at(first)) },
			func(t *task.Task) { l.store(t, first+table); l.load(t, first+table+1) },
		}
	},
	"fork": func(l *machineLab) []func(*task.Task) {
		l.mmap(l.boot, 0, 2, rw, privateAnon)
		l.mmap(l.boot, 2, 4, linux.PROT_READ, privateAnon)
		l.store(l.boot, 0)
		return []func(*task.Task){
			func(t *task.Task) { l.fork(t) },
			func(t *task.Task) { l.store(t, 0); l.store(t, 1) },
			func(t *task.Task) { l.munmap(t, 1, 3) },
		}
	},
	"private file": func(l *machineLab) []func(*task.Task) {
		l.mapFile(0, linux.MAP_PRIVATE)
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 0); l.load(t, 1) },
			func(t *task.Task) { l.load(t, 0); l.munmap(t, 1, 2) },
			func(t *task.Task) { l.mprotect(t, 2, 3, linux.PROT_READ); l.fork(t) },
		}
	},
	"shared file": func(l *machineLab) []func(*task.Task) {
		l.mapFile(0, linux.MAP_SHARED)
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 0); l.store(t, 1) },
			func(t *task.Task) { l.load(t, 0); l.munmap(t, 0, 1); l.mmap(t, 0, 2, rw, privateAnon) },
		}
	},
	"shared memory": func(l *machineLab) []func(*task.Task) {
		l.mmap(l.boot, 0, 4, rw, sharedAnon)
		return []func(*task.Task){
			func(t *task.Task) { l.store(t, 0); l.load(t, 1) },
			func(t *task.Task) { l.mprotect(t, 1, 2, linux.PROT_READ); l.munmap(t, 0, 1) },
			func(t *task.Task) { _ = l.mm.Madvise(t, at(0), 4*page, linux.MADV_DONTNEED) },
		}
	},
	"reads beside a mapping": func(l *machineLab) []func(*task.Task) {
		l.mapFile(0, linux.MAP_SHARED)
		l.mmap(l.boot, 8, 12, rw, privateAnon)
		return []func(*task.Task){
			func(t *task.Task) { _ = fault.PRead(t, l.mm, l.file, at(8)); _ = fault.PRead(t, l.mm, l.file, at(20)) },
			func(t *task.Task) { _, _ = fault.BuildID(t, l.mm, at(0)) },
			func(t *task.Task) { l.munmap(t, 0, 1); l.munmap(t, 9, 10) },
		}
	},
	"holes and write-back": func(l *machineLab) []func(*task.Task) {
		l.mapFile(0, linux.MAP_SHARED)
		l.mmap(l.boot, 8, 12, rw, sharedAnon)
		l.store(l.boot, 0)
		l.store(l.boot, 8)
		return []func(*task.Task){
			func(t *task.Task) { _ = l.mm.Madvise(t, at(8), 2*page, linux.MADV_REMOVE) },
			func(t *task.Task) { l.store(t, 0); _ = l.mm.Msync(t, at(0), page, linux.MS_SYNC) },
			func(t *task.Task) { l.load(t, 9); l.munmap(t, 8, 12) },
		}
	},
}

// rarely lets memory be reused later or a grace period go on, once in a while, and an allocation fail if fails.
func rarely(r *rand.Rand, fails bool) func(what task.Choice, n int) int {
	return func(what task.Choice, n int) int {
		if what == task.AllocFails && !fails || r.IntN(6) > 0 {
			return 0
		}
		return r.IntN(n)
	}
}

// TestNoFalsePositives runs real operations under all oracles: with the rules of Linux nothing may be found.
func TestNoFalsePositives(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 15
	}
	for name, program := range machinePrograms {
		t.Run(name, func(t *testing.T) {
			for _, spec := range []string{"", "linux-6.18,-typesafe-slab", "linux-6.18,-munmap-downgrade", "linux-6.18,-attach-before-store"} {
				c := newAll(nil)
				found := map[string]bool{}
				for seed := range uint64(seeds) {
					l := newMachineLab(t, spec, c)
					l.choose = rarely(rand.New(rand.NewPCG(seed, 1)), seed%3 == 0)
					res := l.run(exploretest.Random(seed), program(l)...)
					for _, v := range l.list {
						if key := v.Oracle + v.Func; !found[key] {
							found[key] = true
							t.Errorf("rules %q, seed %d: %s\n%s", spec, seed, v, res.Log())
						}
					}
				}
			}
		})
	}
}
