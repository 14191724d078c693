package report

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"vmasim/workloads/driver"
)

// newBench writes the format of golang.org/design/14313-benchmark-format. The scenario's own line counts faults and
// gives the time from one to the next, of all tasks together; a line for each kind of operation gives its latency.
func newBench(w io.Writer, _ Look) func(*driver.Result) error {
	header := fmt.Sprintf("goos: %s\ngoarch: %s\npkg: vmasim/cmd/vmasim\n", runtime.GOOS, runtime.GOARCH)
	return func(r *driver.Result) error {
		var b strings.Builder
		b.WriteString(header)
		header = ""
		// Not "rules: ..." lines: benchstat would not compare files in which these differ.
		fmt.Fprintf(&b, "# %s: rules %s, seed %d, %s\n", r.Scenario, r.Rules, r.Seed, plural(uint64(r.Tasks), "task"))
		procs := runtime.GOMAXPROCS(0)
		name := "BenchmarkVmasim/scenario=" + strings.Map(unspaced, r.Scenario)
		if n := r.Faults.Total; n > 0 {
			fmt.Fprintf(&b, "%s-%d %d %.4g ns/op %.0f faults/s\n", name, procs, n, float64(r.Elapsed)/float64(n), perSecond(n, r))
		}
		for _, o := range r.Ops {
			fmt.Fprintf(&b, "%s/op=%s-%d %d %d ns/op %d p50-ns %d p99-ns %.0f ops/s\n",
				name, strings.Map(unspaced, o.Kind), procs, o.Count, o.Mean, o.P50, o.P99, perSecond(o.Count, r))
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
}

// unspaced replaces what would end a benchmark's name.
func unspaced(c rune) rune {
	if c <= ' ' || c == 0x7f {
		return '_'
	}
	return c
}
