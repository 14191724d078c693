package imports

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTracedFaults: of one recording perf trace tells what perf script tells, but for addresses in a part of a file that is mapped twice,
// and for fetches, of which the memory tells.
func TestTracedFaults(t *testing.T) {
	log, err := os.ReadFile("testdata/pages.strace")
	if err != nil {
		t.Fatal(err)
	}
	const mappedTwice = 3
	touches := func(name string, maps []Area) ([]string, *Report) {
		faults := readFaults(t, name)
		made := imported(t, string(log), Options{Maps: maps, Faults: faults})
		text := made.String()
		mustRun(t, text)
		var found []string
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "touch" {
				found = append(found, fields[1])
			}
		}
		return found, &made.Report
	}
	for _, c := range []struct {
		maps []Area
		lost int
		why  string
	}{
		{dump(t, "testdata/pages.maps"), mappedTwice, "dropped: fault, 3 times, first in line 3: in a part of a file that is mapped more than once"},
		{nil, 0, "in a file where the log has not mapped it, and perf trace tells the offset alone: --maps tells of what was there before"},
	} {
		scripted, _ := touches("pages.perf", c.maps)
		told, report := touches("pages.perftrace", c.maps)
		if len(told) < 50 || len(scripted)-len(told) != c.lost || !strings.Contains(flat(report), c.why) {
			t.Errorf("%d touches of perf trace, %d of perf script, expected %d fewer\n%s", len(told), len(scripted), c.lost, report)
		}
		for _, addr := range told {
			at := slices.Index(scripted, addr)
			if at < 0 {
				t.Fatalf("perf trace has a touch of %s, which perf script has not there", addr)
			}
			scripted = scripted[at+1:]
		}
	}
}

// flat is a report without the ends of its lines.
func flat(r *Report) string { return strings.Join(strings.Fields(r.String()), " ") }

func readFaults(t *testing.T, name string) []Fault {
	t.Helper()
	events, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	faults, err := ReadPerf(name, events)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// TestTracedLines: what perf trace prints of a fault, and what it prints beside that.
func TestTracedLines(t *testing.T) {
	const sec = 1_000_000_000
	for line, want := range map[string]Fault{
		"1700000000000.005 ( 0.000 ms): app/17 minfault [main+0x3d] => /opt/my app@0x2e0 (d.)":           {1700000000*sec + 5000, 17, 0x2e0, "/opt/my app", false, true},
		"1700000000000.005 ( 0.000 ms): a/b c/17 majfault [operator new[]+0x1] => //anon@0x7f0000 (d.)":  {1700000000*sec + 5000, 17, 0x7f0000, "", false, true},
		"1700000000000.005 ( 0.000 ms): app/17 minfault [strncpy_from_user+0x83] => 0x555555556004 (?k)": {1700000000*sec + 5000, 17, 0x555555556004, "", false, false},
		"1700000000000.005 ( 0.000 ms): 17 minfault [0x2c80] => [stack]@0x7ffffffde018 (d.)":             {1700000000*sec + 5000, 17, 0x7ffffffde018, "", false, true},
	} {
		other := "1700000000000.001 ( 0.011 ms): app/17 munmap(addr: 0x7f0000, len: 4096) = 0\n"
		if got, err := ReadPerf("m", strings.NewReader(other+line+"\n")); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v %v, expected %+v", line, got, err, want)
		}
	}
	for line, want := range map[string]string{
		"LOST 12 events!": "m:1:1: perf has lost events, expected all of them, as a larger buffer keeps them: perf record -m 4096",
		"1700000000000.005 ( 0.000 ms): app/17 minfault [main+0x3d] => nowhere":       "m:1:1: no event of perf, expected one as perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints it",
		"1700000000000.005 ( 0.011 ms): app/17 munmap(addr: 0x7f0000, len: 4096) = 0": "m:1:1: no page fault, expected those of perf record -e minor-faults,major-faults -c 1 -d",
	} {
		if _, err := ReadPerf("m", strings.NewReader(line+"\n")); err == nil || err.Error() != want {
			t.Errorf("%s: %v, expected %s", line, err, want)
		}
	}
}

// TestPlaces: an offset in a file has the address where that part of it is mapped at the time, if there is one.
func TestPlaces(t *testing.T) {
	const log = `17 1700000000.000001 mmap(NULL, 12288, PROT_READ, MAP_PRIVATE, 3</x>, 0x1000) = 0x7ffff7ff0000
17 1700000000.000003 munmap(0x7ffff7ff1000, 4096) = 0
17 1700000000.000005 mremap(0x7ffff7ff2000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7ffff7f00000) = 0x7ffff7f00000
17 1700000000.000007 mmap(0x7ffff7f01000, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED, 3</x>, 0) = 0x7ffff7f01000
17 1700000000.000009 mremap(0x7ffff7f01000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7ffff7e00000) = 0x7ffff7e00000
17 1700000000.000011 munmap(0x7ffff7ff0000, 4096) = 0
`
	const events = `1700000000000.002 ( 0.000 ms): app/17 minfault [main+0x3d] => /x@0x2008 (d.)
1700000000000.004 ( 0.000 ms): app/17 minfault [main+0x3d] => /x@0x2008 (d.)
1700000000000.006 ( 0.000 ms): app/17 minfault [main+0x3d] => /x@0x3010 (d.)
1700000000000.008 ( 0.000 ms): app/17 minfault [main+0x3d] => /x@0x18 (d.)
1700000000000.010 ( 0.000 ms): app/17 minfault [main+0x3d] => /x@0x18 (d.)
`
	faults, err := ReadPerf("x", strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	made := imported(t, log, Options{Faults: faults})
	text := made.String()
	mustRun(t, text)
	at := 0
	for _, want := range []string{"touch 0x7ffff7ff1008 read\n    munmap", "touch 0x7ffff7f00010 read\n", "touch 0x7ffff7f01018 exec\n", "touch 0x7ffff7e00018 exec\n"} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("no %q behind byte %d of\n%s", want, at, text)
		}
		at += i
	}
	if report := flat(&made.Report); !strings.Contains(report, "dropped: fault, 1 time, first in line 3: in a file where the log has not mapped it") {
		t.Error(report)
	}
}
