package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestMapCountLimit goes through docs/kernel.md K4 with vm.max_map_count 4: what each call does when map_count is what
// the layout before it says.
func TestMapCountLimit(t *testing.T) {
	const r = linux.PROT_READ
	for _, c := range []struct {
		name   string
		before []string
		op     func(l *lab) error
		want   linux.Errno
		after  string
	}{
		{"mmap at the limit goes one beyond", []string{"0-1", "2-3", "4-5", "6-7"}, mapping(8, 9, rw), 0, "0-1 rw-p, 2-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mmap beyond the limit", []string{"0-1", "2-3", "4-5", "6-7", "8-9"}, mapping(10, 11, rw), linux.ENOMEM, "0-1 rw-p, 2-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mmap beyond the limit that would merge", []string{"0-1", "2-3", "4-5", "6-7", "8-9"}, mapping(9, 10, rw), linux.ENOMEM, "0-1 rw-p, 2-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mmap beyond the limit that would replace", []string{"0-1", "2-3", "4-5", "6-7", "8-9"}, mapping(0, 1, r), linux.ENOMEM, "0-1 rw-p, 2-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mprotect of a middle, two free", []string{"0-3", "4-5"}, protecting(1, 2), 0, "0-1 rw-p, 1-2 r--p, 2-3 rw-p, 4-5 rw-p"},
		{"mprotect of a middle, one free: the first split stays", []string{"0-3", "4-5", "6-7"}, protecting(1, 2), linux.ENOMEM, "0-1 rw-p, 1-3 rw-p, 4-5 rw-p, 6-7 rw-p"},
		{"mprotect of a middle, none free", []string{"0-3", "4-5", "6-7", "8-9"}, protecting(1, 2), linux.ENOMEM, "0-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mprotect of a head, none free", []string{"0-3", "4-5", "6-7", "8-9"}, protecting(0, 1), linux.ENOMEM, "0-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mprotect of a whole, none free", []string{"0-3", "4-5", "6-7", "8-9"}, protecting(0, 3), 0, "0-3 r--p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mprotect that gives a part away, none free", []string{"0-3", "3-5 r", "6-7", "8-9"}, protecting(2, 3), 0, "0-2 rw-p, 2-5 r--p, 6-7 rw-p, 8-9 rw-p"},
		{"munmap of a middle, one free", []string{"0-3", "4-5", "6-7"}, unmapping(1, 2), 0, "0-1 rw-p, 2-3 rw-p, 4-5 rw-p, 6-7 rw-p"},
		{"munmap of a middle, none free", []string{"0-3", "4-5", "6-7", "8-9"}, unmapping(1, 2), linux.ENOMEM, "0-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"munmap of a head beyond the limit", []string{"0-3", "4-5", "6-7", "8-9", "10-11"}, unmapping(0, 1), 0, "1-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p, 10-11 rw-p"},
		{"munmap of a tail beyond the limit", []string{"0-3", "4-5", "6-7", "8-9", "10-11"}, unmapping(2, 4), 0, "0-2 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p, 10-11 rw-p"},
		{"munmap of a tail and a head at the limit", []string{"0-3", "3-6 r", "7-8", "9-10"}, unmapping(2, 4), 0, "0-2 rw-p, 4-6 r--p, 7-8 rw-p, 9-10 rw-p"},
		{"mmap over a middle, one free", []string{"0-3", "4-5", "6-7"}, mapping(1, 2, r), 0, "0-1 rw-p, 1-2 r--p, 2-3 rw-p, 4-5 rw-p, 6-7 rw-p"},
		{"mmap over a middle, none free", []string{"0-3", "4-5", "6-7", "8-9"}, mapping(1, 2, r), linux.ENOMEM, "0-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
		{"mmap over a tail, none free", []string{"0-3", "4-5", "6-7", "8-9"}, mapping(2, 3, r), 0, "0-2 rw-p, 2-3 r--p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{MaxMapCount: 4}, "")
			defer l.end()
			maps(c.before...)(l)
			if n := l.mm.MapCount(l.t); n != len(c.before) {
				t.Fatalf("map_count %d, expected %d", n, len(c.before))
			}
			l.wantErrno(c.op(l), c.want, "the call")
			l.wantLayout(c.after)
		})
	}
}

// TestErrnos goes through the first-match tables of docs/kernel.md K9 as far as the model has the cases.
func TestErrnos(t *testing.T) {
	const w, r = linux.PROT_WRITE, linux.PROT_READ
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mmap(0, 2, rw)
	l.mmap(3, 4, rw)
	f := l.open(2)
	readOnly, err := l.m.Mem.OpenFile(l.t, f.Name(), linux.O_RDONLY)
	l.do(err)
	writeOnly, err := l.m.Mem.OpenFile(l.t, f.Name(), linux.O_WRONLY)
	l.do(err)
	l.files = append(l.files, readOnly, writeOnly)
	l.mmapFile(readOnly, 10, 12, r, linux.MAP_SHARED, 0)
	before := l.layout(l.mm)

	mmap := func(a mm.MmapArgs) error { _, err := l.mm.Mmap(l.t, a); return err }
	const fixed = privateAnon | linux.MAP_FIXED
	for what, c := range map[string]struct {
		err  error
		want linux.Errno
	}{
		"mmap, unaligned offset": {mmap(mm.MmapArgs{Len: page, Flags: privateAnon, Offset: 1}), linux.EINVAL},
		"mmap, no file":          {mmap(mm.MmapArgs{Len: 0, Flags: linux.MAP_PRIVATE}), linux.EBADF},
		"mmap, length 0":         {mmap(mm.MmapArgs{Flags: privateAnon}), linux.EINVAL},
		"mmap, length wraps":     {mmap(mm.MmapArgs{Len: ^uint64(0), Flags: privateAnon}), linux.ENOMEM},
		"mmap, offset wraps":     {mmap(mm.MmapArgs{Len: 2 * page, Flags: linux.MAP_PRIVATE, File: f, Prot: r, Offset: 1<<64 - page}), linux.EOVERFLOW},
		"mmap, too long":         {mmap(mm.MmapArgs{Len: linux.TaskSize + page, Flags: privateAnon}), linux.ENOMEM},
		"mmap, past the end":     {mmap(mm.MmapArgs{Addr: linux.TaskSize - page, Len: 2 * page, Flags: fixed}), linux.ENOMEM},
		"mmap, unaligned":        {mmap(mm.MmapArgs{Addr: at(20) + 1, Len: page, Flags: fixed}), linux.EINVAL},
		"mmap, low":              {mmap(mm.MmapArgs{Addr: page, Len: page, Flags: fixed}), linux.EPERM},
		"mmap, noreplace":        {mmap(mm.MmapArgs{Addr: at(1), Len: 2 * page, Flags: linux.MAP_ANONYMOUS | linux.MAP_FIXED_NOREPLACE}), linux.EEXIST},
		"mmap, no type":          {mmap(mm.MmapArgs{Len: page, Flags: linux.MAP_ANONYMOUS}), linux.EINVAL},
		"mmap, unknown flag":     {mmap(mm.MmapArgs{Len: page, Flags: linux.MAP_SHARED_VALIDATE | linux.MAP_SYNC, File: f, Prot: r}), linux.EOPNOTSUPP},
		"mmap, read-only file":   {mmap(mm.MmapArgs{Len: page, Flags: linux.MAP_SHARED, File: readOnly, Prot: rw}), linux.EACCES},
		"mmap, write-only file":  {mmap(mm.MmapArgs{Len: page, Flags: linux.MAP_SHARED, File: writeOnly, Prot: w}), linux.EACCES},

		"munmap, unaligned":  {l.mm.Munmap(l.t, at(0)+1, page), linux.EINVAL},
		"munmap, length 0":   {l.mm.Munmap(l.t, at(0), 0), linux.EINVAL},
		"munmap, length -1":  {l.mm.Munmap(l.t, at(0), ^uint64(0)), linux.EINVAL},
		"munmap, far beyond": {l.mm.Munmap(l.t, linux.TaskSize+page, page), linux.EINVAL},
		"munmap, a hole":     {l.tryMunmap(20, 30), 0},

		"mprotect, both ways": {l.tryMprotect(0, 1, linux.PROT_GROWSDOWN|linux.PROT_GROWSUP), linux.EINVAL},
		"mprotect, unaligned": {l.mm.Mprotect(l.t, at(0)+1, 0, r), linux.EINVAL},
		"mprotect, length 0":  {l.mm.Mprotect(l.t, at(20), 0, 0x10), 0},
		"mprotect, wraps":     {l.mm.Mprotect(l.t, at(0), ^uint64(0), 0x10), linux.ENOMEM},
		"mprotect, bad bit":   {l.tryMprotect(0, 1, 0x10), linux.EINVAL},
		"mprotect, growsdown": {l.tryMprotect(0, 1, linux.PROT_GROWSDOWN), linux.EINVAL},
		"mprotect, a hole":    {l.tryMprotect(2, 4, r), linux.ENOMEM},
		"mprotect, shared":    {l.tryMprotect(10, 11, rw), linux.EACCES},

		"madvise, unknown":   {l.mm.Madvise(l.t, at(0)+1, page, 12345), linux.EINVAL},
		"madvise, unaligned": {l.mm.Madvise(l.t, at(0)+1, page, linux.MADV_DONTNEED), linux.EINVAL},
		"madvise, wraps":     {l.mm.Madvise(l.t, at(0), ^uint64(0), linux.MADV_DONTNEED), linux.EINVAL},
		"madvise, length 0":  {l.tryDontneed(20, 20), 0},
		"madvise, a hole":    {l.tryDontneed(1, 4), linux.ENOMEM},
		"madvise, nothing":   {l.tryDontneed(20, 24), linux.ENOMEM},
	} {
		l.wantErrno(c.err, c.want, what)
	}
	l.wantLayout(before)
}

// TestHolesStopLate: mprotect keeps what it has done before the hole, madvise goes on behind it (docs/kernel.md K7).
func TestHolesStopLate(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2 filled", "3-5 filled")(l)
	l.wantErrno(l.tryMprotect(0, 4, linux.PROT_READ), linux.ENOMEM, "mprotect")
	l.wantLayout("0-2 r--p, 3-5 rw-p")
	l.checkContents()
	l.wantErrno(l.tryDontneed(1, 4), linux.ENOMEM, "madvise")
	l.contents[1], l.contents[3] = 0, 0
	l.checkContents()
}
