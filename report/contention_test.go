package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"vmasim/workloads/driver"
)

// contended is a run with waits.
var contended = &driver.Result{Scenario: "one", Rules: "linux-6.18", Elapsed: time.Second, Contention: []driver.Contention{
	{For: "mm_struct.mmap_lock", Mode: "write", Stack: []string{"mmap_write_lock_killable", "do_munmap", "munmap"}, Holder: []string{"do_mmap", "mmap"}, Count: 3, Total: 30 * time.Millisecond},
	{For: "tlb flush", Stack: []string{"madvise"}, Count: 1, Total: 5 * time.Millisecond},
}}

// TestProfileOfContention: stacks are the kernel's functions down to the lock, values waits and time, labels who had it.
func TestProfileOfContention(t *testing.T) {
	p := NewProfile()
	p.Add(contended)
	p.Add(contended)
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	s := got.Sample[0]
	var stack []string
	for _, l := range s.Location {
		stack = append(stack, l.Line[0].Function.Name)
	}
	if text := strings.Join(stack, " < "); text != "mmap_lock, to write < mmap_write_lock_killable < do_munmap < munmap" || s.Value[0] != 3 || s.Value[1] != 30e6 || s.Label["held by"][0] != "do_mmap" {
		t.Errorf("%s: %v %v", text, s.Value, s.Label)
	}
	if got.DurationNanos != 2e9 || len(got.Sample) != 4 || len(got.Function) != 6 {
		t.Errorf("%d ns, %d samples, %d functions", got.DurationNanos, len(got.Sample), len(got.Function))
	}
}

// TestPprofReadsIt asks the tool.
func TestPprofReadsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "waits.pb.gz")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	p := NewProfile()
	p.Add(contended)
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput()
	if err != nil {
		t.Skipf("needs the Go toolchain with its pprof in PATH: %v\n%s", err, out)
	}
	for _, want := range []string{"Type: delay", "30ms 85.71% 85.71%       30ms 85.71%  mmap_lock, to write", "tlb flush", "do_munmap"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
