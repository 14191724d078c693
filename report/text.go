package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"vmasim/internal/wrap"
	"vmasim/workloads/driver"
	"vmasim/workloads/measure"
)

func newText(w io.Writer, look Look) func(*driver.Result) error {
	between := ""
	return func(r *driver.Result) error {
		b := &strings.Builder{}
		b.WriteString(between)
		between = "\n"
		for _, part := range []func(*strings.Builder, *driver.Result, Look){heading, starved, operations, faultTable, userTable, faultTimes, waits, machine, findings} {
			part(b, r, look)
		}
		b.WriteString("\n" + wrap.Text(verdict(r)+"\n", look.width(), "  "))
		_, err := io.WriteString(w, b.String())
		return err
	}
}

func heading(b *strings.Builder, r *driver.Result, look Look) {
	title := r.Scenario
	if r.Title != "" {
		title += ": " + r.Title
	}
	look.line(b, title)
	look.line(b, fmt.Sprintf("rules %s, seed %d, memory %s, %s, %s",
		r.Rules, r.Seed, byteSize(r.Memory.ArenaBytes), plural(uint64(r.Tasks), "task"), duration(r.Elapsed)))
	if r.Machine != "" {
		look.line(b, "machine "+r.Machine)
	}
}

// starved says that latencies are those of a machine that had something else to do.
func starved(b *strings.Builder, r *driver.Result, look Look) {
	if r.CPUShare < measure.MinShare && r.CPUs > 0 {
		look.line(b, fmt.Sprintf("note: tasks had %.0f %% of %s: latencies say little", 100*r.CPUShare, plural(uint64(r.CPUs), "CPU")))
	}
}

func operations(b *strings.Builder, r *driver.Result, look Look) {
	t := table{{"operation", "count", "per second", "p50", "p99", "max", "errors"}}
	for _, o := range r.Ops {
		var errs []string
		for _, e := range o.Errors {
			errs = append(errs, fmt.Sprintf("%s %s", e.Name, count(e.Count)))
		}
		t = append(t, []string{o.Kind, count(o.Count), rate(perSecond(o.Count, r)), nanos(o.P50), nanos(o.P99), nanos(o.Max),
			strings.Join(errs, ", ")})
	}
	if len(r.Ops) > 0 {
		b.WriteString("\n" + t.text(look))
	}
}

func faultTable(b *strings.Builder, r *driver.Result, look Look) {
	f := &r.Faults
	if f.Total == 0 {
		return
	}
	t := table{
		{"page faults", count(f.Total), rate(perSecond(f.Total, r))},
		{"  " + handled(f), count(f.VMALockSuccess), percent(f.VMALockSuccess, f.Total)},
		{"  under mmap_lock", count(f.MmapLock), percent(f.MmapLock, f.Total)},
	}
	for _, row := range []struct {
		name string
		n    uint64
	}{{"  ended in SIGSEGV", f.Segv}, {"  ended in SIGBUS", f.Sigbus}} {
		if row.n > 0 {
			t = append(t, []string{row.name, count(row.n), percent(row.n, f.Total)})
		}
	}
	b.WriteString("\n" + t.text(look))
	b.WriteString(wrap.Text(sentence(f)+"\n", look.width(), ""))
}

// userTable tells how often readers of the layout had to look for a VMA otherwise than under its lock.
func userTable(b *strings.Builder, r *driver.Result, look Look) {
	u := &r.Users
	var t table
	for _, row := range []struct {
		name string
		n    uint64
	}{
		{"maps: next VMA under mmap_lock", u.NextFallback},
		{"maps: next VMA searched again", u.NextRetry},
	} {
		if row.n > 0 {
			t = append(t, []string{row.name, count(row.n), rate(perSecond(row.n, r))})
		}
	}
	if t != nil {
		b.WriteString("\n" + t.text(look))
	}
}

