package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

func TestAreas(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	file := memfd(t, 20<<linux.PageShift)
	var st unix.Stat_t
	must(t, unix.Fstat(int(file.Fd()), &st))
	fds, err := p.PassFiles(file)
	must(t, err)
	mapAnon(t, p, 0, 2, protRW)
	mapAnon(t, p, 2, 3, protRX)
	_, err = p.Call(unix.SYS_MMAP, uintptr(at(p, 8)), 2*linux.PageSize, protR, unix.MAP_SHARED|unix.MAP_FIXED, uintptr(fds[0]), 16*linux.PageSize)
	must(t, err)
	mapAnon(t, p, 63, 1, unix.PROT_NONE)
	want := []Area{
		{Start: at(p, 0), End: at(p, 2), Prot: protRW},
		{Start: at(p, 2), End: at(p, 5), Prot: protRX},
		{Start: at(p, 8), End: at(p, 10), Prot: protR, Shared: true, Offset: 16 << linux.PageShift, Inode: st.Ino, Dev: st.Dev, Name: "/memfd:host-test (deleted)"},
		{Start: at(p, 63), End: at(p, 64)},
	}
	got, err := p.Areas()
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("\n%v, want\n%v", got, want)
	}
	flags, err := p.Flags()
	must(t, err)
	for i, f := range []Flags{"ac mr mw me rd wr", "ex mr mw me rd", "ms mr mw me rd sh", "mr mw me"} {
		codes := strings.Fields(string(f))
		slices.Sort(codes)
		want[i].Flags = Flags(strings.Join(codes, " "))
	}
	if !slices.Equal(flags, want) {
		t.Errorf("\n%v, want\n%v", flags, want)
	}
}

// TestManyAreas has more lines than one read returns.
func TestManyAreas(t *testing.T) {
	l := newLab(t)
	const count = 3000
	p := newProcess(t, l, Window{Size: 2 * count << linux.PageShift})
	for i := range count {
		mapAnon(t, p, 2*i, 1, []int{protR, protRW}[i%2])
	}
	for name, list := range map[string]func() ([]Area, error){"maps": p.Areas, "smaps": p.Flags} {
		areas, err := list()
		must(t, err)
		if len(areas) != count {
			t.Fatalf("%s: %d areas, want %d", name, len(areas), count)
		}
		for i, a := range areas {
			if a.Start != at(p, 2*i) || a.Prot != []int{protR, protRW}[i%2] || name == "smaps" && a.Flags.Has("wr") != (i%2 == 1) {
				t.Fatalf("%s: area %d is %v", name, i, a)
			}
		}
	}
}

func TestAreaString(t *testing.T) {
	const line = "200000000000-200000003000 r-xs 00010000 00:01 1034 /memfd:a b (deleted)"
	p := &Process{names: map[string]string{}, flags: map[string]Flags{}}
	a, err := p.parseArea([]byte(strings.Replace(line, "1034 ", "1034                       ", 1)))
	must(t, err)
	if a.String() != line {
		t.Errorf("%q, want %q", a, line)
	}
	a.Flags = p.parseFlags([]byte(" wr rd ac "))
	if want := line + " [ac rd wr]"; a.String() != want {
		t.Errorf("%q, want %q", a, want)
	}
	for _, bad := range []string{"", "x", "1-2 rw 0 0:0 0 ", "1-2 rwxp 0 0:0", "1-g rwxp 0 0:0 0 "} {
		if a, err := p.parseArea([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, a)
		}
	}
}

func TestFlagNames(t *testing.T) {
	f := Flags("?? ac lo zz")
	if !f.Has("ac") || f.Has("c ") || f.Has("rd") || fmt.Sprint(f.Unknown()) != "[?? zz]" || linux.VMFlagName("lo") != "VM_LOCKED" || linux.VMFlagName("zz") != "" {
		t.Errorf("%q: unknown %v", f, f.Unknown())
	}
}

