package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// results are made up, so that no time differs from run to run.
var results = map[string]*driver.Result{
	"good": {
		Scenario: "quickstart", Title: "Page faults beside writers.", Rules: "linux-6.18", Seed: 1, Tasks: 5, Elapsed: 2008 * time.Millisecond, CPUs: 2, CPUShare: 0.9,
		Ops: []driver.Op{
			{Kind: "mmap", Count: 759, Mean: 130123, P50: 79900, P99: 13_900_000, Max: 30_700_000},
			{Kind: "touch", Count: 10977923, Errors: []driver.Error{{Name: "SEGV_ACCERR", Count: 4365}, {Name: "SIGBUS", Count: 2}}, Mean: 330, P50: 312, P99: 784, Max: 12_600_000},
			{Kind: "validate", Count: 1, Mean: 999, P50: 999, P99: 999, Max: 999},
		},
		Faults: driver.Faults{Total: 8701690, MmapLock: 1886, VMALockSuccess: 8699804, VMALockAbort: 1880, VMALockRetry: 7, VMALockMiss: 3, Segv: 4365, Sigbus: 2},
		VMAs:   driver.VMAs{MapCount: 3, Allocated: 3041, Reused: 3036, GracePeriods: 1},
		Memory: driver.Memory{ArenaBytes: 256 << 20, FramesInUse: 6, FramesPeak: 1150},
		Waits: []driver.Wait{
			{For: "mm_struct.mmap_lock", Mode: "write", Count: 34, Total: 372 * time.Millisecond, P50: 5_370_000, P99: 180_000_000, Max: 184_000_000, HeldBy: []driver.Holder{
				{Func: "do_munmap", Statement: "munmap", Count: 20, Total: 278 * time.Millisecond}, {Func: "do_user_addr_fault", Statement: "touch", Count: 3, Total: 50 * time.Millisecond},
				{Func: "do_mmap", Statement: "mmap", Count: 1, Total: time.Millisecond}, {Func: "sys_brk", Statement: "brk", Count: 1, Total: time.Microsecond}}},
			{For: "vma_lock", Count: 17, Total: 101 * time.Millisecond, P50: 3_210_000, P99: 15_800_000, Max: 15_800_000, HeldBy: []driver.Holder{
				{Func: "do_user_addr_fault", Statement: "touch", Count: 17, Total: 101 * time.Millisecond}}},
			{For: "pte_lock.ptl", Count: 1, Total: 480, P50: 480, P99: 480, Max: 480},
			{For: "grace period", Count: 1, Total: 2 * time.Millisecond, P50: 2_000_000, P99: 2_000_000, Max: 2_000_000},
		},
		FaultTimes: []driver.FaultTime{
			{Path: "vma_lock", Page: "anon", End: "ok", Count: 33991, P50: 122, P99: 456, Max: 26_100},
			{Path: "vma_lock", Page: "cow", End: "ok", Count: 7, P50: 900, P99: 900, Max: 900},
			{Path: "retry", Page: "file", End: "SIGBUS", Count: 2, P50: 5_000, P99: 5_000, Max: 5_000},
			{Path: "mmap_lock", Page: "reuse", End: "ok", Count: 1, P50: 140, P99: 140, Max: 140},
		},
	},
	"bad": {
		Scenario: "my own", Rules: "linux-6.18,-detach-waits", Seed: 18446744073709551615, Tasks: 1, Elapsed: 12345 * time.Microsecond, CPUs: 2, CPUShare: 0.47,
		Ops:    []driver.Op{{Kind: "load", Count: 1}},
		Faults: driver.Faults{Total: 1, VMALockSuccess: 1},
		Memory: driver.Memory{ArenaBytes: 1536 << 10},
		Unexpected: []driver.Unexpected{
			{Pos: workloads.Pos{File: "my own.vma", Line: 3, Col: 5}, Stmt: "load A", Got: "7", Expected: "8 | <9>", Task: "init", Count: 1},
		},
		UnexpectedTotal: 1001,
		Violations: []driver.Violation{
			{Violation: task.Violation{Oracle: "refcount-underflow", Message: `a "put" too many`, Task: "t/1", Func: "vma_refcount_put"}, Count: 1200},
			{Violation: task.Violation{Oracle: "leak", Message: "1 frame left", Task: "exit"}, Count: 1},
		},
		ViolationTotal: 1201,
		Interrupted:    true,
	},
	"empty": {Scenario: "empty", Rules: "linux-6.18", Memory: driver.Memory{ArenaBytes: 1 << 30}},
	"retried": {Scenario: "retried", Rules: "linux-6.18", Elapsed: time.Second,
		Faults: driver.Faults{Total: 20000, MmapLock: 1, VMALockSuccess: 19999, VMALockRetry: 1}},
	"aborted": {Scenario: "aborted", Rules: "linux-6.18", Elapsed: time.Second,
		Faults: driver.Faults{Total: 3, MmapLock: 3, VMALockAbort: 3}},
	"copied": {Scenario: "copied", Rules: "spf-seq", Elapsed: time.Second,
		Faults: driver.Faults{Total: 20, MmapLock: 9, VMALockSuccess: 11, VMALockAbort: 7, VMALockRetry: 2, Speculation: driver.Errors{
			{Name: "spf_attempt", Count: 20}, {Name: "spf_abort_unmapped", Count: 1}, {Name: "spf_abort_vma_copy", Count: 6}, {Name: "spf_abort_pmd", Count: 2}}}},
}

