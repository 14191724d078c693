package workloads

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good := "file F path \"data.bin\"\ninit\n    yield\n"
	write(t, dir, "data.bin", "bytes")
	write(t, dir, "b.vma", good)
	a := write(t, dir, "a.vma", good)
	write(t, dir, "README", "not a scenario")

	for _, c := range []struct{ arg, names, dir string }{
		{"quickstart", "quickstart", ""},
		{a, "a", dir},
		{dir, "a b", dir},
		{dir + "/", "a b", dir},
		{"-", "<stdin>", "."},
	} {
		all, err := Load(c.arg, strings.NewReader("init\n  yield\n"))
		if err != nil {
			t.Errorf("Load(%q): %v", c.arg, err)
			continue
		}
		var names []string
		for _, sc := range all {
			names = append(names, sc.Name)
			if sc.Dir != c.dir {
				t.Errorf("Load(%q): paths start from %q, want %q", c.arg, sc.Dir, c.dir)
			}
		}
		if got := strings.Join(names, " "); got != c.names {
			t.Errorf("Load(%q) gives %s, want %s", c.arg, got, c.names)
		}
	}
}

// TestPathsAreNoNames: an argument with a separator is a path, and what has one beside a built-in name is read from there.
func TestPathsAreNoNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, arg := range []string{"./quickstart", "../scenarios/quickstart", "x/../quickstart", "/quickstart"} {
		if _, err := Load(arg, nil); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%s: %v", arg, err)
		}
	}
	write(t, ".", "quickstart", "# Mine.\nthread t\n    yield\n")
	all, err := Load("./quickstart", nil)
	if err != nil || len(all) != 1 || all[0].Title != "Mine." {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := Load("quickstart", nil); err != nil || all[0].Title == "Mine." {
		t.Errorf("%v, %v", all, err)
	}
}

// TestLoadBinary: a file that is no text is refused in a word.
func TestLoadBinary(t *testing.T) {
	name := write(t, t.TempDir(), "program", "\x7fELF\n\x02\x01\x00\x00"+strings.Repeat("\xff\x00\n", 1000))
	_, err := Load(name, nil)
	if want := name + ":2:3: byte 0x00 is no text, expected a scenario"; err == nil || err.Error() != want {
		t.Errorf("%v, expected %s", err, want)
	}
}

func TestLoadErrors(t *testing.T) {
	dir, empty, bad := t.TempDir(), t.TempDir(), t.TempDir()
	lost := write(t, dir, "lost.vma", "file F path \"gone\"\nfile D path \"fifo\"\ninit\n  yield\n")
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, bad, "1.vma", "init\n  yeild\n")
	write(t, bad, "2.vma", "innit\n  yield\n")

	for arg, want := range map[string]string{
		"quikstart":            `unknown scenario "quikstart", did you mean "quickstart"?`,
		"zzz":                  `unknown scenario "zzz", expected a built-in name, a file, a directory or -`,
		"no/such.vma":          `no/such.vma: no such file or directory`,
		empty:                  `no scenario in directory ` + empty + `, expected files *.vma`,
		lost:                   lost + `:1:6: cannot open "gone": no such file or directory, expected a file` + "\n" + lost + `:2:6: "fifo" cannot be opened for mapping, expected a regular file, a directory or /dev/zero`,
		bad:                    bad + `/1.vma:2:3: unknown statement "yeild", did you mean "yield"?` + "\n" + bad + `/2.vma:1:1: unknown statement "innit", did you mean "init"?`,
		"-":                    `<stdin>:1:1: nothing to run, expected init or a thread`,
		"../workloads/load.go": "load.go:1:1: ",
	} {
		all, err := Load(arg, strings.NewReader(""))
		if err == nil || !strings.Contains(err.Error(), want) || all != nil {
			t.Errorf("Load(%q): %d scenarios, %v; want %s", arg, len(all), err, want)
		}
	}

	_, err := LoadBuiltin("fault-strom")
	if err == nil || !strings.Contains(err.Error(), `did you mean "fault-storm"?`) {
		t.Error(err)
	}
	var list ErrorList
	if _, err := Load(bad, nil); !errors.As(err, &list) || len(list) != 2 {
		t.Errorf("not one list of both files' mistakes: %v", err)
	}
}

// TestLoadLarge: a recorded program has tens of megabytes, and what never ends is given up.
func TestLoadLarge(t *testing.T) {
	const lines = 100_000
	text := recorded(lines)
	if len(text) < 3<<20 {
		t.Fatalf("only %d bytes", len(text))
	}
	all, err := Load(write(t, t.TempDir(), "large.vma", text), nil)
	if err != nil || len(all[0].Init.Body) != lines {
		t.Fatalf("%d scenarios, %v", len(all), err)
	}
	if _, err := Load("-", endless{}); err == nil || !strings.Contains(err.Error(), "has more than 64M") {
		t.Errorf("an endless input: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
