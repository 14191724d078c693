package imports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRecordedPrograms: what one task has asked of Linux is expressed in full, every address comes out as the kernel has given it, and
// so does the layout at the end, with the layout at the beginning known or not.
func TestRecordedPrograms(t *testing.T) {
	memoryCall := regexp.MustCompile(`(?m)^\d+ +(mmap|munmap|mprotect|brk|mremap|madvise)\(`)
	for _, dir := range recordings {
		logs, err := filepath.Glob(filepath.Join(dir, "*.maps-at-end"))
		if err != nil {
			t.Fatal(err)
		}
		if len(logs) == 0 {
			t.Logf("no recordings in %s: they are tested where they are", dir)
		}
		for _, end := range logs {
			base := strings.TrimSuffix(end, ".maps-at-end")
			log, err := os.ReadFile(base + ".strace")
			if err != nil {
				t.Fatal(err)
			}
			known := imported(t, string(log), Options{Maps: dump(t, base+".maps"), End: dump(t, end), Touch: true})
			if want := len(memoryCall.FindAll(log, -1)); known.Report.Statements != want {
				t.Errorf("%s: %d statements, expected %d", base, known.Report.Statements, want)
			}
			mustRun(t, known.String())
			mustRun(t, imported(t, string(log), Options{Touch: true}).String())
		}
	}
}

const traced = `1700 execve("/bin/x", ["x"], 0x7ffe0 /* 3 vars */) = 0
1700 brk(NULL)                         = 0x555555559000
1700 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fc0000
1700 openat(AT_FDCWD</tmp>, "data", O_RDWR|O_CREAT, 0644) = 3</tmp/data>
1700 ftruncate(3</tmp/data>, 65536) = 0
1700 mmap(NULL, 65536, PROT_READ|PROT_WRITE, MAP_SHARED, 3</tmp/data>, 0) = 0x7ffff7fb0000
1700 dup2(3</tmp/data>, 9) = 9</tmp/data>
1700 close(3</tmp/data>) = 0
1700 mmap(0x7ffff7fa0000, 4096, PROT_READ, MAP_PRIVATE, 9</tmp/data>, 0x1000) = 0x7ffff7fa0000
1700 msync(0x7ffff7fb0000, 4096, MS_SYNC) = 0
1700 mlock(0x7ffff7fc0000, 4096) = 0
1700 mlock2(0x7ffff7fc1000, 4096, MLOCK_ONFAULT) = 0
1700 munlock(0x7ffff7fc0000, 8192) = 0
1700 mlockall(MCL_CURRENT) = 0
1700 munlockall() = 0
1700 mincore(0x7ffff7fc0000, 8192, [1, 0]) = 0
1700 madvise(0x7ffff7fc0000, 8192, MADV_DONTNEED) = 0
1700 madvise(0x7ffff7fc0000, 8192, 0x63 /* MADV_??? */) = -1 EINVAL (Invalid argument)
1700 mremap(0x7ffff7fc0000, 8192, 16384, MREMAP_MAYMOVE) = 0x7ffff7fac000
1700 mprotect(0x7ffff7fac000, 4096, PROT_NONE) = 0
1700 munmap(0x7ffff7fac000, 16384) = 0
1700 munmap(0x7ffff7fac001, 16384) = -1 EINVAL (Invalid argument)
1700 memfd_create("jit", MFD_CLOEXEC) = 4</memfd:jit (deleted)>
1700 ftruncate(4</memfd:jit (deleted)>, 8192) = 0
1700 mmap(NULL, 8192, PROT_READ|PROT_EXEC, MAP_SHARED, 4</memfd:jit (deleted)>, 0) = 0x7ffff7fc0000
1700 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 77, 0) = -1 EBADF (Bad file descriptor)
1700 prlimit64(0, RLIMIT_AS, {rlim_cur=64*1024*1024*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0
1700 prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=20000, rlim_max=20000}) = 0
1700 prctl(PR_SET_NAME, "x, y") = 0
1700 mseal(0x7ffff7fc0000, 4096, 0) = 0
1700 brk(0x55555557a000) = 0x55555557a000
1700 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---
1700 exit_group(0) = ?
1700 +++ exited with 0 +++
`

