package judge

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/imports"
)

// recordings are programs that were recorded: ours, and those that the project shares, where they are.
var recordings = []struct {
	base   string
	search bool
}{
	{"../workloads/imports/testdata/malloc1", false},
	{"../workloads/imports/testdata/pages", false},
	{"../../shared/traces/python", false},
	{"../../shared/traces/java", false},
	{"../../shared/traces/mt", true},
}

// TestRecordedPrograms: the kernel puts every mapping of a recorded program where it did, and so does the simulator.
func TestRecordedPrograms(t *testing.T) {
	l := newLab(t)
	for _, r := range recordings {
		if _, err := os.Stat(r.base + ".maps"); err != nil {
			t.Logf("%v: it is compared where it is", err)
			continue
		}
		maps := areasOf(t, r.base+".maps")
		sc := importedScenario(t, r.base+".strace", imports.Options{Maps: maps, Touch: true, Search: r.search})
		judged(t, l, sc)
	}
}

// TestRecordedElsewhere: a program whose room began elsewhere is compared with processes in which it does.
func TestRecordedElsewhere(t *testing.T) {
	l := newLab(t)
	sc := importedScenario(t, "../workloads/imports/testdata/pages.strace", imports.Options{Touch: true}) // no dump: below the first mapping
	if base := sc.Machine[0]; base.Setting != workloads.SettingMmapBase || base.Value == l.kernel.MmapBase {
		t.Fatalf("machine %v", base)
	}
	judged(t, l, sc)
	first := l.other
	judged(t, l, sc)
	if l.other != first {
		t.Error("processes that look there are made anew")
	}
	for base, want := range map[string]string{"0x7f0000000000": "", "0x7fffff000000": "x.vma:1:1: machine mmap-base 0x7fffff000000 cannot be judged: processes of this kernel look for room below "} {
		sc, err := workloads.Parse("x.vma", []byte("machine mmap-base "+base+"\ninit\n    mmap A 4K rw private anon\n"))
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			judged(t, l, sc)
			continue
		}
		_, err = l.Scenario(t.Context(), sc, 0)
		if other, ok := errors.AsType[*OtherMachine](err); !ok || !strings.HasPrefix(other.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}

// TestDisk: a file of a disk is compared where temporary files lie on one.
func TestDisk(t *testing.T) {
	sc, err := workloads.Parse("x.vma", []byte("file F temp 4M disk\ninit\n    mmap A 4M rw shared file F\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fs := range disks {
		if err := refuses(host.Kernel{TempFS: fs}, sc); err != nil {
			t.Error(err)
		}
	}
	const want = "x.vma:1:6: this file is one of a disk, but temporary files are on tmpfs here: "
	if err := refuses(host.Kernel{TempFS: "tmpfs"}, sc); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, expected %s", err, want)
	}
}

func judged(t *testing.T, l *Lab, sc *workloads.Scenario) {
	t.Helper()
	r, err := l.Scenario(t.Context(), sc, 0)
	if other, ok := errors.AsType[*OtherMachine](err); ok {
		t.Logf("%s is not judged: %v", sc.Name, other)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.FirstDrift != nil || r.Unexpected != nil || r.Operations == 0 {
		t.Errorf("%s: %d operations, %v, %v", sc.Name, r.Operations, r.FirstDrift, r.Unexpected)
	}
}

func importedScenario(t *testing.T, path string, o imports.Options) *workloads.Scenario {
	t.Helper()
	log, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	o.Name = filepath.Base(path)
	made, err := imports.Strace(log, o)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := workloads.Parse(o.Name+".vma", []byte(made.String()))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func areasOf(t *testing.T, path string) []imports.Area {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	areas, err := imports.ReadMaps(filepath.Base(path), f)
	if err != nil {
		t.Fatal(err)
	}
	return areas
}

// TestDeclaredSpaces: what is done in address spaces that are there from the beginning is done in processes of the kernel, which have their own heaps and
// the same files.
func TestDeclaredSpaces(t *testing.T) {
	l := newLab(t)
	const text = `mm other third
file F memory 64K
init
    heap H 64K at 0x10000000000
    in other
        heap H2 64K at 0x20000000000
        brk H2+8K => H2+8K
        mmap A 64K rw shared file F
        store A 5
    in third
        mmap B 64K r shared file F => 0x7ffff7fef000
        load B => 5
        touch 0x20000000000 read => SEGV
thread t in other
    mmap 4K rw private anon
    brk H2 => H2
    brk H => H2
thread u
    brk H+4K => H+4K
`
	sc, err := workloads.Parse("x.vma", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Scenario(t.Context(), sc, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.FirstDrift != nil || r.Unexpected != nil || r.Operations != 10 {
		t.Errorf("%d operations, %v, %v", r.Operations, r.FirstDrift, r.Unexpected)
	}
	sc, err = workloads.Parse("x.vma", []byte("mm other\ninit\n    in other\n        mmap A 4K rw private anon\n        heap H 64K at A+1M\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Scenario(t.Context(), sc, 1); err == nil || !strings.HasPrefix(err.Error(), "x.vma:5:9: the heap of another address space") {
		t.Error(err)
	}
}
