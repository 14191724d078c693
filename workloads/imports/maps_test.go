package imports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLayouts: init makes each layout that was recorded, and finally states it. So it does with the one that this process has now.
func TestLayouts(t *testing.T) {
	names := []string{"testdata/smaps"}
	for _, dir := range recordings {
		for _, pattern := range []string{"*.maps", "*.maps-at-end"} {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, found...)
		}
	}
	for _, name := range names {
		areas := dump(t, name)
		text := Layout(filepath.Base(name), areas).String()
		mustRun(t, text)
	}
	if own, err := os.Open("/proc/self/maps"); err == nil {
		defer own.Close()
		areas, err := ReadMaps("maps", own)
		if err != nil {
			t.Fatal(err)
		}
		parsed(t, Layout("maps", areas).String())
	}
}

// TestMapsMistakes: what is no dump is told with its place.
func TestMapsMistakes(t *testing.T) {
	const good = "00400000-00401000 r-xp 00001000 fe:00 123    /bin/x y\n"
	for text, want := range map[string]string{
		"":                  "m:1:1: nothing is mapped, expected a dump of /proc/PID/maps",
		"hello\n":           "m:1:1: no line of /proc/PID/maps, expected START-END PERMS OFFSET MAJOR:MINOR INODE NAME",
		good + "00500000\n": "m:2:1: no line of /proc/PID/maps, expected START-END PERMS OFFSET MAJOR:MINOR INODE NAME",
		good + good:         "m:2:1: a range that begins at 0x400000, expected one behind that of the line before",
		"00401000-00400000 r-xp 00000000 00:00 0\n": "m:1:1: a range from 0x401000 to 0x400000, expected whole pages below 0x7ffffffff000",
		"00400000-00401000 rwzp 00000000 00:00 0\n": "m:1:24: no line of /proc/PID/maps, expected START-END PERMS OFFSET MAJOR:MINOR INODE NAME",
	} {
		if _, err := ReadMaps("m", strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
	areas, err := ReadMaps("m", strings.NewReader(good+"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n"))
	want := Area{Start: 0x400000, End: 0x401000, Prot: 5, Offset: 0x1000, Inode: 123, Name: "/bin/x y"}
	if err != nil || len(areas) != 1 || fmt.Sprint(areas[0]) != fmt.Sprint(want) {
		t.Errorf("%v %v, expected %v", areas, err, want)
	}
}

// TestRanges: sets of addresses against sets of numbers.
func TestRanges(t *testing.T) {
	var r ranges
	has := map[uint64]bool{}
	for n := range uint64(4000) {
		start := n * n * 7919 % 97
		end := start + n*31%17
		for i := start; i < end; i++ {
			has[i] = n%3 != 0
		}
		if n%3 == 0 {
			r.remove(start, end)
		} else {
			r.add(start, end)
		}
		for i := range uint64(128) {
			if got := len(r.missing(i, i+1)) == 0; got != has[i] {
				t.Fatalf("after %d steps %v: %d is %v, expected %v", n, r, i, got, has[i])
			}
		}
		if !slices.IsSortedFunc(r, func(a, b span) int { return int(a.start) - int(b.start) }) {
			t.Fatal(r)
		}
	}
}
