package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vmasim/internal/wrap"
	"vmasim/workloads/driver"
)

// waits tells what tasks waited for, and who had it.
func waits(b *strings.Builder, r *driver.Result, look Look) {
	if len(r.Waits) == 0 {
		return
	}
	t := table{{"waits for", "count", "total", "p50", "p99", "max", "held by"}}
	for _, w := range r.Waits {
		t = append(t, []string{waitName(w.For, w.Mode), count(w.Count), nanos(uint64(w.Total)), nanos(w.P50), nanos(w.P99), nanos(w.Max), holders(w.HeldBy)})
	}
	b.WriteString("\n" + t.text(look))
}

// waitName names what is waited for as a reader knows it, without the structure that it is in where that says nothing.
func waitName(what, mode string) string {
	if what == "vma_lock" {
		what = "readers of a VMA"
	}
	name := what
	for _, of := range []string{"mm_struct.", "mm_tables.", "address_space."} {
		name = strings.TrimPrefix(name, of)
	}
	if mode != "" {
		name += ", to " + mode
	}
	return name
}

// maxHolders is how many holders of a lock are named.
const maxHolders = 3

// holders names those that had a lock for the longest, with their share of the time whose holder is known. In which statements they had it JSON
// tells.
func holders(of []driver.Holder) string {
	var all []driver.Holder
	var total time.Duration
	for _, h := range of {
		total += h.Total
		if i := slices.IndexFunc(all, func(other driver.Holder) bool { return other.Func == h.Func }); i >= 0 {
			all[i].Total += h.Total
			continue
		}
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b driver.Holder) int { return cmp.Compare(b.Total, a.Total) })
	var words []string
	for i, h := range all {
		if i == maxHolders {
			words = append(words, fmt.Sprintf("%d%smore", len(all)-i, wrap.Bound))
			break
		}
		words = append(words, strings.ReplaceAll(h.Func+" "+percent(uint64(h.Total), uint64(total)), " ", wrap.Bound))
	}
	return strings.Join(words, ", ")
}

// faultTimes tells how long faults took, by how they were handled.
func faultTimes(b *strings.Builder, r *driver.Result, look Look) {
	if len(r.FaultTimes) == 0 {
		return
	}
	t := table{{"timed faults", "page", "count", "p50", "p99", "max", "end"}}
	for _, f := range r.FaultTimes {
		t = append(t, []string{pathName(f.Path, &r.Faults), pageName(f.Page), count(f.Count), nanos(f.P50), nanos(f.P99), nanos(f.Max), f.End})
	}
	b.WriteString("\n" + t.set(look, 0, 1, 6))
}

// pathName words how a fault was handled.
func pathName(path string, f *driver.Faults) string {
	switch path {
	case "vma_lock":
		return "  " + handled(f)
	case "mmap_lock":
		return "  under mmap_lock"
	}
	return "  begun so, then under mmap_lock"
}

// pageName words what a fault was about.
func pageName(page string) string {
	switch page {
	case "cow":
		return "copied"
	case "reuse":
		return "made writable"
	case "file":
		return "of a file"
	}
	return "anonymous"
}
