package imports

import (
	"bytes"
	"strconv"

	"vmasim/internal/linux"
)

// number reads a number as strace writes it: decimal, 0x…, octal with a 0 in front, NULL.
func number(text []byte) (n uint64, ok bool) {
	switch {
	case len(text) == 0:
		return 0, false
	case len(text) > 2 && text[0] == '0' && text[1] == 'x':
		return hexadecimal(text[2:])
	case text[0] == '0' && len(text) > 1:
		n, err := strconv.ParseUint(string(text), 8, 64)
		return n, err == nil
	case isDigit(text[0]):
		for _, c := range text {
			if !isDigit(c) || n > (1<<64-10)/10 {
				return 0, false
			}
			n = n*10 + uint64(c-'0')
		}
		return n, true
	case text[0] == '-':
		n, ok := number(text[1:])
		return -n, ok
	}
	return 0, string(text) == "NULL"
}

func hexadecimal(digits []byte) (n uint64, ok bool) {
	for _, c := range digits {
		var d byte
		switch {
		case isDigit(c):
			d = c - '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			d = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		if n>>60 != 0 {
			return 0, false
		}
		n = n<<4 | uint64(d)
	}
	return n, len(digits) > 0
}

// flags reads names and numbers joined by "|", as PROT_READ|0x10. A comment behind them counts for nothing.
func flags(text []byte) (value uint64, ok bool) {
	if at := bytes.Index(text, []byte(" /*")); at >= 0 {
		text = text[:at]
	}
	for len(text) > 0 {
		word := text
		if at := bytes.IndexByte(text, '|'); at >= 0 {
			word, text = text[:at], text[at+1:]
		} else {
			text = nil
		}
		n, ok := constant(word)
		if !ok {
			return 0, false
		}
		value |= n
	}
	return value, true
}

func constant(word []byte) (n uint64, ok bool) {
	if n, ok := constants[string(word)]; ok {
		return n, true
	}
	if count, shift, ok := bytes.Cut(word, []byte("<<")); ok { // 21<<MAP_HUGE_SHIFT
		n, ok := number(count)
		by, known := constant(shift)
		return n << by, ok && known && by < 64
	}
	return number(word)
}

// product reads a number or several with "*" between: 8192*1024.
func product(text []byte) (uint64, bool) {
	n := uint64(1)
	for part := range bytes.SplitSeq(text, []byte("*")) {
		f, ok := constant(part)
		if !ok || f != 0 && n > ^uint64(0)/f {
			return 0, false
		}
		n *= f
	}
	return n, true
}

// descriptor reads a descriptor and, with -y, the path of its file: 3</etc/passwd>, -1, AT_FDCWD</tmp>.
func descriptor(text []byte) (fd int, path []byte, ok bool) {
	word := text
	if at := bytes.IndexByte(text, '<'); at > 0 {
		word, path = text[:at], pathIn(text[at:])
	}
	if string(word) == "AT_FDCWD" {
		return -100, path, true
	}
	n, ok := number(word)
	return int(int32(n)), path, ok
}

// pathIn returns what stands between < and >; with -yy the number of the device behind is left out.
func pathIn(text []byte) []byte {
	end := bytes.IndexByte(text, '>')
	if end < 0 {
		return nil
	}
	path := text[1:end]
	if at := bytes.IndexByte(path, '<'); at > 0 {
		path = path[:at]
	}
	return path
}

// quoted reads a string, which strace may have shortened.
func quoted(text []byte) (string, bool) {
	text = bytes.TrimSuffix(text, []byte("..."))
	s, err := strconv.Unquote(string(text))
	return s, err == nil
}

// field returns the value of a field of a structure: {flags=CLONE_VM|CLONE_FS, …}.
func field(text []byte, name string) (value []byte, ok bool) {
	for {
		at := bytes.Index(text, []byte(name))
		if at < 0 {
			return nil, false
		}
		rest := text[at+len(name):]
		if (at == 0 || bytes.IndexByte([]byte("{ ,"), text[at-1]) >= 0) && len(rest) > 0 && rest[0] == '=' {
			rest = rest[1:]
			if end := bytes.IndexAny(rest, ",})"); end >= 0 {
				rest = rest[:end]
			}
			return bytes.TrimSpace(rest), true
		}
		text = rest
	}
}