// TestGolden prints made-up results, one after the other, in a format.
func TestGolden(t *testing.T) {
	datadriven.RunTest(t, "testdata/formats", func(t *testing.T, d *datadriven.TestData) string {
		format, err := FormatByName(Formats(), d.Cmd)
		if err != nil {
			return err.Error()
		}
		var out bytes.Buffer
		write := format.New(&out, Look{})
		for name := range strings.FieldsSeq(d.Input) {
			if err := write(results[name]); err != nil {
				return err.Error()
			}
		}
		return machineless(out.String())
	})
}

// machineless takes out what differs between machines.
func machineless(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "goos:") || strings.HasPrefix(line, "goarch:") {
			line = line[:strings.Index(line, ":")] + ": X\n"
		}
		if name, rest, ok := strings.Cut(line, " "); ok && strings.HasPrefix(name, "BenchmarkVmasim") {
			line = name[:strings.LastIndex(name, "-")] + "-N " + rest
		}
		b.WriteString(line)
	}
	return b.String()
}

func TestJSONIsOneObjectALine(t *testing.T) {
	format, err := FormatByName(Formats(), "json")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	write := format.New(&out, Look{})
	for _, name := range []string{"good", "bad"} {
		if err := write(results[name]); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	var back driver.Result
	d := json.NewDecoder(strings.NewReader(lines[1]))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	if back.Seed != 18446744073709551615 || back.Violations[0].Count != 1200 || !back.Interrupted {
		t.Errorf("%+v", back)
	}
}

type brokenPipe struct{}

var errBroken = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrorsAreReturned(t *testing.T) {
	for _, f := range Formats() {
		if err := f.New(brokenPipe{}, Look{})(results["good"]); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(1234567), "1,234,567"},
		{plural(1, "task"), "1 task"}, {plural(0, "task"), "0 tasks"}, {plural(1000, "task"), "1,000 tasks"},
		{rate(0), "0.00/s"}, {rate(999.6), "1.00 k/s"}, {rate(12_345_678), "12.3 M/s"}, {rate(9e12), "9000 G/s"},
		{nanos(0), "-"}, {nanos(999), "999 ns"}, {nanos(1000), "1.00 µs"}, {nanos(999_600), "1.00 ms"}, {nanos(61e9), "61.0 s"},
		{percent(0, 0), "0 %"}, {percent(5, 5), "100 %"}, {percent(1, 1e6), "<0.01 %"}, {percent(999_999, 1e6), ">99.99 %"}, {percent(1, 3), "33.33 %"},
		{byteSize(0), "0 B"}, {byteSize(1023), "1023 B"}, {byteSize(1 << 20), "1 MiB"}, {byteSize(1536 << 10), "1.5 MiB"}, {byteSize(1 << 50), "1024 TiB"},
		{duration(2 * time.Second), "2s"}, {duration(2008123456 * time.Nanosecond), "2.008s"}, {duration(12345678), "12.346ms"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestProgress(t *testing.T) {
	got := Progress("quickstart", driver.Progress{Elapsed: 1500 * time.Millisecond, Faults: 3_000_000, Tasks: 1})
	if want := "quickstart: 1.5s, 1 task, 3,000,000 faults, 2.00 M/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Progress("x", driver.Progress{}); strings.Contains(got, "NaN") {
		t.Errorf("got %q", got)
	}
}

func TestFormatByName(t *testing.T) {
	for _, f := range Formats() {
		if got, err := FormatByName(Formats(), f.Name); err != nil || got.Help != f.Help {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if _, err := FormatByName(Formats(), "jsn"); fmt.Sprint(err) != `unknown format "jsn", did you mean "json"?` {
		t.Errorf("got %v", err)
	}
}
