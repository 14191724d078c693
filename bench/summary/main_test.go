package main

import (
	"strings"
	"testing"
)

const good = `goos: linux
BenchmarkVMAs/n=10/fault/kernel-2 	1	 1538 kernel-ns
--- BENCH: BenchmarkVMAs/n=10/fault/kernel-2
    B1 VMAs/n=10/fault/kernel: vmasim 195 ns (192-263), kernel 1559 ns (1535-1966), ratio 0.126 (0.123-0.135), bar 0.120 MISSED
    B12 Million/memory: figure 224 bytes, bar 240 met
PASS
ok  	vmasim/bench/bars	3.5s
`

func TestSummary(t *testing.T) {
	var out strings.Builder
	ok, err := summarize(strings.NewReader(good), &out)
	if err != nil || !ok {
		t.Fatalf("ok = %v, %v", ok, err)
	}
	for _, want := range []string{
		"B1 VMAs/n=10/fault/kernel: vmasim 195 ns",
		"| B1 | write fault / the kernel's | ≤ 0.12 | VMAs/n=10/fault/kernel | 0.126 (0.123-0.135) | MISSED |",
		"| B12 | memory of a VMA, at 1 000 000 VMAs | ≤ 240 | Million/memory | 224 bytes | met |",
		"| not measured |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "Benchmark") {
		t.Errorf("the benchmarks' own lines are printed:\n%s", out.String())
	}
}

func TestFailureAndSilenceAreFailures(t *testing.T) {
	for _, in := range []string{good + "FAIL\n", "PASS\n"} {
		var out strings.Builder
		if ok, err := summarize(strings.NewReader(in), &out); ok || err != nil {
			t.Errorf("%q is fine (%v)", in, err)
		}
	}
}