// constants are the names that strace writes for numbers which statements need.
var constants = map[string]uint64{
	"PROT_NONE": linux.PROT_NONE, "PROT_READ": linux.PROT_READ, "PROT_WRITE": linux.PROT_WRITE, "PROT_EXEC": linux.PROT_EXEC,
	"PROT_GROWSDOWN": linux.PROT_GROWSDOWN, "PROT_GROWSUP": linux.PROT_GROWSUP,

	"MAP_SHARED": linux.MAP_SHARED, "MAP_PRIVATE": linux.MAP_PRIVATE, "MAP_SHARED_VALIDATE": linux.MAP_SHARED_VALIDATE,
	"MAP_DROPPABLE": linux.MAP_DROPPABLE, "MAP_FIXED": linux.MAP_FIXED, "MAP_ANONYMOUS": linux.MAP_ANONYMOUS, "MAP_ANON": linux.MAP_ANONYMOUS,
	"MAP_32BIT": linux.MAP_32BIT, "MAP_ABOVE4G": linux.MAP_ABOVE4G, "MAP_GROWSDOWN": linux.MAP_GROWSDOWN, "MAP_DENYWRITE": linux.MAP_DENYWRITE,
	"MAP_EXECUTABLE": linux.MAP_EXECUTABLE, "MAP_LOCKED": linux.MAP_LOCKED, "MAP_NORESERVE": linux.MAP_NORESERVE,
	"MAP_POPULATE": linux.MAP_POPULATE, "MAP_NONBLOCK": linux.MAP_NONBLOCK, "MAP_STACK": linux.MAP_STACK, "MAP_HUGETLB": linux.MAP_HUGETLB,
	"MAP_SYNC": linux.MAP_SYNC, "MAP_FIXED_NOREPLACE": linux.MAP_FIXED_NOREPLACE, "MAP_FILE": 0, "MAP_HUGE_SHIFT": 26,

	"MADV_NORMAL": linux.MADV_NORMAL, "MADV_RANDOM": linux.MADV_RANDOM, "MADV_SEQUENTIAL": linux.MADV_SEQUENTIAL,
	"MADV_WILLNEED": linux.MADV_WILLNEED, "MADV_DONTNEED": linux.MADV_DONTNEED, "MADV_FREE": linux.MADV_FREE, "MADV_REMOVE": linux.MADV_REMOVE,
	"MADV_DONTFORK": linux.MADV_DONTFORK, "MADV_DOFORK": linux.MADV_DOFORK, "MADV_MERGEABLE": linux.MADV_MERGEABLE,
	"MADV_UNMERGEABLE": linux.MADV_UNMERGEABLE, "MADV_HUGEPAGE": linux.MADV_HUGEPAGE, "MADV_NOHUGEPAGE": linux.MADV_NOHUGEPAGE,
	"MADV_DONTDUMP": linux.MADV_DONTDUMP, "MADV_DODUMP": linux.MADV_DODUMP, "MADV_WIPEONFORK": linux.MADV_WIPEONFORK,
	"MADV_KEEPONFORK": linux.MADV_KEEPONFORK, "MADV_COLD": linux.MADV_COLD, "MADV_PAGEOUT": linux.MADV_PAGEOUT,
	"MADV_POPULATE_READ": linux.MADV_POPULATE_READ, "MADV_POPULATE_WRITE": linux.MADV_POPULATE_WRITE,
	"MADV_DONTNEED_LOCKED": linux.MADV_DONTNEED_LOCKED, "MADV_COLLAPSE": linux.MADV_COLLAPSE, "MADV_HWPOISON": linux.MADV_HWPOISON,
	"MADV_GUARD_INSTALL": linux.MADV_GUARD_INSTALL, "MADV_GUARD_REMOVE": linux.MADV_GUARD_REMOVE,

	"MREMAP_MAYMOVE": linux.MREMAP_MAYMOVE, "MREMAP_FIXED": linux.MREMAP_FIXED, "MREMAP_DONTUNMAP": linux.MREMAP_DONTUNMAP,
	"MLOCK_ONFAULT": linux.MLOCK_ONFAULT, "MCL_CURRENT": linux.MCL_CURRENT, "MCL_FUTURE": linux.MCL_FUTURE, "MCL_ONFAULT": linux.MCL_ONFAULT,
	"MS_ASYNC": linux.MS_ASYNC, "MS_INVALIDATE": linux.MS_INVALIDATE, "MS_SYNC": linux.MS_SYNC,

	"RLIMIT_DATA": linux.RLIMIT_DATA, "RLIMIT_STACK": linux.RLIMIT_STACK, "RLIMIT_MEMLOCK": linux.RLIMIT_MEMLOCK, "RLIMIT_AS": linux.RLIMIT_AS,
	"RLIM64_INFINITY": ^uint64(0), "RLIM_INFINITY": ^uint64(0),

	"PR_SET_MDWE": linux.PR_SET_MDWE, "PR_SET_MEMORY_MERGE": linux.PR_SET_MEMORY_MERGE, "PR_MDWE_REFUSE_EXEC_GAIN": 1, "PR_MDWE_NO_INHERIT": 2,

	"O_RDONLY": linux.O_RDONLY, "O_WRONLY": linux.O_WRONLY, "O_RDWR": linux.O_RDWR,
	"CLONE_VM": cloneVM, "CLONE_FILES": cloneFiles,
}

// Flags of clone that decide what a child shares.
const (
	cloneVM    = 0x100
	cloneFiles = 0x400
)
