package imports

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRecordedThreads: of programs with many tasks every call of the memory is a statement, and every address comes out as recorded, in
// an order that is found where calls overlap. Where that leaves nothing open, no order has to be looked for.
func TestRecordedThreads(t *testing.T) {
	dir := recordings[1]
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recordings of threads, which lie in %s where the project's shared folder is beside the checkout", dir)
	}
	memoryCall := regexp.MustCompile(`(?m)^\d+ +(mmap|munmap|mprotect|brk|mremap|madvise)\(`)
	for name, searches := range map[string][]bool{"java": {false, true}, "mt": {true}} {
		base := filepath.Join(dir, name)
		log, err := os.ReadFile(base + ".strace")
		if err != nil {
			t.Fatal(err)
		}
		for _, search := range searches {
			made := imported(t, string(log), Options{Maps: dump(t, base+".maps"), Touch: true, Search: search})
			if want := len(memoryCall.FindAll(log, -1)); made.Report.Statements != want || made.Report.Unexplained > 0 {
				t.Errorf("%s: %d statements, expected %d; %d addresses unexplained", name, made.Report.Statements, want, made.Report.Unexplained)
			}
			mustRun(t, made.String())
		}
	}
}

const forked = `10 brk(NULL) = 0x555555559000
10 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fd0000
10 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7ffff7d8aa10 <unfinished ...>
11 munmap(0x7ffff7fd0000, 4096 <unfinished ...>
10 <... clone resumed>) = 11
10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fcf000
11 <... munmap resumed>) = 0
11 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fd0000
11 execve("/bin/y", ["y"], 0x7ffe0 /* 3 vars */) = 0
11 brk(NULL) = 0x555555570000
11 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fb0000
11 brk(0x555555572000) = 0x555555572000
11 exit_group(0) = ?
11 +++ exited with 0 +++
10 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=11, si_uid=0, si_status=0, si_utime=0, si_stime=0} ---
10 vfork( <unfinished ...>
12 execve("/bin/none", ["none"], 0x7ffe0 /* 3 vars */) = -1 ENOENT (No such file or directory)
12 exit_group(127) = ?
10 <... vfork resumed>) = 12
10 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM, exit_signal=0, stack=0x7ffff5000000, stack_size=0x1000} => {parent_tid=[13]}, 88) = 13
13 munmap(0x7ffff7fcf000, 4096) = 0
13 exit(0) = ?
10 mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fcf000
10 clone(child_stack=NULL, flags=SIGCHLD) = -1 EAGAIN (Resource temporarily unavailable)
10 exit_group(0) = ?
`

// TestProcesses: a child has a copy of its parent's address space, a program that is executed one of its own, a thread the same.
func TestProcesses(t *testing.T) {
	for _, search := range []bool{false, true} {
		made := imported(t, forked, Options{Touch: true, Search: search})
		text := made.String()
		mustRun(t, text)
		for _, want := range []string{
			"\nmm m11\nmm m11_2\n", "\nthread t11 in m11\n", "    fork m11\n", "    exit\n    in m11_2\n        brk 0 => 0x555555570000\n",
			"        exit\n", "    in m11_2\n        mmap 132K none private file vunknown at 0x7ffff7fb1000 fixed\n        heap H2 8K at 0x555555570000\n",
			"\nthread t13\n    after t11.",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q", want)
			}
		}
		if r := made.Report; r.Tasks != 4 || r.Spaces != 3 || len(r.Dropped) != 2 {
			t.Errorf("%+v", r)
		}
		if t.Failed() {
			t.Fatal(text)
		}
	}
}

// TestOverlap: which of two calls that overlap came first is found by their addresses. Where there is no such order, that is told.
func TestOverlap(t *testing.T) {
	const log = `1 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ffd000
1 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_FILES}, 88) = 2
1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
2 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
1 <... mmap resumed>) = @1
2 <... mmap resumed>) = @2
2 mremap(@2, 8192, 4096, 0) = @2
1 munmap(@1, 4096) = 0
`
	for _, c := range []struct {
		one, two, first string
		unexplained     int
	}{
		{"0x7ffff7ffa000", "0x7ffff7ffb000", "thread t1\n    mmap 8K r private anon => 0x7ffff7ffd000\n    after t2.2\n", 0},
		{"0x7ffff7ffc000", "0x7ffff7ffa000", "thread t2\n    after t1.2\n", 0},
		{"0x7ffff7ffc000", "0x7ffff7ff0000", "", 1},
	} {
		text := strings.NewReplacer("@1", c.one, "@2", c.two).Replace(log)
		made := imported(t, text, Options{Search: true})
		if got := made.Report.Unexplained; got != c.unexplained || !made.Report.Searched {
			t.Errorf("%s, %s: %d unexplained, expected %d", c.one, c.two, got, c.unexplained)
		}
		if c.unexplained == 0 {
			mustRun(t, made.String())
		}
		if !strings.Contains(made.String(), c.first) {
			t.Errorf("no %q in\n%s", c.first, made)
		}
		if report := made.Report.String(); !strings.Contains(report, "order: ") {
			t.Error(report)
		}
	}
}

// TestWithoutBeginning: a log that begins in the middle has calls whose beginning it does not tell, and tasks that none has made.
func TestWithoutBeginning(t *testing.T) {
	made := imported(t, `1 <... mmap resumed>) = 0x7ffff7000000
2 mprotect(0x7ffff6000000, 4096, PROT_READ) = 0
1 mprotect(0x7ffff6001000, 4096, PROT_READ) = 0
2 write(1, "x", 1) = 1
2 brk(NULL) = ?
1 munmap(0x7ffff6000000, 8192 <unfinished ...>
`, Options{})
	mustRun(t, made.String())
	report := made.Report.String()
	for _, want := range []string{"mmap, 1 time, first in line 1: the log does not tell how it began", "write, 1 time, first in line 4: no call of the memory",
		"brk, 1 time, first in line 5: the log does not tell what it returned", "munmap, 1 time, first in line 6: the log does not tell how it ended",
		"note: task 2 was there before the log"} {
		if !strings.Contains(report, want) {
			t.Errorf("no %q in\n%s", want, report)
		}
	}
}

// TestRandomized: where each program that execve begins has its room elsewhere, all addresses come out as recorded; a dump tells of one alone.
func TestRandomized(t *testing.T) {
	const log = `10 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f1000000000
10 execve("/bin/y", ["y"], 0x7ffe0 /* 3 vars */) = 0
10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fd000000000
10 execve("/bin/z", ["z"], 0x7ffe0 /* 3 vars */) = 0
10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f2000000000
10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f1ffffff000
`
	made := imported(t, log, Options{Touch: true})
	mustRun(t, made.String())
	if !strings.Contains(made.String(), "machine mmap-base 0x7fd000001000\n") || len(made.Report.Notes) > 0 {
		t.Errorf("%s%s", made.Report.String(), made)
	}
	known := imported(t, log, Options{Maps: []Area{{Start: 0x7f1000002000, End: 0x7f1000003000, Prot: 1, Name: "/lib/ld.so"}}})
	if report := known.Report.String(); !strings.Contains(report, "note: 2 address spaces have their room above that of --maps: ") {
		t.Error(report)
	}
}
