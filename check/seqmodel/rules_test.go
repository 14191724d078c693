package seqmodel_test

import (
	"fmt"
	"slices"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
)

// ruleCases restate the rules found by experiment on 6.18 (R numbers) and the
// truth tables of merging. want is the layout of the last process.
var ruleCases = []struct {
	name, script, want string
	limit              int // map count limit, 0 for none
}{
	// R1: what makes an area faulted.
	{"R1 write fault", "mmap 0 2 rw; w 0", "0-2 rw+ A1", 0},
	{"R1 read fault does not", "mmap 0 2 rw; r 0", "0-2 rw+", 0},
	{"R1 write after read", "mmap 0 2 rw; r 0; w 0", "0-2 rw+ A1", 0},
	{"R1 shared memory never", "mmap 0 2 rw shared; w 0", "0-2 rw", 0},
	{"R1 private file copy", "mmap 0 2 rw f0; r 0; w 0", "0-2 rw+ A1", 0},
	{"R1 beyond end of private file", "mmap 0 2 rw f0@12; w 0 =SIGBUS", "0-2 rw+ A1", 0},
	{"R1 beyond end, seen by what merges", "mmap 0 2 rw f0@12; w 0 =SIGBUS; mmap 4 2 rw f0@16; w 4 =SIGBUS; mmap 2 2 rw f0@14", "0-4 rw+ A1, 4-6 rw+ A2", 0},
	{"R1 reading beyond end does not", "mmap 0 2 rw f0@12; r 0 =SIGBUS", "0-2 rw+", 0},
	{"R1 refused write does not", "mmap 0 2 r; w 0 =SEGV_ACCERR", "0-2 r", 0},
	{"R1 lasts over dontneed", "mmap 0 2 rw; w 0; dontneed 0 2", "0-2 rw+ A1", 0},
	{"R1 lasts over mprotect, both halves", "mmap 0 2 rw; w 0; mprotect 1 1 r", "0-1 rw+ A1, 1-2 r+ A1", 0},

	// R2: two neighbours are one iff everything fits.
	{"R2 none and none", "mmap 0 2 rw; mmap 2 2 rw", "0-4 rw+", 0},
	{"R2 faulted and none", "mmap 0 2 rw; w 0; mmap 2 2 rw", "0-4 rw+ A1", 0},
	{"R2 none and faulted", "mmap 2 2 rw; w 2; mmap 0 2 rw", "0-4 rw+ A1", 0},
	{"R2 different rights", "mmap 0 2 rw; mmap 2 2 r", "0-2 rw+, 2-4 r", 0},
	{"R2 gap between two anon_vmas joins left", "mmap 0 2 rw; w 0; mmap 4 2 rw; w 4; mmap 2 2 rw", "0-4 rw+ A1, 4-6 rw+ A2", 0},
	{"R2 gap, right unfaulted", "mmap 0 2 rw; w 0; mmap 4 2 rw; mmap 2 2 rw", "0-6 rw+ A1", 0},
	{"R2 gap, left unfaulted", "mmap 0 2 rw; mmap 4 2 rw; w 4; mmap 2 2 rw", "0-6 rw+ A1", 0},
	{"R2 gap, same anon_vma", "mmap 0 6 rw; w 0; munmap 2 2; mmap 2 2 rw", "0-6 rw+ A1", 0},
	{"R2 mprotect between two anon_vmas joins left", "mmap 0 2 rw; w 0; mmap 4 2 rw; w 4; mmap 2 2 r; mprotect 2 2 rw", "0-4 rw+ A1, 4-6 rw+ A2", 0},

	// R3: anon_vma reuse at fault time.
	{"R3 rights may differ", "mmap 0 2 rw; mmap 2 2 rwx; w 0; w 2; mprotect 2 2 rw", "0-4 rw+ A1", 0},
	{"R3 other flags may not", "mmap 0 2 rw; mmap 2 2 rw noreserve; w 0; w 2", "0-2 rw+ A1, 2-4 rw A2", 0},
	{"R3 next before previous", "mmap 0 2 rw; mmap 4 2 rw; w 0; w 4; mmap 2 2 rwx; w 2", "0-2 rw+ A1, 2-4 rwx+ A2, 4-6 rw+ A2", 0},
	{"R3 previous if next does not fit", "mmap 0 2 rw; w 0; mmap 2 2 rwx; w 2", "0-2 rw+ A1, 2-4 rwx+ A1", 0},
	{"R3 file offsets must continue", "mmap 0 2 rw f0; w 0; mmap 2 2 rwx f0@3; w 2", "0-2 rw+ A1, 2-4 rwx+ A2", 0},
	{"R3 inherited is no source", "mmap 0 2 rw; w 0; fork; in 1; mmap 2 2 rwx; w 2", "0-2 rw+ A1*, 2-4 rwx+ A2", 0},

	// R4: VM_ACCOUNT is history.
	{"R4 read-only has none", "mmap 0 2 r", "0-2 r", 0},
	{"R4 writable adds", "mmap 0 2 r; mprotect 0 2 rw", "0-2 rw+", 0},
	{"R4 unfaulted loses", "mmap 0 4 r; mmap 4 4 rw; mprotect 4 4 r", "0-8 r", 0},
	{"R4 faulted keeps, never merges", "mmap 0 4 r; mmap 4 4 rw; w 4; mprotect 4 4 r", "0-4 r, 4-8 r+ A1", 0},
	{"R4 file keeps though unfaulted", "mmap 0 2 rw f0; mprotect 0 2 r", "0-2 r+", 0},
	{"R4 noreserve never", "mmap 0 2 rw noreserve; mprotect 0 2 r; mprotect 0 2 rw", "0-2 rw", 0},

	// R5: flags that cannot be seen.
	{"R5 stack", "mmap 0 2 rw stack; mmap 2 2 rw", "0-2 rw+, 2-4 rw+", 0},
	{"R5 noreserve", "mmap 0 2 r noreserve; mmap 2 2 r", "0-2 r, 2-4 r", 0},

	// R6: identity is the open file.
	{"R6 one descriptor merges", "mmap 0 2 r f0; mmap 2 2 r f0@2", "0-4 r", 0},
	{"R6 two descriptors do not", "mmap 0 2 r f0; mmap 2 2 r f1@2", "0-2 r, 2-4 r", 0},
	{"R6 offsets must continue", "mmap 0 2 r f0; mmap 2 2 r f0@3", "0-2 r, 2-4 r", 0},
	{"R6 shared anonymous never", "mmap 0 2 rw shared; mmap 2 2 rw shared", "0-2 rw, 2-4 rw", 0},
	{"R6 a shared anonymous object with itself", "mmap 0 4 rw shared; mprotect 2 2 r; mprotect 2 2 rw", "0-4 rw", 0},

	// R7: replacing in place.
	{"R7 inside a faulted area", "mmap 0 6 rw; w 2; mmap 2 2 rw", "0-6 rw+ A1", 0},
	{"R7 a whole area", "mmap 0 2 rw; w 0; mmap 0 2 rw", "0-2 rw+", 0},

	// R9: fork.
	{"R9 own anon_vma each", "mmap 0 4 rw; w 0; mprotect 2 2 r; fork; in 1; mprotect 2 2 rw", "0-2 rw+ A1*, 2-4 rw+ A2*", 0},
	{"R9 parent still merges", "mmap 0 4 rw; w 0; mprotect 2 2 r; fork; mprotect 2 2 rw; fork; in 2", "0-4 rw+ A1*", 0},
	{"R9 nothing joins an inherited one", "mmap 0 2 rw; w 0; fork; in 1; mmap 2 2 rw", "0-2 rw+ A1*, 2-4 rw+", 0},
	{"R9 not from below either", "mmap 2 2 rw; w 2; fork; in 1; mmap 0 2 rw", "0-2 rw+, 2-4 rw+ A1*", 0},
	{"R9 but its own pieces do", "mmap 0 4 rw; w 0; fork; in 1; mprotect 2 2 r; mprotect 2 2 rw", "0-4 rw+ A1*", 0},
	{"R9 inherited unfaulted merges", "mmap 0 2 rw; fork; in 1; mmap 2 2 rw", "0-4 rw+", 0},
	{"R9 even after copying", "mmap 0 1 rw; w 0; fork; in 1; w 0; mmap 1 1 rw", "0-1 rw+ A1*, 1-2 rw+", 0},

	// R10, R11, R12: failures and limits.
	{"R10 first split stays", "mmap 0 6 rw; mmap 10 2 r; mprotect 2 2 r =ENOMEM", "0-2 rw+, 2-6 rw+, 10-12 r", 3},
	{"R10 no-op does not rejoin", "mmap 0 6 rw; mmap 10 2 r; mprotect 2 2 r =ENOMEM; mprotect 0 6 rw", "0-2 rw+, 2-6 rw+, 10-12 r", 3},
	{"R11 before a hole is changed", "mmap 0 2 rw; mmap 4 2 rw; mprotect 0 6 r =ENOMEM", "0-2 r, 4-6 rw+", 0},
	{"R11 before a read-only file is changed", "mmap 0 2 r; mmap 2 2 r shared f2; mprotect 0 4 rw =EACCES", "0-2 rw+, 2-4 r", 0},
	{"R12 mmap up to one more than the limit", "mmap 0 1 rw; mmap 2 1 rw; mmap 4 1 rw; mmap 6 1 rw =ENOMEM", "0-1 rw+, 2-3 rw+, 4-5 rw+", 2},
	{"R12 mmap over the limit, though it would merge", "mmap 0 1 rw; mmap 2 1 rw; mmap 1 1 rw =ENOMEM", "0-1 rw+, 2-3 rw+", 1},
	{"R12 split needs room", "mmap 0 4 rw; mprotect 0 1 r =ENOMEM", "0-4 rw+", 1},
	{"R12 merging needs none", "mmap 0 2 r; mmap 2 2 rw; mprotect 2 1 r", "0-3 r, 3-4 rw+", 2},
	{"R12 hole needs room", "mmap 0 4 rw; munmap 1 1 =ENOMEM", "0-4 rw+", 1},
	{"R12 cutting the end needs none", "mmap 0 4 rw; munmap 3 1; munmap 0 1", "1-3 rw+", 1},
	{"R12 fixed in the middle", "mmap 0 4 rw; mmap 1 1 rw =ENOMEM", "0-4 rw+", 1},

	// Merging existing ranges, case by case (vma_merge_existing_range).
	{"whole middle, both sides", "mmap 0 2 rw; mmap 2 2 r; mmap 4 2 rw; mprotect 2 2 rw", "0-6 rw+", 0},
	{"whole middle, left", "mmap 0 2 rw; mmap 2 2 r; mmap 4 2 rx; mprotect 2 2 rw", "0-4 rw+, 4-6 rx", 0},
	{"whole middle, right", "mmap 0 2 rx; mmap 2 2 r; mmap 4 2 rw; mprotect 2 2 rw", "0-2 rx, 2-6 rw+", 0},
	{"left part with prev", "mmap 0 2 rw; mmap 2 4 r; mprotect 2 2 rw", "0-4 rw+, 4-6 r", 0},
	{"right part with next", "mmap 0 4 r; mmap 4 2 rw; mprotect 2 2 rw", "0-2 r, 2-6 rw+", 0},
	{"middle part alone", "mmap 0 6 rw; mprotect 2 2 r", "0-2 rw+, 2-4 r, 4-6 rw+", 0},
	{"faulted middle, unfaulted sides", "mmap 0 2 rw; mmap 2 2 rwx; w 2; mmap 4 2 rw; mprotect 2 2 rw", "0-6 rw+ A1", 0},

	// Split, fault, restore.
	{"split before any fault", "mmap 0 6 rw; mprotect 2 2 none; w 0; w 4; mprotect 2 2 rw", "0-4 rw+ A1, 4-6 rw+ A2", 0},
	{"split after the first fault", "mmap 0 6 rw; w 0; mprotect 2 2 r; w 4; mprotect 2 2 rw", "0-6 rw+ A1", 0},

	// R21: rights on x86.
	{"R21 write-only is readable", "mmap 0 1 w; r 0", "0-1 w+", 0},
	{"R21 execute-only is readable", "mmap 0 1 x; r 0", "0-1 x", 0},
	{"R21 none is not", "mmap 0 1 none; r 0 =SEGV_ACCERR; r 1 =SEGV_MAPERR", "0-1 none", 0},

	// R25 and the errno tables.
	{"R25 EEXIST", "mmap 0 2 rw; mmap 1 2 rw noreplace =EEXIST", "0-2 rw+", 0},
	{"write-only descriptor", "mmap 0 1 r f3 =EACCES", "", 0},
	{"shared writable on read-only", "mmap 0 1 rw shared f2 =EACCES", "", 0},
	{"private writable on read-only", "mmap 0 1 rw f2", "0-1 rw+", 0},
	{"dontneed over a hole", "mmap 0 1 rw; mmap 2 1 rw; w 2; dontneed 0 3 =ENOMEM", "0-1 rw+, 2-3 rw+ A1", 0},
}

