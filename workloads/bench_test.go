package workloads

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// recorded is a straight-line program of so many statements, as a recorded one is: fixed addresses, few names.
func recorded(lines int) string {
	var b strings.Builder
	b.WriteString("# recorded\nfile F temp 64K\ninit\n")
	for i := 0; b.Len() >= 0 && i < lines; i++ {
		addr := 0x7f0000000000 + i%5000*0x3000
		switch i % 8 {
		case 0:
			fmt.Fprintf(&b, "    mmap 0x%x 8192 rw private anon fixed\n", addr)
		case 1:
			fmt.Fprintf(&b, "    touch 0x%x write\n", addr-0x3000)
		case 2:
			fmt.Fprintf(&b, "    mprotect 0x%x 4096 r => ok\n", addr-2*0x3000)
		case 3:
			fmt.Fprintf(&b, "    store 0x%x %d => any\n", addr-3*0x3000+4096, i)
		case 4:
			fmt.Fprintf(&b, "    madvise 0x%x 4096 dontneed\n", addr-4*0x3000)
		case 5:
			fmt.Fprintf(&b, "    mmap 0x%x 4096 r private file F+4096 fixed\n", addr)
		case 6:
			fmt.Fprintf(&b, "    load 0x%x => any\n", addr-0x3000)
		case 7:
			fmt.Fprintf(&b, "    munmap 0x%x 8192\n", addr-7*0x3000)
		}
	}
	return b.String()
}

// BenchmarkParse reads a recorded program. The target is a million lines a second.
func BenchmarkParse(b *testing.B) {
	const lines = 100_000
	src := []byte(recorded(lines))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	begun := cpuTime(b)
	for b.Loop() {
		if _, err := Parse("recorded", src); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(lines)*float64(b.N)/(cpuTime(b)-begun).Seconds(), "lines/cpu-s") // of all threads: on a busy machine this is what says something
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// sourceTable are sources of any number of lines: recorded addresses, regions, and mistakes.
var sourceTable = []struct {
	name string
	text func(lines int) string
}{
	{"addresses", recorded},
	{"regions", func(lines int) string {
		var b strings.Builder
		b.WriteString("init\n")
		for i := range lines {
			fmt.Fprintf(&b, "    mmap R%d 4K rw private anon\n    touch R%d write\n", i, i/2)
		}
		return b.String()
	}},
	{"mistakes", func(lines int) string {
		var b strings.Builder
		b.WriteString("init\n")
		for i := range lines {
			fmt.Fprintf(&b, "    touch R%d write\n    mmap R%d 4K rw private anon\n", i, i)
		}
		return b.String()
	}},
}

// TestParseIsLinear: four times the lines take about four times the memory, whatever they name. BenchmarkParseLines tells the time.
func TestParseIsLinear(t *testing.T) {
	for _, source := range sourceTable {
		allocated := func(lines int) (bytes, objects uint64) {
			src := []byte(source.text(lines))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = Parse(source.name, src)
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
		}
		const lines = 2_000
		bytes, objects := allocated(lines)
		if b, o := allocated(4 * lines); b > 6*bytes || o > 5*objects {
			t.Errorf("%s: %d lines take %d bytes in %d objects, %d lines %d in %d", source.name, lines, bytes, objects, 4*lines, b, o)
		}
	}
}

// BenchmarkParseLines tells what a line costs in sources of two sizes: the same, or reading is not linear.
func BenchmarkParseLines(b *testing.B) {
	for _, source := range sourceTable {
		for _, lines := range []int{5_000, 20_000} {
			b.Run(fmt.Sprintf("%s/lines=%d", source.name, lines), func(b *testing.B) {
				src := []byte(source.text(lines))
				begun := cpuTime(b)
				for b.Loop() {
					_, _ = Parse(source.name, src)
				}
				b.ReportMetric(float64((cpuTime(b)-begun).Nanoseconds())/float64(b.N)/float64(lines), "cpu-ns/line")
			})
		}
	}
}