// TestCalls: each call that the language knows becomes its statement, files and failures included.
func TestCalls(t *testing.T) {
	made := imported(t, traced, Options{Touch: true})
	text := made.String()
	mustRun(t, text)
	for _, want := range []string{
		"\nfile data temp 64K disk # /tmp/data\n", "\nfile jit memory 8K # /memfd:jit (deleted)\n", "\nfile closed_file closed\n",
		"    heap H 132K at 0x555555559000\n", "    brk 0 => 0x555555559000\n",
		"    mmap 64K rw shared file data => 0x7ffff7fb0000\n", "    mmap 4K r private file data +4K at 0x7ffff7fa0000 => 0x7ffff7fa0000\n",
		"    msync 0x7ffff7fb0000 4K sync\n", "    mlock 0x7ffff7fc1000 4K onfault\n", "    mlockall current\n", "    mincore 0x7ffff7fc0000 8K\n",
		"    madvise 0x7ffff7fc0000 8K 0x63 => EINVAL\n", "    mremap 0x7ffff7fc0000 8K to 16K maymove => 0x7ffff7fac000\n",
		"    munmap 0x7ffff7fac001 16K => EINVAL\n", "    mmap 4K r shared file closed_file => EBADF\n", "    setrlimit as 0x1000000000\n",
		"    mseal 0x7ffff7fc0000 4K\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q", want)
		}
	}
	report := made.Report.String()
	for _, want := range []string{
		"34 lines, 32 calls of 1 task in 1 address space: 22 are statements, 8 are told by others, 2 are dropped\n",
		"dropped: prlimit64, 1 time, first in line 28: it sets no limit\n",
		"dropped: prctl, 1 time, first in line 29: it leaves the layout as it is\n",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("no line %q in\n%s", want, report)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestPrefixes: tasks and times may stand in front of a line in each of the ways that strace knows.
func TestPrefixes(t *testing.T) {
	for _, prefix := range []string{"", "17 ", "[pid   17] ", "12:34:56 ", "12:34:56.123456 ", "1700000000.123456 ", "     0.000123 ",
		"17 12:34:56 ", "17  1700000000.123456 ", "[pid    17] 12:34:56.000001 ", "17 12:34:56.123456 (+     0.000012) ", "17      0.000123 "} {
		text := imported(t, prefix+"munmap(0x10000, 4096) = 0 <0.000012>\n", Options{}).String()
		if !strings.Contains(text, "    munmap 0x10000 4K\n") {
			t.Errorf("%q: %s", prefix, text)
		}
	}
	for text, want := range map[string]int64{"12:34:56.5 ": 45296500000000, "1700000000.123456 ": 1700000000123456000, "     0.000123 ": 123000} {
		if r, _, ok := parseRecord([]byte("17 " + text + "brk(NULL)")); !ok || r.time != want || r.tid != 17 {
			t.Errorf("%q: %d of task %d, expected %d", text, r.time, r.tid, want)
		}
	}
}

// TestMistakes: what cannot be read is told with its place.
func TestMistakes(t *testing.T) {
	for log, want := range map[string]string{
		"17 brk(NULL) = 0x1000\nhello\n":                             "x.strace:2:6: no line of strace, expected a call, as strace -f -y -o FILE writes it",
		"17 munmap(0x1000, 4096\n":                                   "x.strace:1:23: munmap ends too early, expected its arguments, \"=\" and what it returned",
		"17 munmap(0x1000) = 0\n":                                    "x.strace:1:11: munmap has 1 arguments, expected 2",
		"17 munmap(0x1000, many) = 0\n":                              "x.strace:1:19: munmap: \"many\" is no number",
		"17 mprotect(0x1000, 4096, PROT_FLY) = 0\n":                  "x.strace:1:27: mprotect: \"PROT_FLY\" is no number, nor a name that mman.h has",
		"17 brk(NULL <unfinished ...>\n17 <... mmap resumed>) = 0\n": "x.strace:2:22: mmap goes on, but brk began in line 1, expected the same call",
		"17 munmap(0x1000, 4096) = -1 EWHAT (?)\n":                   "x.strace:1:27: munmap ends too early, expected its arguments, \"=\" and what it returned",
		"": "x.strace:1:1: no call of the memory in 0 lines, expected a log of strace -f -y with mmap, munmap, brk, …",
	} {
		_, err := Strace(strings.NewReader(log), Options{Name: "x.strace"})
		if _, ok := errors.AsType[*SyntaxError](err); !ok || err.Error() != want {
			t.Errorf("%q: %v, expected %s", log, err, want)
		}
	}
	long := strings.Repeat("a", 2*longestLine)
	if _, err := Strace(strings.NewReader("17 brk(\""+long), Options{Name: "x.strace"}); err == nil || !strings.Contains(err.Error(), "goes on beyond") {
		t.Errorf("a line of 2 MiB: %v", err)
	}
}

// TestLongLine: a line that is longer than the buffer is read as a whole.
func TestLongLine(t *testing.T) {
	made := imported(t, "17 write(1, \""+strings.Repeat("a", 300<<10)+"\", 5) = 5\n17 munmap(0x10000, 4096) = 0\n", Options{})
	if made.Report.Calls != 2 || made.Report.Statements != 1 {
		t.Errorf("%+v", made.Report)
	}
}

// TestFileOpenedTwice: two opens of one file are two files, whose mappings do not merge; one that can only be read stays so.
func TestFileOpenedTwice(t *testing.T) {
	text := imported(t, `mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ffe000
open("/lib/a.so", O_RDONLY) = 3
fstat(3, {st_mode=S_IFREG|0644, st_size=10000, ...}) = 0
mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0) = 0x7ffff7ffc000
open("/lib/a.so", O_RDWR) = 4
mmap(0x7ffff7ffa000, 4096, PROT_READ, MAP_SHARED, 4, 0) = 0x7ffff7ffa000
mprotect(0x7ffff7ffc000, 8192, PROT_READ|PROT_WRITE) = -1 EACCES (Permission denied)
mprotect(0x7ffff7ffa000, 4096, PROT_READ|PROT_WRITE) = 0
`, Options{Touch: true}).String()
	mustRun(t, text)
	for _, want := range []string{"file a_so temp 10000 disk # /lib/a.so\n", "file a_so_2 again a_so # /lib/a.so\n", "file a_so_3 again a_so rw # /lib/a.so\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

// TestPlacedAsRecorded: a file that the kernel has placed for huge pages is one on a disk, another one in memory.
func TestPlacedAsRecorded(t *testing.T) {
	for _, c := range []struct {
		addr uint64
		want string
	}{{0x7ffff7a00000, "disk"}, {0x7ffff7bff000, "memory"}} {
		text := imported(t, fmt.Sprintf("mmap(NULL, 4194304, PROT_READ, MAP_PRIVATE, 3</x>, 0) = %#x\n", c.addr), Options{}).String()
		if !strings.Contains(text, c.want) {
			t.Errorf("%#x: no %q in\n%s", c.addr, c.want, text)
		}
	}
}

func FuzzStrace(f *testing.F) {
	f.Add(traced)
	f.Add("17 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>\n17 <... mmap resumed>) = 0x7ffff0000000\n")
	f.Add("17 clone(child_stack=NULL, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 18\n18 execve(\"/x\", [\"x\"], 0x1) = 0\n18 brk(NULL) = 0x1000\n18 exit_group(0) = ?\n")
	f.Add(forked)
	f.Fuzz(func(t *testing.T, log string) {
		for _, search := range []bool{false, true} {
			made, err := Strace(strings.NewReader(log), Options{Name: "x.strace", Touch: true, Search: search})
			if err != nil {
				if _, ok := errors.AsType[*SyntaxError](err); !ok {
					t.Fatalf("%v has no place", err)
				}
				return
			}
			parsed(t, made.String())
		}
	})
}

// BenchmarkStrace takes a log in, the recorded allocator's again and again.
func BenchmarkStrace(b *testing.B) {
	log, err := os.ReadFile("testdata/malloc1.strace")
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat(string(log), 100)
	lines := strings.Count(text, "\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		made := imported(b, text, Options{Touch: true})
		if made.Report.Lines != lines {
			b.Fatal(made.Report)
		}
	}
	b.ReportMetric(float64(b.N*lines)/b.Elapsed().Seconds(), "lines/s")
}
