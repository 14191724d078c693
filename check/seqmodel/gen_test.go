package seqmodel_test

import (
	"slices"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/check/seqmodel/seqtest"
	"vmasim/internal/linux"
)

// play drives one generator over one model and returns ops and results.
func play(seed uint64, count int) (ops []seqtest.Op, results []seqtest.Result) {
	m := seqmodel.New(seqmodel.Config{Base: windowBase, MmapBase: windowBase + 64*linux.PageSize, MaxMapCount: 12})
	files := scriptFiles()
	g := seqtest.NewGenerator(seqtest.GenConfig{Seed: seed, Files: len(files), Fetch: true})
	for range count {
		op := g.Next(m)
		ops, results = append(ops, op), append(results, seqtest.Apply(m, op, files))
	}
	return ops, results
}

func TestGeneratorIsDeterministic(t *testing.T) {
	a, ra := play(7, 500)
	b, rb := play(7, 500)
	c, _ := play(8, 500)
	if !slices.Equal(a, b) || !slices.Equal(ra, rb) {
		t.Error("the same seed gave two sequences")
	}
	if slices.Equal(a, c) {
		t.Error("two seeds gave the same sequence")
	}
}

// A generator that never reaches an outcome tests nothing of it.
func TestGeneratorReachesEveryOutcome(t *testing.T) {
	seen := map[string]int{}
	ops, results := play(1, 20000)
	for i, r := range results {
		name := [...]string{"mmap", "munmap", "mprotect", "madvise", "load", "store", "fetch"}[ops[i].Kind]
		seen[name+" "+resultWord(r)]++
	}
	for _, want := range []string{
		"mmap ok", "mmap EINVAL", "mmap ENOMEM", "mmap EEXIST", "mmap EBADF", "mmap EACCES", "mmap EOPNOTSUPP", "mmap EOVERFLOW",
		"munmap ok", "munmap EINVAL", "munmap ENOMEM", "mprotect ok", "mprotect EINVAL", "mprotect ENOMEM", "mprotect EACCES",
		"madvise ok", "madvise EINVAL", "madvise ENOMEM", "load ok", "load SEGV_MAPERR", "load SEGV_ACCERR", "load SIGBUS",
		"store ok", "store SEGV_MAPERR", "store SEGV_ACCERR", "store SIGBUS", "fetch ok", "fetch SEGV_ACCERR",
	} {
		if seen[want] == 0 {
			t.Errorf("never %s; seen: %v", want, seen)
		}
	}
}

func TestOpString(t *testing.T) {
	for _, c := range []struct {
		op   seqtest.Op
		want string
	}{
		{seqtest.Op{Kind: seqtest.OpMmap, Len: 2 << 20, Prot: 3, Flags: linux.MAP_PRIVATE | linux.MAP_ANONYMOUS | linux.MAP_NORESERVE, File: seqtest.NoFile}, "mmap any 2M rw private anon noreserve"},
		{seqtest.Op{Kind: seqtest.OpMmap, Addr: 0x10000, Len: 4097, Flags: linux.MAP_SHARED | linux.MAP_FIXED | 0x200000, File: 2, Off: 8192}, "mmap 0x10000 4097 none shared fixed flags=0x200000 file=2 offset=8K"},
		{seqtest.Op{Kind: seqtest.OpMmap, Flags: 4, File: seqtest.NoFile}, "mmap any 0 none type=4 file=none"},
		{seqtest.Op{Kind: seqtest.OpMprotect, Addr: 0x1000, Len: 4096, Prot: 0x15}, "mprotect 0x1000 4K rx+0x10"},
		{seqtest.Op{Kind: seqtest.OpMadvise, Addr: 0x1000, Len: 4096, Advice: linux.MADV_DONTNEED}, "madvise 0x1000 4K dontneed"},
		{seqtest.Op{Kind: seqtest.OpStore, Addr: 0x1000, Value: 7}, "store 0x1000 7"},
	} {
		if got := c.op.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
