package workloads

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/internal/suggest"
)

// Word is a word of the language that stands for a number of the kernel.
type Word struct {
	Name  string
	Value int
	Help  string
}

// Protections of mmap and mprotect.
var protWords = []Word{
	{"none", linux.PROT_NONE, "no access"},
	{"r", linux.PROT_READ, "read"},
	{"w", linux.PROT_WRITE, "write"},
	{"x", linux.PROT_EXEC, "execute"},
	{"rw", linux.PROT_READ | linux.PROT_WRITE, "read and write"},
	{"rx", linux.PROT_READ | linux.PROT_EXEC, "read and execute"},
	{"wx", linux.PROT_WRITE | linux.PROT_EXEC, "write and execute"},
	{"rwx", linux.PROT_READ | linux.PROT_WRITE | linux.PROT_EXEC, "everything"},
}

// Options of mprotect: what it does to a stack.
var growWords = []Word{
	{"growsdown", linux.PROT_GROWSDOWN, "from the start of the mapping on, which has to be one that grows down"},
	{"growsup", linux.PROT_GROWSUP, "to its end, where mappings grow up; not on this architecture"},
}

// growth are the bits of a protection that are options.
const growth = Prot(linux.PROT_GROWSDOWN | linux.PROT_GROWSUP)

// Options of remap_file_pages.
var remapWords = []Word{
	{"nonblock", linux.MAP_NONBLOCK, "do not bring the pages in"},
}

// Settings of prctl.
var prctlWords = []Word{
	{"mdwe", linux.PR_SET_MDWE, "1: no memory is executable that is or was writable (PR_MDWE_REFUSE_EXEC_GAIN); 3: children are free again; for good"},
	{"memory_merge", linux.PR_SET_MEMORY_MERGE, "1: equal pages of all private memory may be shared (KSM), as madvise mergeable has it; 0: of none"},
}

// Ways to open a file.
var openWords = []Word{
	{"ro", linux.O_RDONLY, "for reading"},
	{"wo", linux.O_WRONLY, "for writing"},
	{"rw", linux.O_RDWR, "for both"},
}

// Files that have no bytes of their own.
var specialWords = []Word{
	{"zero", int(SpecialZero), "/dev/zero: private mappings are anonymous memory, shared ones an object each"},
	{"pipe", int(SpecialPipe), "the reading end of a pipe, which cannot be mapped"},
	{"closed", int(SpecialClosed), "no file: a bad descriptor"},
}

// Options of mmap. "at ADDR" is not here: it takes an operand.
var mapWords = []Word{
	{"fixed", linux.MAP_FIXED, "exactly at the address, replacing what is mapped there"},
	{"noreplace", linux.MAP_FIXED_NOREPLACE, "exactly at the address, EEXIST if something is mapped there"},
	{"noreserve", linux.MAP_NORESERVE, "do not account the memory"},
	{"populate", linux.MAP_POPULATE, "fault all pages in at once"},
	{"nonblock", linux.MAP_NONBLOCK, "with populate: do not"},
	{"locked", linux.MAP_LOCKED, "lock the memory, as mlock does"},
	{"growsdown", linux.MAP_GROWSDOWN, "a stack: a touch below makes it larger"},
	{"stack", linux.MAP_STACK, "no huge pages"},
	{"map32bit", linux.MAP_32BIT, "in the lowest 2 GiB"},
	{"hugetlb", linux.MAP_HUGETLB, "huge pages of the pool, which is empty"},
	{"sync", linux.MAP_SYNC, "what is stored is in the DAX device's memory"},
}

// Options of mremap. "at ADDR" and "as NAME" take an operand.
var moveWords = []Word{
	{"maymove", linux.MREMAP_MAYMOVE, "to another address, if it has to be"},
	{"fixed", linux.MREMAP_FIXED, "to exactly the address given, replacing what is mapped there"},
	{"dontunmap", linux.MREMAP_DONTUNMAP, "leave the old range mapped, without its pages"},
}

// Options of mlock.
var lockWords = []Word{
	{"onfault", linux.MLOCK_ONFAULT, "lock pages when they are touched, not now"},
}

// Options of mlockall.
var lockAllWords = []Word{
	{"current", linux.MCL_CURRENT, "what is mapped"},
	{"future", linux.MCL_FUTURE, "what will be"},
	{"onfault", linux.MCL_ONFAULT, "pages when they are touched"},
}

// Options of msync.
var syncWords = []Word{
	{"async", linux.MS_ASYNC, "some time"},
	{"sync", linux.MS_SYNC, "now"},
	{"invalidate", linux.MS_INVALIDATE, "EBUSY if a part is locked"},
}

// rawFlags stands before a number with any other flags.
const rawFlags = "flags"

// The words for what a mapping shows.
const (
	anonymous = "anon"
	ofFile    = "file"
)

// pageOffset stands before the page offset of remap_file_pages.
const pageOffset = "pgoff"

// Resources of setrlimit.
var resourceWords = []Word{
	{"as", linux.RLIMIT_AS, "all that is mapped (RLIMIT_AS)"},
	{"data", linux.RLIMIT_DATA, "private memory that may be written, and the heap (RLIMIT_DATA)"},
	{"stack", linux.RLIMIT_STACK, "a mapping that grows down (RLIMIT_STACK)"},
	{"memlock", linux.RLIMIT_MEMLOCK, "what is locked in memory (RLIMIT_MEMLOCK)"},
}

// unlimited is the word for no limit.
const unlimited = "unlimited"