// TestSoftDirtyIsLeftOut: a kernel with CONFIG_MEM_SOFT_DIRTY shows the same flags as one without.
func TestSoftDirtyIsLeftOut(t *testing.T) {
	p := &Process{flags: map[string]Flags{}}
	for _, line := range []string{" rd wr mr mw me ac sd ", " sd mr rd mw me wr ac", "rd wr mr mw me ac"} {
		if got := p.parseFlags([]byte(line)); got != "ac me mr mw rd wr" {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// TestFlagsAreKnown makes the kernel show the flags that operations can set.
func TestFlagsAreKnown(t *testing.T) {
	l := newLab(t, Judge, HugePage)
	p := newProcess(t, l, Window{Size: 2048 << linux.PageShift})
	seen := map[string]bool{}
	for i, advice := range []uintptr{
		unix.MADV_DONTFORK, unix.MADV_DONTDUMP, unix.MADV_WIPEONFORK, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE,
		unix.MADV_MERGEABLE, unix.MADV_RANDOM, unix.MADV_SEQUENTIAL,
	} {
		addr := mapAnon(t, p, 2*i, 1, protRW)
		_, err := p.Call(unix.SYS_MADVISE, uintptr(addr), linux.PageSize, advice)
		must(t, err)
	}
	locked := mapAnon(t, p, 40, 1, protRW|unix.PROT_EXEC)
	_, err := p.Call(unix.SYS_MLOCK2, uintptr(locked), linux.PageSize, unix.MLOCK_ONFAULT)
	must(t, err)
	_, err = p.Call(unix.SYS_MSEAL, uintptr(locked), linux.PageSize, 0)
	must(t, err)
	for i, flags := range []uintptr{unix.MAP_GROWSDOWN, unix.MAP_NORESERVE} {
		_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, 1000+500*i)), linux.PageSize, protRW, fixedAnon|flags, ^uintptr(0), 0)
		must(t, err)
	}
	areas, err := p.Flags()
	must(t, err)
	for _, a := range areas {
		if unknown := a.Flags.Unknown(); len(unknown) > 0 {
			t.Errorf("%v: unknown %v", a, unknown)
		}
		for code := range strings.FieldsSeq(string(a.Flags)) {
			seen[code] = true
		}
	}
	for _, code := range strings.Fields("rd wr ex mr mw me ac nr gd lo lf dc dd wf hg nh mg rr sr sl") {
		if code == "nr" && l.Kernel().Overcommit == 2 { // nothing goes unreserved then
			continue
		}
		if !seen[code] {
			t.Errorf("no area has %s", linux.VMFlagName(code))
		}
	}
}

func TestPages(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	fds, err := p.PassFiles(memfd(t, 4<<linux.PageShift))
	must(t, err)
	anon := mapAnon(t, p, 0, 4, protRW)
	file := mapFile(t, p, 8, 1, protRW, unix.MAP_SHARED, fds[0])
	for addr, access := range map[uint64]linux.Access{anon: linux.Read, anon + linux.PageSize: linux.Write, anon + 2*linux.PageSize: linux.Write, file: linux.Write} {
		f, err := p.Touch(addr, access)
		wantFault(t, f, err, "ok", 0)
	}
	guard := "guard"
	switch _, err := p.Call(unix.SYS_MADVISE, uintptr(anon+3*linux.PageSize), linux.PageSize, unix.MADV_GUARD_INSTALL); {
	case errors.Is(err, unix.EINVAL): // guards came with Linux 6.13
		guard = ""
	default:
		must(t, err)
	}
	child, err := p.Fork()
	must(t, err)
	defer child.Exit()
	f, err := p.Touch(anon+2*linux.PageSize, linux.Write)
	wantFault(t, f, err, "ok", 0)
	pages, err := p.Pages(anon, 9)
	must(t, err)
	for i, want := range map[int]string{
		0: "present", 1: "present", 2: "present exclusive", 3: guard, 4: "", 8: "present file exclusive",
	} {
		if got := describe(pages[i]); got != want {
			t.Errorf("page %d is %q, want %q", i, got, want)
		}
	}
	l.Require(t, Frames)
	if pages[3].Frame() != 0 {
		t.Errorf("frames %#x", pages)
	}
	theirs, err := child.Pages(anon, 3)
	must(t, err)
	if theirs[1].Frame() != pages[1].Frame() || theirs[2].Frame() == pages[2].Frame() {
		t.Errorf("after fork and a write %#x and %#x", pages[:3], theirs)
	}
}

