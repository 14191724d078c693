package seqtest

import (
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/workloads"
)

const windowBase = 1 << 45

// play drives one generator over one model, and counts outcomes.
func play(seed uint64, count int, seen map[string]int) {
	disk, mem := seqmodel.NewDiskFile(make([]byte, 12*linux.PageSize)), seqmodel.NewMemFile(make([]byte, 9*linux.PageSize+1000))
	files := []*seqmodel.File{disk.Open(linux.O_RDWR), disk.Open(linux.O_RDONLY), disk.Open(linux.O_WRONLY), mem.Open(linux.O_RDWR)}
	spaces := Spaces{seqmodel.New(seqmodel.Config{Base: windowBase, MmapBase: windowBase + 64*linux.PageSize, MaxMapCount: 12})}
	g := NewGenerator(seed, len(files), workloads.KindTouch)
	for range count {
		s := spaces.Next(g)
		c := s.Call()
		seen[c.Kind.String()+" "+Apply(spaces[s.Space], &c, files).String()]++
	}
}

// TestGeneratorReachesEveryOutcome: a generator that never reaches an outcome tests nothing of it.
func TestGeneratorReachesEveryOutcome(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(60) {
		play(seed, 600, seen)
	}
	for _, want := range []string{
		"mmap ok", "mmap EINVAL", "mmap ENOMEM", "mmap EEXIST", "mmap EBADF", "mmap EACCES", "mmap EOPNOTSUPP", "mmap EOVERFLOW",
		"munmap ok", "munmap EINVAL", "munmap ENOMEM", "mprotect ok", "mprotect EINVAL", "mprotect ENOMEM", "mprotect EACCES",
		"madvise ok", "madvise EINVAL", "madvise ENOMEM", "load ok", "load SEGV_MAPERR", "load SEGV_ACCERR", "load SIGBUS",
		"store ok", "store SEGV_MAPERR", "store SEGV_ACCERR", "store SIGBUS", "touch ok", "touch SEGV_ACCERR",
	} {
		if seen[want] == 0 {
			t.Errorf("never %s; seen: %v", want, seen)
		}
	}
}

// TestWords checks that a word is loaded as it was stored, and what both are when they cannot be.
func TestWords(t *testing.T) {
	m := seqmodel.New(seqmodel.Config{Base: windowBase, MmapBase: windowBase + 64*linux.PageSize})
	if _, err := m.Mmap(windowBase, linux.PageSize, linux.PROT_READ|linux.PROT_WRITE, linux.MAP_PRIVATE|linux.MAP_ANONYMOUS|linux.MAP_FIXED, nil, 0); err != nil {
		t.Fatal(err)
	}
	const word = 0x0102030405060708
	step := Step{0, &workloads.Stmt{Kind: workloads.KindStore, Addr: workloads.Constant(windowBase + 8), Value: workloads.Constant(word)}}
	for _, kind := range []workloads.Kind{workloads.KindStore, workloads.KindLoad} {
		step.Stmt.Kind = kind
		step.Stmt.Addr = workloads.Constant(windowBase + 8)
		c := step.Call()
		if got := Apply(m, &c, nil); got.Kind != workloads.ResultOK || kind == workloads.KindLoad && got.Value != word {
			t.Errorf("%v: %v %#x", step, got, got.Value)
		}
		step.Stmt.Addr = workloads.Constant(windowBase + linux.PageSize)
		c = step.Call()
		if got := Apply(m, &c, nil); got.Kind != workloads.ResultSegvMaperr {
			t.Errorf("%v: %v", step, got)
		}
	}
}