// forbidCases restate what is otherwise where there is no shared zero page: a
// read of untouched private anonymous memory is as a write.
var forbidCases = []struct{ name, script, want string }{
	{"a read faults the area", "mmap 0 2 rw; r 0", "0-2 rw+ A1"},
	{"a read-only one, too", "mmap 0 2 r; r 0", "0-2 r A1"},
	{"shared memory never", "mmap 0 2 rw shared; r 0", "0-2 rw"},
	{"a file is read, not copied", "mmap 0 2 rw f0; r 0", "0-2 rw+"},
	{"what was read on both sides stays apart", "mmap 0 2 rw; r 0; mmap 4 2 rw; r 4; mmap 2 2 rw", "0-4 rw+ A1, 4-6 rw+ A2"},
	{"a neighbour shares its anon_vma", "mmap 0 2 rw; mmap 2 2 rwx; r 0; r 2; mprotect 2 2 rw", "0-4 rw+ A1"},
	{"read-only memory that was read keeps its account", "mmap 0 4 r; mmap 4 4 rw; r 4; mprotect 4 4 r", "0-4 r, 4-8 r+ A1"},
	{"a child inherits", "mmap 0 2 rw; r 0; fork; in 1; mmap 2 2 rw", "0-2 rw+ A1*, 2-4 rw+"},
}

