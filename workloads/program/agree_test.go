package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// TestReductionMissesNoOracle: whatever oracle speaks in some execution that another strategy tries, the exhaustive search with partial-order
// reduction finds, too, on random programs under random rules. [TestMutationsAreFound] runs it on code that was broken.
func TestReductionMissesNoOracle(t *testing.T) {
	programs := uint64(10)
	if testing.Short() {
		programs = 4
	}
	broken, compared := map[string]int{}, 0
	for seed := range programs {
		text := randomProgram(seed)
		got, complete := oraclesOf(t, text, explore.Options{Strategy: explore.DPOR, Executions: 4_000})
		if !complete { // it is too large
			continue
		}
		compared++
		for _, name := range got {
			broken[name]++
		}
		for _, o := range []explore.Options{
			{Strategy: explore.Bounded, Preemptions: 3, Executions: 4_000},
			{Strategy: explore.PCT, Executions: 300, Seed: seed},
			{Strategy: explore.POS, Executions: 300, Seed: seed},
		} {
			want, _ := oraclesOf(t, text, o)
			for _, name := range want {
				if !slices.Contains(got, name) {
					t.Fatalf("seed %d: %s finds %s, dpor finds only %v\n%s", seed, o.Strategy, name, got, text)
				}
			}
		}
	}
	fmt.Printf("agree: %d programs, broken: %v\n", compared, broken)
	if compared < 2 {
		t.Errorf("only %d programs were small enough", compared)
	}
}

// randomProgram returns a small program: a task that looks a VMA up and one that changes some. The first is that which has shown that
// the reduction missed what oracles said of another task's present state.
func randomProgram(seed uint64) string {
	if seed == 0 {
		return "init\n    mmap A 8K rw private anon\nthread reader\n    lock A => any\nthread writer\n    munmap A\n    mmap 8K rw private anon at A fixed\n"
	}
	rng := rand.New(rand.NewPCG(seed, 8))
	pick := func(of []string) string { return of[rng.IntN(len(of))] }
	readers := []string{"lock A => any", "load A => any", "touch A write => any", "lock A+4K => any"}
	writers := []string{
		"munmap A => any", "munmap A+4K 4K => any", "mmap 8K rw private anon at A fixed => any", "mprotect A r => any",
		"mprotect A rw => any", "mprotect A 4K r => any", "mmap 4K r private anon at A fixed => any", "lock A => any",
	}
	// Bugs in the code must show under the rules of the kernel; what the rules are for hides them.
	rules := []string{"linux-6.18", "linux-6.18", "linux-6.18", "linux-6.18,-munmap-downgrade", "linux-6.18,-detach-waits", "linux-6.18,-check-vm-mm"}
	var b strings.Builder
	fmt.Fprintf(&b, "rules %s\ninit\n    mmap A 8K rw private anon\nthread reader\n    %s\n", pick(rules), pick(readers))
	fmt.Fprintf(&b, "thread writer\n    %s\n", pick(writers))
	if rng.IntN(3) > 0 {
		fmt.Fprintf(&b, "    %s\n", pick(writers))
	}
	return b.String()
}