// Advice of madvise.
var adviceWords = []Word{
	{"dontneed", linux.MADV_DONTNEED, "give the pages back; the next touch finds zeros, or the file's bytes"},
	{"dontneed_locked", linux.MADV_DONTNEED_LOCKED, "the same for locked memory, too"},
	{"free", linux.MADV_FREE, "the pages may be taken back until they are written to again"},
	{"remove", linux.MADV_REMOVE, "punch a hole into the shared file"},
	{"willneed", linux.MADV_WILLNEED, "read the file's pages soon"},
	{"cold", linux.MADV_COLD, "the pages are not needed soon"},
	{"pageout", linux.MADV_PAGEOUT, "write the pages out"},
	{"normal", linux.MADV_NORMAL, "no advice on the order of accesses"},
	{"random", linux.MADV_RANDOM, "accesses in any order"},
	{"sequential", linux.MADV_SEQUENTIAL, "accesses in order"},
	{"dontfork", linux.MADV_DONTFORK, "leave the mapping out of children"},
	{"dofork", linux.MADV_DOFORK, "take it back"},
	{"wipeonfork", linux.MADV_WIPEONFORK, "children find zeros"},
	{"keeponfork", linux.MADV_KEEPONFORK, "take it back"},
	{"dontdump", linux.MADV_DONTDUMP, "leave the mapping out of core dumps"},
	{"dodump", linux.MADV_DODUMP, "take it back"},
	{"hugepage", linux.MADV_HUGEPAGE, "huge pages are welcome"},
	{"nohugepage", linux.MADV_NOHUGEPAGE, "no huge pages"},
	{"mergeable", linux.MADV_MERGEABLE, "equal pages may be shared (KSM)"},
	{"unmergeable", linux.MADV_UNMERGEABLE, "take it back"},
	{"populate_read", linux.MADV_POPULATE_READ, "fault all pages in as reads do"},
	{"populate_write", linux.MADV_POPULATE_WRITE, "fault all pages in as writes do"},
	{"guard_install", linux.MADV_GUARD_INSTALL, "drop the pages, and let touches fail"},
	{"guard_remove", linux.MADV_GUARD_REMOVE, "take it back"},
}

var accessWords = []Word{
	{"read", int(linux.Read), "as a load does"},
	{"write", int(linux.Write), "as a store does"},
	{"exec", int(linux.Exec), "as fetching an instruction does"},
}

var sharingWords = []Word{
	{"private", linux.MAP_PRIVATE, "copy-on-write"},
	{"shared", linux.MAP_SHARED, "seen by all who map it, and by the file"},
	{"droppable", linux.MAP_DROPPABLE, "anonymous, private and unlocked; its pages may go when memory is short"},
	{"shared_validate", linux.MAP_SHARED_VALIDATE, "the same, of a file; flags that it does not know are refused"},
}

// LimitKind is a limit that a scenario may set.
type LimitKind uint8

// The limits.
const (
	LimitMaxMapCount LimitKind = iota // sysctl vm.max_map_count
	LimitVMARefs                      // VMA_REF_LIMIT
)

var limitWords = []Word{
	{"max_map_count", int(LimitMaxMapCount), "VMAs in one address space (sysctl vm.max_map_count)"},
	{"vma_refs", int(LimitVMARefs), "the vm_refcnt that readers may reach (VMA_REF_LIMIT); 1 is for being attached"},
}

func wordByName(words []Word, name string) (Word, bool) {
	for _, w := range words {
		if w.Name == name {
			return w, true
		}
	}
	return Word{}, false
}

func wordByValue[T ~int | ~uint8](words []Word, value T) string {
	for _, w := range words {
		if w.Value == int(value) {
			return w.Name
		}
	}
	return ""
}

// wordOrNumber is the word for a value, or the value itself.
func wordOrNumber[T ~int](words []Word, value T) string {
	if name := wordByValue(words, value); name != "" {
		return name
	}
	return formatSize(uint64(value), true)
}

func wordNames(words []Word) []string {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = w.Name
	}
	return names
}

// protConstants has the words for those constants of the kernel's that the words do not show.
var protConstants = map[string]string{"PROT_READ": "r", "PROT_WRITE": "w", "PROT_EXEC": "x"}

// unknownWord words the complaint about text, which is none of words. A constant of the kernel's, such as MAP_FIXED_NOREPLACE, has a
// word that it ends with.
func unknownWord(what, text string, words []Word, hint string) string {
	near := protConstants[text]
	if _, rest, ok := strings.Cut(strings.ToLower(text), "_"); ok && strings.ToUpper(text) == text {
		for _, w := range words {
			if rest == w.Name || near == "" && strings.HasSuffix(rest, w.Name) && len(w.Name) > 1 {
				near = w.Name
			}
		}
	}
	if _, ok := wordByName(words, near); ok {
		return fmt.Sprintf("unknown %s %q, did you mean %q?", what, text, near)
	}
	return suggest.Unknown(what, text, wordNames(words), hint)
}

// reserved tells that name is a word of the language, so that no region may be
// called so.
func reserved(name string) bool {
	if specByName(name) != nil || isResultWord(name) {
		return true
	}
	for _, words := range [][]Word{protWords, growWords, mapWords, moveWords, lockWords, lockAllWords, syncWords, adviceWords, accessWords, sharingWords} {
		if _, ok := wordByName(words, name); ok {
			return true
		}
	}
	return generatorByName(name) >= 0 || slices.Contains([]string{anonymous, pageOffset, "at", "to", "as", "and", "hole", rawFlags, unlimited}, name)
}