// TestForbidZeroPage: the cases hold where the zero page is forbidden, and the
// setting is what makes them.
func TestForbidZeroPage(t *testing.T) {
	differ := 0
	for _, c := range forbidCases {
		for _, forbid := range []bool{true, false} {
			cfg := ruleConfig(0)
			cfg.ForbidZeroPage = forbid
			models, _ := runScript(t, cfg, c.script)
			switch got := picture(models[len(models)-1]); {
			case forbid && got != c.want:
				t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.script, got, c.want)
			case got != c.want:
				differ++
			}
		}
	}
	if want := len(forbidCases) - 2; differ != want { // shared memory and files have no zero page
		t.Errorf("%d cases differ from those with a zero page, want %d", differ, want)
	}
}

func ruleConfig(limit int) seqmodel.Config {
	return seqmodel.Config{Base: windowBase, MmapBase: windowBase + 64*linux.PageSize, MaxMapCount: limit}
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			models, _ := runScript(t, ruleConfig(c.limit), c.script)
			if got := picture(models[len(models)-1]); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.script, got, c.want)
			}
		})
	}
}

// TestRulesOnHost asks the running kernel about the same cases.
func TestRulesOnHost(t *testing.T) {
	b := newBench(t)
	for _, c := range ruleCases {
		if c.limit != 0 {
			continue // the window's limit cannot be chosen to the last area
		}
		b.ask(t, c.name, c.script)
	}
	for _, c := range forbidCases { // with the setting that the kernel has
		b.ask(t, c.name, c.script)
	}
}

