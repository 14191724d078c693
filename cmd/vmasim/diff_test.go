package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/judge/host"
)

// TestAnotherKernel: on a kernel that calls itself another one there is no verdict, and exit status 2.
func TestAnotherKernel(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"diff", "--random", "300"},
		{"diff", "../../testdata/kernel/mseal-call.vma"},
		{"diff", "../../testdata/kernel/mseal-call.vma", "--rules", "linux-7"},
		{"diff", "../../testdata/kernel/mseal-call.vma", "--format", "json"},
	} {
		cmd := exec.Command("vmasim", args...)
		cmd.Path, cmd.Err = self, nil // see TestMain
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		var exit *exec.ExitError
		if err := asAnotherKernel(t, cmd.Run); !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
			t.Errorf("%v: %v, %s", args, err, stderr.String())
		}
		if strings.Contains(stderr.String(), "nothing can be compared here") {
			continue
		}
		want := "another kernel"
		if args[len(args)-1] == "json" {
			want = `"another_kernel":"the simulator is Linux`
		}
		if out := stdout.String(); !strings.Contains(out, want) || strings.Contains(out, "DRIFT") || strings.Contains(out, "no drift") {
			t.Errorf("%v:\n%s", args, out)
		}
		if !strings.Contains(stderr.String(), "warning: another kernel") {
			t.Errorf("%v: no warning in %s", args, stderr.String())
		}
	}
}

// asAnotherKernel calls f, which starts a process, on a thread to whose children the kernel says that it is Linux 2.6: UNAME26 of
// personality(2).
func asAnotherKernel(t *testing.T, f func() error) error {
	const uname26, query = 0x0020000, 0xffffffff
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, query, 0, 0)
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_PERSONALITY, before|uname26, 0, 0)
	}
	if errno != 0 {
		t.Skip("personality: ", errno)
	}
	defer unix.RawSyscall(unix.SYS_PERSONALITY, before, 0, 0)
	return f()
}

// TestRecordedBase: a recording whose room began elsewhere than usual is compared by the command, too, which is linked as vmasim is: the
// C library, if it is in, makes stacks of threads as large as the limit that decides about that.
func TestRecordedBase(t *testing.T) {
	host.StartFor(t, host.Judge)
	path := filepath.Join(t.TempDir(), "base.vma")
	if err := os.WriteFile(path, []byte("machine mmap-base 0x7f0000000000\nthread t\n    mmap 4K rw private anon => 0x7efffffff000\n    mmap 4K rw private anon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := vmasim(t, "diff "+path, exitOK); !strings.Contains(out, "no drift") || !strings.Contains(out, "2 operations") {
		t.Error(out)
	}
}
