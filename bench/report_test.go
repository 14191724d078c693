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

// known is a result of eleven rounds in which vmasim takes 80 to 90 ns and the kernel 1500. The first noisy samples of the kernel are so.
func known(noisy int) *measure.Result {
	r := measure.NewResult("fault n=1000")
	for _, c := range []struct {
		name string
		ns   func(round int) time.Duration
	}{
		{"vmasim", func(round int) time.Duration { return time.Duration(80 + round) }},
		{"kernel", func(int) time.Duration { return 1500 }},
		{"2 threads", func(int) time.Duration { return 100 }},
	} {
		for round := range 11 {
			ns := c.ns(round)
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
	want := "B1 fault n=1000: vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500), ratio 0.057 (0.054-0.059), bar 0.120 met\n"
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
	if got, want := f.out.String(), "met (dropped: 9 % of 22 samples)\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q does not end in %q", got, want)
	}
	if f.metrics["dropped"] != 2 {
		t.Errorf("metric dropped = %v", f.metrics["dropped"])
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

// TestBars: a limit is kept or missed where the whole interval of the rounds tells so.
func TestBars(t *testing.T) {
	for _, test := range []struct {
		bar     Bar
		noisy   int
		ratio   float64
		verdict string
	}{
		{AtMost("a", "kernel", 19, "vmasim"), 0, 1500.0 / 85, met},
		{AtMost("b", "kernel", 16, "vmasim"), 0, 1500.0 / 85, missed},
		{AtMost("b", "kernel", 17.6, "vmasim"), 0, 1500.0 / 85, notTold},
		{AtMost("c", "kernel", 9, "vmasim", "2 threads"), 0, 1500.0 / 185, met},
		{AtLeast("d", "kernel", 16, "vmasim"), 0, 1500.0 / 85, met},
		{AtLeast("d", "kernel", 17.6, "vmasim"), 0, 1500.0 / 85, notTold},
		{AtLeast("d", "kernel", 19, "vmasim"), 0, 1500.0 / 85, missed},
		{AtLeast("d", "kernel", 16, "vmasim"), 7, 1500.0 / 88.5, notTold}, // four rounds are too few
		{Speedup("e", "2 threads", "vmasim", 2, 1.6), 0, 1.7, met},
		{Speedup("f", "2 threads", "vmasim", 2, 1.9), 0, 1.7, missed},
	} {
		r := known(test.noisy)
		if got := test.bar.Ratio(r).Median; got < test.ratio*0.999 || got > test.ratio*1.001 {
			t.Errorf("%s: ratio %v, want %v", test.bar.id, got, test.ratio)
		}
		if got := test.bar.verdict(r); got != test.verdict {
			t.Errorf("%s: %s, want %s", test.bar.id, got, test.verdict)
		}
	}
}

// TestNoRounds: where none counts nothing is shown, and nothing is missed.
func TestNoRounds(t *testing.T) {
	t.Setenv(StrictVariable, "1")
	f := report(known(11), AtMost("B1", "vmasim", 0.01, "kernel"))
	if got, want := f.out.String(), "ratio 0.057 (0.053-0.060?), bar 0.010 not told (dropped: 50 % of 22 samples)\n"; !strings.HasSuffix(got, want) || len(f.errors) > 0 {
		t.Errorf("%q does not end in %q, or failed: %q", got, want, f.errors)
	}
}

func TestReportWithoutBars(t *testing.T) {
	if got := report(known(0)).out.String(); !strings.HasPrefix(got, "fault n=1000: ") || strings.Contains(got, "bar") {
		t.Errorf("got %q", got)
	}
}

var _ reporter = (*testing.B)(nil)