// sentence says in plain words how faults were handled, and why some were not handled under the VMA lock.
func sentence(f *driver.Faults) string {
	share := fmt.Sprintf("%s of %s handled %s", percent(f.VMALockSuccess, f.Total), plural(f.Total, "fault"), handled(f))
	if f.MmapLock == 0 {
		return share + "."
	}
	s := fmt.Sprintf("%s; %s fell back to mmap_lock:\n", share, count(f.MmapLock))
	if len(f.Speculation) > 0 {
		return s + speculation(f)
	}
	if f.VMALockAbort+f.VMALockRetry == 0 {
		return s[:strings.Index(s, ";")] + "; under these rules VMAs have no lock to try."
	}
	retried := min(f.VMALockRetry, f.MmapLock)
	const unlocked, unfinished = "found no VMA, or one that a writer had locked", "could not be finished under the VMA lock"
	switch retried {
	case 0:
		return s + "they " + unlocked + "."
	case f.MmapLock:
		return s + "they " + unfinished + "."
	}
	return s + fmt.Sprintf("%s %s, %s %s.", count(f.MmapLock-retried), unlocked, count(retried), unfinished)
}

func machine(b *strings.Builder, r *driver.Result, look Look) {
	v, m := &r.VMAs, &r.Memory
	b.WriteString("\n")
	look.line(b, fmt.Sprintf("VMAs    %s at the end; %s allocated, %s of them in reused memory; %s",
		count(uint64(v.MapCount)), count(v.Allocated), count(v.Reused), plural(v.GracePeriods, "grace period")))
	look.line(b, fmt.Sprintf("memory  %s in use at the end, %s at most, of %s",
		frames(m.FramesInUse), frames(m.FramesPeak), byteSize(m.ArenaBytes)))
}

func findings(b *strings.Builder, r *driver.Result, look Look) {
	left := r.UnexpectedTotal
	if left > 0 {
		fmt.Fprintf(b, "\n%s:\n", plural(left, "unexpected result"))
	}
	for i := range r.Unexpected {
		look.line(b, r.Unexpected[i].String())
		left -= r.Unexpected[i].Count
	}
	more(b, left)
	left = r.ViolationTotal
	if left > 0 {
		fmt.Fprintf(b, "\n%s:\n", plural(left, "violation"))
	}
	for _, v := range r.Violations {
		line := v.String()
		if v.Count > 1 {
			line += fmt.Sprintf(", %s times", count(v.Count))
		}
		look.line(b, line)
		if v.Where != "" {
			fmt.Fprintf(b, "  in %s\n", strings.ReplaceAll(v.Where, "\n", "\n  by "))
		}
		left -= v.Count
	}
	more(b, left)
}

// more says that a list has been cut.
func more(b *strings.Builder, left uint64) {
	if left > 0 {
		fmt.Fprintf(b, "and %s more\n", count(left))
	}
}

func verdict(r *driver.Result) string {
	cut := ""
	if r.Interrupted {
		cut = "interrupted; "
	}
	if r.OK() {
		return cut + "ok: every result as stated, no invariant broken, nothing leaked"
	}
	var why []string
	if n := r.UnexpectedTotal; n > 0 {
		why = append(why, plural(n, "unexpected result"))
	}
	if n := r.ViolationTotal; n > 0 {
		why = append(why, plural(n, "violation"))
	}
	return cut + "FAILED: " + strings.Join(why, ", ")
}

// duration rounds to what a reader can use.
func duration(d time.Duration) string {
	return d.Round(max(time.Microsecond, d.Round(time.Second)/1000)).String()
}

// Progress words how far a run has come, in one line.
func Progress(scenario string, p driver.Progress) string {
	perSecond := float64(p.Faults) / max(p.Elapsed, time.Millisecond).Seconds()
	return fmt.Sprintf("%s: %.1fs, %s, %s faults, %s", scenario, p.Elapsed.Seconds(), plural(uint64(p.Tasks), "task"), count(p.Faults), rate(perSecond))
}