// TestNoHugePages: a fault maps one page, in the memory that is most like a huge page and where it is advised, too.
func TestNoHugePages(t *testing.T) {
	const huge = 2 << 20
	l := newLab(t)
	p := newProcess(t, l, Window{Base: DefaultBase, Size: 4 * huge})
	mapAnon(t, p, 0, 4*huge/linux.PageSize, protRW)
	_, err := p.Call(unix.SYS_MADVISE, uintptr(at(p, 0)), 2*huge, unix.MADV_HUGEPAGE)
	if !errors.Is(err, unix.EINVAL) { // there are none
		must(t, err)
	}
	for i, access := range []linux.Access{linux.Write, linux.Read, linux.Write, linux.Read} {
		_, err := p.Touch(at(p, i*huge/linux.PageSize+3), access)
		must(t, err)
	}
	present := 0
	must(t, p.EachPage(at(p, 0), at(p, 4*huge/linux.PageSize), func(_ uint64, e Page) {
		if e.Present() {
			present++
		}
	}))
	if present != 4 {
		t.Errorf("%d pages are there after 4 accesses", present)
	}
}

// TestZeroPage: what is only read is the zero page, or, where there is none that is shared, memory of one's own.
func TestZeroPage(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	at := mapAnon(t, p, 0, 3, protRW)
	for n, access := range []linux.Access{linux.Read, linux.Exec, linux.Write} { // a fetch that is refused maps the page first
		_, err := p.Touch(at+uint64(n)*linux.PageSize, access)
		must(t, err)
	}
	pages, err := p.Pages(at, 3)
	must(t, err)
	zero, known := l.ZeroFrame()
	want := "present"
	if !l.Kernel().ZeroPage {
		want = "present exclusive"
	}
	if got := describe(pages[0]); got != want || describe(pages[1]) != want || describe(pages[2]) != "present exclusive" {
		t.Errorf("pages %x, want twice %q", pages, want)
	}
	for n, page := range pages {
		if shared := n < 2 && l.Kernel().ZeroPage; known && page.Frame() != 0 && (page.Frame() == zero) != shared {
			t.Errorf("page %d has frame %#x, the zero page %#x", n, page.Frame(), zero)
		}
	}
}

// TestSharesZeroPage: two pages that were read are the zero page if they are one, and exclusive to no process.
func TestSharesZeroPage(t *testing.T) {
	const own = pagePresent | pageExclusive
	for _, c := range []struct {
		name string
		a, b Page
		want bool
	}{
		{"one frame", pagePresent | 7, pagePresent | 7, true},
		{"hidden frames", pagePresent, pagePresent, true},
		{"two frames", pagePresent | 7, pagePresent | 8, false},
		{"memory of one's own", own | 7, own | 8, false},
		{"of one's own, frames hidden", own, own, false},
		{"not mapped", 0, 0, false},
	} {
		if got := sharesZeroPage(c.a, c.b); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func describe(p Page) string {
	var words []string
	for _, bit := range []struct {
		is   bool
		name string
	}{
		{p.Present(), "present"}, {p.Swapped(), "swapped"}, {p.File(), "file"}, {p.Guard(), "guard"},
		{p.WriteProtected(), "write-protected"}, {p.Exclusive(), "exclusive"},
	} {
		if bit.is {
			words = append(words, bit.name)
		}
	}
	return strings.Join(words, " ")
}
