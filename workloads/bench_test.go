package workloads

import (
	"fmt"
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
