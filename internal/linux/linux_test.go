package linux

import (
	"go/build"
	"go/constant"
	"go/importer"
	"go/token"
	"go/types"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// uapi matches the names of numbers that a header of the kernel's defines for user space.
var uapi = regexp.MustCompile(`^(E[A-Z0-9]+|[A-Z]+_[A-Z0-9_]+)$`)

// TestNumbers compares each number with that of golang.org/x/sys for linux/amd64.
func TestNumbers(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command to read golang.org/x/sys with")
	}
	host := build.Default
	defer func() { build.Default = host }()
	build.Default.GOOS, build.Default.GOARCH, build.Default.CgoEnabled = "linux", "amd64", false
	build.Default.GOROOT = strings.TrimSpace(string(root)) // a test that is built with -trimpath does not know it
	source := importer.ForCompiler(token.NewFileSet(), "source", nil)
	own, err := source.Import("vmasim/internal/linux")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := source.Import("golang.org/x/sys/unix")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range own.Scope().Names() {
		c, ok := own.Scope().Lookup(name).(*types.Const)
		if !ok || !uapi.MatchString(name) {
			continue
		}
		want, ok := theirs.Scope().Lookup(name).(*types.Const)
		switch {
		case !ok:
			t.Errorf("%s is no number of golang.org/x/sys", name)
		case !constant.Compare(c.Val(), token.EQL, want.Val()):
			t.Errorf("%s = %s, want %s", name, c.Val(), want.Val())
		default:
			compared++
		}
	}
	if compared < 200 {
		t.Errorf("compared %d numbers", compared)
	}
}

func TestNames(t *testing.T) {
	for e, want := range map[Errno]string{ENOMEM: "ENOMEM", EOPNOTSUPP: "EOPNOTSUPP", EWOULDBLOCK: "EAGAIN", EHWPOISON: "EHWPOISON", 0: "", 41: "", 134: "", ^Errno(0): ""} {
		if got := Name(e); got != want {
			t.Errorf("Name(%d) = %q, want %q", e, got, want)
		}
	}
	seen := map[string]bool{}
	for e := range errnos {
		name := Name(Errno(e))
		if name != "" && seen[name] {
			t.Errorf("two errors are called %s", name)
		}
		seen[name] = true
	}
	for e := OK; e <= Killed; e++ {
		if e.String() == "" {
			t.Errorf("end %d has no name", e)
		}
	}
	if got := Exec.String() + ", " + Access(3).String() + ", " + Killed.String() + ", " + AccessEnd(7).String(); got != "exec, access 3, EINTR, end 7" {
		t.Error(got)
	}
}
