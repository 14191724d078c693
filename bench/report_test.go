package bench

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"vmasim/workloads/measure"
)

type fakeReporter struct {
	out     bytes.Buffer
	metrics map[string]float64
	errors  []string
}

func (f *fakeReporter) Helper()                             {}
func (f *fakeReporter) ReportMetric(v float64, unit string) { f.metrics[unit] = v }
func (f *fakeReporter) Output() io.Writer                   { return &f.out }
func (f *fakeReporter) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

// known is a result of three rounds in which vmasim takes 85 ns and the kernel 1500. The first noisy samples of the kernel are noisy.
func known(noisy int) *measure.Result {
	r := measure.NewResult("fault n=1000")
	for _, c := range []struct {
		name string
		ns   [3]time.Duration
	}{
		{"vmasim", [3]time.Duration{85, 80, 90}},
		{"kernel", [3]time.Duration{1500, 1500, 1500}},
		{"2 threads", [3]time.Duration{100, 100, 100}},
	} {
		for round, ns := range c.ns {
			t := measure.Timing{Wall: ns, CPU: ns}
			if c.name == "kernel" && round < noisy {
				t.CPU = ns / 2
			}
			r.Record(c.name, measure.Sample{Ops: 1, Threads: []measure.Timing{t}})
		}
	}
	return r
}

func report(r *measure.Result, bars ...Bar) *fakeReporter {
	f := &fakeReporter{metrics: map[string]float64{}}
	Report(f, r, bars...)
	return f
}

func TestReportLine(t *testing.T) {
	f := report(known(0), AtMost("B1", "vmasim", 0.12, "kernel"))
	want := "B1 fault n=1000: vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500), ratio 0.057 (0.053-0.060), bar 0.120 ok\n"
	if got := f.out.String(); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if got := f.metrics["ratio"]; got != 85.0/1500 {
		t.Errorf("metric ratio = %v", got)
	}
	if got := f.metrics["vmasim-ns"]; got != 85 {
		t.Errorf("metric vmasim-ns = %v", got)
	}
	if _, ok := f.metrics["2-threads-ns"]; !ok {
		t.Errorf("no metric for a name with a space: %v", f.metrics)
	}
}

// TestSlowKernel: a ratio to a kernel whose faults are slow is no evidence, and fails nothing.
func TestSlowKernel(t *testing.T) {
	t.Setenv(StrictVariable, "1")
	for fault, want := range map[float64]string{
		1500:  "bar 0.010 MISSED (a fault of the kernel takes 1500 ns)\n",
		12000: "bar 0.010 no evidence (a fault of the kernel takes 12000 ns)\n",
	} {
		f := report(known(0), AtMost("B1", "vmasim", 0.01, "kernel").Beside(fault))
		if got := f.out.String(); !strings.HasSuffix(got, want) {
			t.Errorf("%q does not end in %q", got, want)
		}
		if failed := len(f.errors) > 0; failed != (fault < slowKernel) {
			t.Errorf("a kernel's fault of %v ns: failed %v", fault, failed)
		}
	}
}

func TestNoiseIsPrinted(t *testing.T) {
	f := report(known(2), AtMost("B1", "vmasim", 0.12, "kernel"))
	if got, want := f.out.String(), "ok (noisy: 2 of 6 samples)\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q does not end in %q", got, want)
	}
	if f.metrics["noisy"] != 2 {
		t.Errorf("metric noisy = %v", f.metrics["noisy"])
	}
}

func TestMissedBarFailsOnlyInStrictMode(t *testing.T) {
	miss := AtMost("B1", "vmasim", 0.05, "kernel")
	for _, test := range []struct {
		strict string
		errors int
	}{{"", 0}, {"0", 0}, {"1", 1}} {
		t.Setenv(StrictVariable, test.strict)
		f := report(known(0), miss)
		if len(f.errors) != test.errors {
			t.Errorf("%s=%q: errors %q", StrictVariable, test.strict, f.errors)
		}
		if !strings.Contains(f.out.String(), "MISSED") {
			t.Errorf("a missed bar is not said: %s", f.out.String())
		}
	}
}

func TestBars(t *testing.T) {
	for _, test := range []struct {
		bar   Bar
		ratio float64
		met   bool
	}{
		{AtMost("a", "kernel", 18, "vmasim"), 1500.0 / 85, true},
		{AtMost("b", "kernel", 17, "vmasim"), 1500.0 / 85, false},
		{AtMost("c", "kernel", 9, "vmasim", "2 threads"), 1500.0 / 185, true},
		{AtLeast("d", "kernel", 17, "vmasim"), 1500.0 / 85, true},
		{Speedup("e", "2 threads", "vmasim", 2, 1.7), 1.7, true},
		{Speedup("f", "2 threads", "vmasim", 2, 1.71), 1.7, false},
	} {
		if got := test.bar.Ratio(known(0)).Median; got < test.ratio*0.999 || got > test.ratio*1.001 {
			t.Errorf("%s: ratio %v, want %v", test.bar.id, got, test.ratio)
		}
		if got := test.bar.Met(known(0)); got != test.met {
			t.Errorf("%s: met %v, want %v", test.bar.id, got, test.met)
		}
	}
}

func TestReportWithoutBars(t *testing.T) {
	if got := report(known(0)).out.String(); !strings.HasPrefix(got, "fault n=1000: ") || strings.Contains(got, "bar") {
		t.Errorf("got %q", got)
	}
}

var _ reporter = (*testing.B)(nil)
