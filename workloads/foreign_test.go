package workloads

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecognize: what people have beside scenarios is told by its first lines, and by one sentence where a scenario is expected.
func TestRecognize(t *testing.T) {
	for text, want := range map[string]string{
		"1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0) = 0x1000\n2 munmap(\n":                 "a log of strace",
		"[pid 17] 12:34:56.78 brk(NULL)     = 0x5555\n":                                           "a log of strace",
		"17 1700000000.123456 exit_group(0)                     = ?\n":                            "a log of strace",
		"execve(\"/bin/x\", [\"x\"] <unfinished ...>\n":                                           "a log of strace",
		"\n# a comment\n00400000-00401000 r-xp 00000000 fe:00 12 /bin/x\n":                        "a dump of /proc/PID/maps",
		"C MP+pooncerelease+poacquireonce\n\n(* Result: Never *)\n{}\n":                           "a litmus test of herd7",
		"# {Threaded:true}\nr0 = openat(0xffffffffffffff9c, &(0x7f0000000000)='./f\\x00', 0x0)\n": "a program of syzkaller",
		"mmap(&(0x7f0000ffc000/0x4000)=nil, 0x4000, 0x3, 0x32, 0xffffffffffffffff, 0x0)\n":        "a program of syzkaller",
		"app 17 [001] 1700000000.123456:          1 page-faults:  7f0000001000 main+0x10 (/x)\n":  "output of perf",
		"     0.123 ( 0.000 ms): app/17 minfault [main+0x1] => //anon@0x7f0000001000 (d.)\n":      "output of perf",
	} {
		f := Recognize(text)
		if f == nil || f.What != want {
			t.Errorf("%q: %+v, expected %s", text, f, want)
			continue
		}
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(name, nil)
		var list ErrorList
		if !errors.As(err, &list) || len(list) != 1 || !strings.HasPrefix(err.Error(), name+":1:1: this is "+want+", expected a scenario: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, dir := range []string{"scenarios", "litmus", "bugs"} {
		files, _ := filepath.Glob(dir + "/*.vma")
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if f := Recognize(string(text)); f != nil {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}