// oraclesOf returns what is broken first in some execution, and whether the search came to its end.
func oraclesOf(t *testing.T, text string, o explore.Options) (names []string, complete bool) {
	t.Helper()
	sc, err := workloads.Parse("random.vma", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// The reduction does not keep the order in which calls end and begin: see linear.go.
	p, err := New(sc, Setting{Without: []string{linearOracle}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	o.Watch, o.KeepGoing = p.Watch, 1000
	r, err := explore.Search(t.Context(), p, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for i := range r.Violations {
		names = append(names, r.Violations[i].Kind())
	}
	return names, r.Complete
}

// mutation is a fault that is built into the code, where VMASIM_MUTATION names it.
type mutation struct {
	name, file, old, new string
	finds                string // an oracle that must speak
}

var mutations = []mutation{
	{"born-attached", "vma/vma.go", "	v.file.Write(t, nil)\n	v.ops.Write(t, nil)\n",
		"	if mutation == \"born-attached\" {\n		v.refcnt.SetRelease(t, 1)\n	}\n	v.file.Write(t, nil)\n	v.ops.Write(t, nil)\n", "reader-and-writer"},
	{"born-attached", "vma/vma.go", "if n := v.refcnt.Peek(); n != 0 {", "if n := v.refcnt.Peek(); n != 0 && mutation == \"\" {", ""},
	{"born-attached", "vma/lock.go", "	t.Enter(\"vma_mark_attached\")\n",
		"	if mutation == \"born-attached\" {\n		return\n	}\n	t.Enter(\"vma_mark_attached\")\n", ""},
	{"readers-not-waited-for", "vma/lock_refcount.go", "	if v.refcnt.Read(t) != target {\n",
		"	if v.refcnt.Read(t) != target && mutation != \"readers-not-waited-for\" {\n", "reader-and-writer"},
	{"written-before-readers-left", "vma/lock_refcount.go", "	entered, err := v.enterLocked(t, mm, VMALockOffset+1, mode)\n",
		"	if mutation == \"written-before-readers-left\" {\n		v.seq.WriteOnce(t, seq)\n	}\n	entered, err := v.enterLocked(t, mm, VMALockOffset+1, mode)\n", "reader-and-writer"},
	{"no-write-lock", "vma/lock_refcount.go", "	if v.seq.ReadOnce(t) == seq {\n		return nil\n	}\n	t.Enter(\"__vma_start_write\")\n",
		"	if v.seq.ReadOnce(t) == seq || mutation == \"no-write-lock\" {\n		return nil\n	}\n	t.Enter(\"__vma_start_write\")\n", "attach-state"},
	{"section-ends-late", "vma/mmap_lock.go", "	m.EndWriteAll(t)\n	m.MmapLock.UpWrite(t)\n",
		"	if mutation == \"section-ends-late\" {\n		m.MmapLock.UpWrite(t)\n		m.EndWriteAll(t)\n		t.Leave()\n		return\n	}\n	m.EndWriteAll(t)\n	m.MmapLock.UpWrite(t)\n", "seq-parity"},
}

// TestMutationsAreFound builds the tests of this package anew with all mutations and runs TestReductionMissesNoOracle with each.
func TestMutationsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the package anew")
	}
	t.Parallel()
	binary := mutated(t, mutations, "test", "-c", "-vet=off")
	for _, m := range mutations {
		if m.finds == "" {
			continue // a further part of one before
		}
		cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestReductionMissesNoOracle$")
		cmd.Env = append(os.Environ(), "VMASIM_MUTATION="+m.name)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", m.name, err, out)
		} else if !bytes.Contains(out, []byte(m.finds)) {
			t.Errorf("%s: %s is not found\n%s", m.name, m.finds, out)
		}
		t.Logf("%s: %s", m.name, bytes.Split(out, []byte("\n"))[0])
	}
}

// mutated builds with a command of go, which takes a package, and returns the binary: of this package, or of the one that args end with, its code having all
// the mutations.
func mutated(t *testing.T, all []mutation, args ...string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, replace, sources := t.TempDir(), map[string]string{}, map[string]string{}
	for _, m := range all {
		if sources[m.file] == "" {
			src, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				t.Fatal(err)
			}
			sources[m.file] = string(src)
		}
		if n := strings.Count(sources[m.file], m.old); n != 1 {
			t.Fatalf("%s: %d places in %s, expected one:\n%s", m.name, n, m.file, m.old)
		}
		sources[m.file] = strings.Replace(sources[m.file], m.old, m.new, 1)
		folder := filepath.Dir(m.file)
		sources[folder+"/mutation.go"] = "package " + filepath.Base(folder) + "\n\nimport \"os\"\n\nvar mutation = os.Getenv(\"VMASIM_MUTATION\")\n"
	}
	for file, text := range sources {
		at := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, file)] = at
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutated")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	pkg := "."
	if last := args[len(args)-1]; strings.HasPrefix(last, "../") {
		args, pkg = args[:len(args)-1], last
	}
	args = append(args, "-overlay", file, "-o", binary, pkg)
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