// ask has the kernel judge a script.
func (b *bench) ask(t *testing.T, name, script string) {
	t.Helper()
	_, steps := runScript(t, ruleConfig(0), script)
	if err := b.replay(t, shape{pages: 64, smaps: 1}, steps); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// wantBytes checks what loads return.
func wantBytes(t *testing.T, m *seqmodel.Model, want map[uint64]byte) {
	t.Helper()
	for page, value := range want {
		if got, f := m.Load8(windowBase + page*linux.PageSize); f != linux.OK || got != value {
			t.Errorf("page %d: %d, %v; want %d", page, got, f, value)
		}
	}
}

func TestContents(t *testing.T) {
	first := func(page int) byte { return pattern(12*linux.PageSize, 7)[page*linux.PageSize] }
	for _, c := range []struct {
		name, script   string
		parent, latest map[uint64]byte
	}{
		{"fresh memory is zero", "mmap 0 2 rw; w 1", map[uint64]byte{0: 0, 1: 99}, nil},
		{"dontneed zeroes private memory", "mmap 0 1 rw; w 0; dontneed 0 1", map[uint64]byte{0: 0}, nil},
		{"dontneed keeps shared memory", "mmap 0 1 rw shared; w 0; dontneed 0 1", map[uint64]byte{0: 99}, nil},
		{"dontneed uncovers the file", "mmap 0 1 rw f0@2; w 0; dontneed 0 1", map[uint64]byte{0: first(2)}, nil},
		{"replacing drops pages", "mmap 0 3 rw; w 0; w 1; mmap 1 1 rw", map[uint64]byte{0: 99, 1: 0}, nil},
		{"mprotect keeps pages", "mmap 0 3 rw; w 1; mprotect 1 1 r", map[uint64]byte{1: 99}, nil},
		{"a private copy hides the file", "mmap 0 1 rw f0; mmap 1 1 rw shared f1; w 0", map[uint64]byte{0: 99, 1: first(0)}, nil},
		{"an unwritten private page shows it", "mmap 0 1 rw f0; r 0; mmap 1 1 rw shared f1; w 1", map[uint64]byte{0: 99, 1: 99}, nil},
		{"fork copies private memory", "mmap 0 2 rw; w 0; fork; w 1; in 1; dontneed 0 1", map[uint64]byte{0: 99, 1: 99}, map[uint64]byte{0: 0, 1: 0}},
		{"copies are independent", "mmap 0 2 rw; w 0; w 1; fork; w 0 5; in 1; w 1 6", map[uint64]byte{0: 5, 1: 99}, map[uint64]byte{0: 99, 1: 6}},
		{"fork shares shared memory", "mmap 0 2 rw shared; fork; w 0; in 1; w 1", map[uint64]byte{0: 99, 1: 99}, map[uint64]byte{0: 99, 1: 99}},
	} {
		t.Run(c.name, func(t *testing.T) {
			models, _ := runScript(t, ruleConfig(0), c.script)
			wantBytes(t, models[0], c.parent)
			wantBytes(t, models[len(models)-1], c.latest)
		})
	}
}

func TestResidency(t *testing.T) {
	models, _ := runScript(t, ruleConfig(0), "mmap 0 3 rw; r 0; w 1; mmap 4 1 rw; r 4; fork; in 1; dontneed 1 1")
	for _, c := range []struct {
		proc             int
		page             uint64
		present, private bool
	}{
		{0, 0, true, false}, {0, 1, true, true}, {0, 2, false, false}, {0, 4, true, false},
		{1, 0, true, false}, {1, 1, false, false}, {1, 4, false, false}, // unfaulted areas hand down no pages
	} {
		addr := windowBase + c.page*linux.PageSize
		if m := models[c.proc]; m.Present(addr) != c.present || m.Private(addr) != c.private {
			t.Errorf("process %d page %d: present %v, private %v", c.proc, c.page, m.Present(addr), m.Private(addr))
		}
	}
}

// R21: a fetch without the right maps the page first.
func TestFetch(t *testing.T) {
	models, _ := runScript(t, ruleConfig(0), "mmap 0 1 rw; x 0 =SEGV_ACCERR; mmap 1 1 rx; x 1; mmap 2 1 none; x 2 =SEGV_ACCERR; x 3 =SEGV_MAPERR; mmap 4 1 r f0@12; x 4 =SIGBUS")
	for page, want := range []bool{true, true, false, false, false} {
		if got := models[0].Present(windowBase + uint64(page)*linux.PageSize); got != want {
			t.Errorf("page %d present: %v", page, got)
		}
	}
}

func TestExitDropsAll(t *testing.T) {
	models, _ := runScript(t, ruleConfig(0), "mmap 0 1 rw; w 0")
	m := models[0]
	m.Exit()
	if m.MapCount() != 0 || m.Present(windowBase) {
		t.Error("something is left")
	}
}

// R19 and §8.1: where mappings without a fixed address go.
func TestPlacement(t *testing.T) {
	const huge = 2 << 20
	const top = windowBase + 16*huge
	private, shared := linux.MAP_PRIVATE|linux.MAP_ANONYMOUS, linux.MAP_SHARED|linux.MAP_ANONYMOUS
	disk, mem := seqmodel.NewDiskFile(nil).Open(linux.O_RDONLY), seqmodel.NewMemFile(nil).Open(linux.O_RDONLY)
	type call struct {
		hint, length uint64
		flags        int
		file         *seqmodel.File
		off          uint64
		want         uint64
	}
	for name, calls := range map[string][]call{
		"top down":                   {{0, 4096, private, nil, 0, top - 4096}, {0, 8192, private, nil, 0, top - 3*4096}},
		"hint rounded down":          {{windowBase + 0x5123, 4096, private, nil, 0, windowBase + 0x5000}},
		"occupied hint":              {{windowBase, 8192, private, nil, 0, windowBase}, {windowBase + 4096, 4096, private, nil, 0, top - 4096}},
		"hint past the end":          {{top - 4096, 8192, private, nil, 0, top - 8192}},
		"hint below the floor":       {{windowBase - 4096, 4096, private, nil, 0, windowBase}},
		"hint below one page":        {{1, 4096, private, nil, 0, top - 4096}},
		"2M aligned":                 {{0, 4096, private, nil, 0, top - 4096}, {0, huge, private, nil, 0, top - 2*huge}},
		"hint stops alignment":       {{windowBase, 4096, private, nil, 0, windowBase}, {windowBase, huge, private, nil, 0, top - huge}},
		"7M not":                     {{0, 4096, private, nil, 0, top - 4096}, {0, 7 << 20, private, nil, 0, top - 4096 - 7<<20}},
		"shared not":                 {{0, 4096, private, nil, 0, top - 4096}, {0, huge, shared, nil, 0, top - 4096 - huge}},
		"memfd not":                  {{0, 4096, private, nil, 0, top - 4096}, {0, huge, linux.MAP_SHARED, mem, 0, top - 4096 - huge}},
		"disk file by its offset":    {{0, 4096, private, nil, 0, top - 4096}, {0, 3*huge + 4096, linux.MAP_SHARED, disk, 4096, top - 4*huge + 4096}},
		"disk file, no whole unit":   {{0, 4096, private, nil, 0, top - 4096}, {0, huge, linux.MAP_SHARED, disk, 4096, top - 4096 - huge}},
		"padding does not fit: none": {{windowBase, 4096, private, nil, 0, windowBase}, {0, 15 * huge, private, nil, 0, top - 15*huge}, {0, huge - 4096, private, nil, 0, windowBase + 4096}},
	} {
		t.Run(name, func(t *testing.T) {
			m := seqmodel.New(seqmodel.Config{Base: windowBase, MmapBase: top})
			for _, c := range calls {
				got, err := m.Mmap(c.hint, c.length, linux.PROT_READ, c.flags, c.file, c.off)
				if err != nil || got != c.want {
					t.Errorf("hint %#x, length %#x: %#x, %v; want %#x", c.hint, c.length, got, err, c.want)
				}
			}
		})
	}
}

// TestMove: an area goes elsewhere with its pages and keeps the page offsets at which something was stored; another takes those of its place,
// and joins what it comes to lie beside.
func TestMove(t *testing.T) {
	m := seqmodel.New(seqmodel.Config{Base: 0x10000, MmapBase: 0x100000})
	const rw, flags, page = linux.PROT_READ | linux.PROT_WRITE, linux.MAP_PRIVATE | linux.MAP_ANONYMOUS | linux.MAP_FIXED, linux.PageSize
	for _, at := range []uint64{0x20000, 0x40000, 0x60000} {
		if _, err := m.Mmap(at, 4*page, rw, flags, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	m.Store8(0x20000, 7)
	m.Move(0x20000, 0x20000+4*page, 0x80000, false)
	m.Move(0x40000+page, 0x40000+4*page, 0x60000+4*page, false)
	m.Move(0x80000, 0x80000+4*page, 0x20000, true)
	var got []string
	for _, r := range m.Maps() {
		got = append(got, fmt.Sprintf("%#x-%#x +%#x %v", r.Start, r.End, r.Pgoff, r.Faulted))
	}
	want := []string{"0x20000-0x24000 +0x20 true", "0x40000-0x41000 +0x40 false", "0x60000-0x67000 +0x60 false", "0x80000-0x84000 +0x20 false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if b, end := m.Load8(0x20000); b != 7 || end != linux.OK {
		t.Errorf("the moved page has %d, %v", b, end)
	}
	if b, end := m.Load8(0x80000); b != 0 || end != linux.OK {
		t.Errorf("the page that was left has %d, %v", b, end)
	}
	if _, end := m.Load8(0x42000); end != linux.SegvMaperr {
		t.Errorf("the old place gives %v", end)
	}
}

// TestCloneAndCut: a clone goes its own way, and a cut leaves two areas that are one memory.
func TestCloneAndCut(t *testing.T) {
	m := seqmodel.New(seqmodel.Config{Base: 0x10000, MmapBase: 0x100000})
	addr, err := m.Mmap(0x20000, 4*linux.PageSize, linux.PROT_READ|linux.PROT_WRITE, linux.MAP_PRIVATE|linux.MAP_ANONYMOUS|linux.MAP_FIXED, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.Store8(addr, 7)
	c := m.Clone()
	c.Store8(addr, 9)
	for _, at := range []uint64{addr, addr + linux.PageSize, addr + linux.PageSize, addr + 8*linux.PageSize} {
		c.Cut(at)
	}
	if got, _ := m.Load8(addr); got != 7 || m.MapCount() != 1 {
		t.Errorf("the original has %d, and %d areas", got, m.MapCount())
	}
	if got, _ := c.Load8(addr); got != 9 || c.MapCount() != 2 {
		t.Errorf("the clone has %d, and %d areas, expected 9 and 2", got, c.MapCount())
	}
}
