// Package bars holds the benchmarks that compare vmasim with what it is measured by; see docs/performance.md.
package bars
