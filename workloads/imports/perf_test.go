package imports

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestRecordedFaults: the faults of a program that was recorded with its calls are its touches, and all go as they did.
func TestRecordedFaults(t *testing.T) {
	log, err := os.ReadFile("testdata/touch.strace")
	if err != nil {
		t.Fatal(err)
	}
	events, err := os.Open("testdata/touch.perf")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	faults, err := ReadPerf("touch.perf", events)
	if err != nil {
		t.Fatal(err)
	}
	for _, search := range []bool{false, true} {
		made := imported(t, string(log), Options{Maps: dump(t, "testdata/touch.maps"), Touch: true, Faults: faults, Search: search})
		text := made.String()
		mustRun(t, text)
		if got := strings.Count(text, "\n    touch "); got != made.Report.Touches || got < 50 || !strings.Contains(text, " exec\n") || !strings.Contains(text, " write\n") {
			t.Errorf("%d touches of %d in\n%s", got, made.Report.Touches, text)
		}
	}
}

const timed = `17 1700000000.000001 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ffd000
17 1700000000.000004 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_FILES}, 88) = 18
18 1700000000.000006 munmap(0x7ffff7ffe000, 4096 <unfinished ...>
17 1700000000.000007 mprotect(0x7ffff7ffd000, 4096, PROT_READ) = 0
18 1700000000.000008 <... munmap resumed>) = 0
17 1700000000.000009 munmap(0x7ffff7ffd000, 4096) = 0
`

// TestFaultsBetweenCalls: a fault lies behind the calls that had begun before it, and is an access of the kind that the memory allows then.
func TestFaultsBetweenCalls(t *testing.T) {
	const events = `app 17/18 [001] 1700000000.000005: 1 page-faults:u: 7ffff7ffe010 555555555104 main+0x4 (/x)
app 17 1700000000.000002: page-faults: 7ffff7ffd008 555555555004
app 17 1700000000.000003: cycles: 555555555004
# a comment
app 18 1700000000.0000071: page-faults: 7ffff7ffe018 ffffffff81000000
app 17 1700000000.0000085: minor-faults: 7ffff7ffd010 7ffff7ffd010
app 17 1700000000.0000086: page-faults: 7ffff7ffd018 555555555004
app 17 1700000000.0000087: page-faults: ffffffff81000000 555555555004
app 17 1700000000.0000088: page-faults: 1000 555555555004
`
	faults, err := ReadPerf("x.perf", strings.NewReader(events))
	if err != nil || len(faults) != 7 || faults[0].Task != 17 || faults[1].Task != 18 {
		t.Fatalf("%v %v", faults, err)
	}
	for _, c := range []struct {
		maps []Area
		want string
	}{
		{nil, "    touch 0x7ffff7ffd008 write\n"},
		{nil, "thread t18\n    after t17.2\n    touch 0x7ffff7ffe010 write\n"},
		{nil, "    after t18.4\n    touch 0x7ffff7ffd010 exec\n    touch 0x7ffff7ffd018 read\n    munmap"},
		{[]Area{{Start: 0x400000, End: 0x401000}}, "    touch 0x1000 read => SEGV\n"},
	} {
		made := imported(t, timed, Options{Maps: c.maps, Faults: faults, Touch: true})
		if text := made.String(); !strings.Contains(text, c.want) {
			t.Errorf("no %q in\n%s", c.want, text)
		}
		if report := made.Report.String(); !strings.Contains(report, "dropped: fault, 1 time, first in line 6: of the kernel\n") {
			t.Error(report)
		}
	}
}

// TestPerfMistakes: what is no output of perf script, or cannot be put between the calls, is told with its place.
func TestPerfMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"hello\n": "m:1:1: no event of perf, expected one as perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints it",
		"app 17 1700000000.000003: cycles: 555555555004\n":                    "m:1:1: no page fault, expected those of perf record -e minor-faults,major-faults -c 1 -d",
		"app 17 1700000000.000003: page-faults: 555555555004\n":               "m:1:1: no event of perf, expected one as perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints it",
		"app 17 1700000000.000003: page-faults: 7ffff7ffd008 main+0x1 (/x)\n": "m:1:1: no event of perf, expected one as perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints it",
		"app x 1700000000.000003: page-faults: 7ffff7ffd008 555\n":            "m:1:1: no event of perf, expected one as perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints it",
	} {
		if _, err := ReadPerf("m", strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
	faults := []Fault{{Time: 12e9, Task: 17, Addr: 0x1000}}
	if _, err := Strace(strings.NewReader(timed), Options{Name: "x.strace", Faults: faults}); err == nil || !strings.Contains(err.Error(), "x.strace:1:1: perf's times are of another clock") {
		t.Errorf("another clock: %v", err)
	}
	faults[0].Time = 2e18
	if _, err := Strace(strings.NewReader("17 brk(NULL) = 0x1000\n"), Options{Name: "x.strace", Faults: faults}); err == nil || !strings.Contains(err.Error(), "x.strace:1:1: a line without the time") {
		t.Errorf("no times: %v", err)
	}
}

func FuzzPerf(f *testing.F) {
	f.Add("app 17/18 [001] 1700000000.000005: 1 page-faults:u: 7ffff7ffe010 555555555104 main+0x4 (/x)\n")
	f.Add("1700000000000.005 ( 0.000 ms): app/17 minfault [main+0x3d] => /x@0x2e0 (d.)\n")
	f.Fuzz(func(t *testing.T, text string) {
		faults, err := ReadPerf("m", strings.NewReader(text))
		if err == nil && len(faults) == 0 {
			t.Error("no faults, and no error")
		}
		var made bytes.Buffer
		if im, err := Strace(strings.NewReader(timed), Options{Name: "x.strace", Faults: faults}); err == nil {
			if _, err := im.WriteTo(&made); err != nil {
				t.Error(err)
			}
			parsed(t, made.String())
		}
	})
}
