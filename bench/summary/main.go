// Summary reads the output of benchmarks, prints the lines of their bars as they come, and at the end a table of all
// targets. It exits with 1 if a benchmark failed or nothing was measured; a missed bar alone fails only in strict mode,
// where the benchmark itself fails.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"vmasim/bench"
)

func main() {
	ok, err := summarize(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

// summarize reports whether the benchmarks ran and none failed.
func summarize(in io.Reader, out io.Writer) (bool, error) {
	failed := false
	var lines []bench.Line
	input := bufio.NewScanner(in)
	for input.Scan() {
		text := strings.TrimSpace(input.Text())
		if line, ok := bench.ParseLine(text); ok {
			lines = append(lines, line)
		} else if boring(text) {
			continue
		}
		failed = failed || strings.HasPrefix(text, "FAIL")
		if _, err := fmt.Fprintln(out, text); err != nil {
			return false, err
		}
	}
	if err := input.Err(); err != nil {
		return false, err
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return false, err
	}
	return len(lines) > 0 && !failed, bench.Table(out, lines)
}

// boring reports whether the line is what every benchmark prints.
func boring(text string) bool {
	for _, prefix := range []string{"Benchmark", "--- BENCH:", "goos:", "goarch:", "PASS"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
