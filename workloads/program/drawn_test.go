package program

import (
	"math/rand/v2"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/linux"
	"vmasim/workloads"
)

// drawnSetup is what drawn programs begin with: two mappings side by side, one of them touched.
const drawnSetup = `mm child
file f temp 8K pattern
window 32K at 0x200000000000
init
	mmap 8K rw private anon at 0x200000000000 fixed
	mmap 8K rw private file f at 0x200000002000 fixed
	store 0x200000000000 1
`

// drawnView shows the generator what drawnSetup maps.
type drawnView struct{}

var drawnLayout = [...]workloads.Mapping{
	{Start: workloads.DefaultWindowBase, End: workloads.DefaultWindowBase + 2*linux.PageSize, Prot: 3},
	{Start: workloads.DefaultWindowBase + 2*linux.PageSize, End: workloads.DefaultWindowBase + 4*linux.PageSize, Prot: 3},
}

func (drawnView) Window() (base, end uint64) {
	return workloads.DefaultWindowBase, workloads.DefaultWindowBase + 8*linux.PageSize
}
func (drawnView) Heap() uint64                 { return 0 }
func (drawnView) Areas() int                   { return len(drawnLayout) }
func (drawnView) Area(i int) workloads.Mapping { return drawnLayout[i] }
func (drawnView) Exists(mm int) bool           { return mm == 0 }

// TestDrawnPrograms: under the kernel's rules no interleaving of drawn statements breaks a rule.
func TestDrawnPrograms(t *testing.T) {
	programs := 40
	if testing.Short() {
		programs = 10
	}
	for seed := range uint64(programs) {
		g := workloads.NewGenerator(parse(t, drawnSetup), rand.New(rand.NewPCG(seed, 3)), workloads.KindMmap, workloads.KindMunmap,
			workloads.KindMprotect, workloads.KindMadvise, workloads.KindMremap, workloads.KindTouch, workloads.KindStore,
			workloads.KindLoad, workloads.KindLock, workloads.KindWalk)
		var src strings.Builder
		src.WriteString(drawnSetup)
		for _, name := range []string{"one", "two", "three"}[:2+g.IntN(2)] {
			src.WriteString("thread " + name + "\n")
			for range 1 + g.IntN(2) {
				src.WriteString("\t" + g.Next(drawnView{}).String() + " => any\n")
			}
		}
		r := exploreSource(t, src.String(), Options{Options: explore.Options{Strategy: explore.Random, Executions: 100, Seed: seed}})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %s: %s\n%s", seed, v.Oracle(), v.Message(), src.String())
		}
	}
}
