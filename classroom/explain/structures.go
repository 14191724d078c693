package explain

import (
	"maps"
	"slices"

	"vmasim/internal/linux"
)

// This file explains what traces and results name besides fields, functions and calls: the objects, and how a statement can end.

// structure tells of a type of objects.
type structure struct {
	does    string   // sentences
	file    string   // of Linux 6.18 that declares it, from memory
	aliases []string // as which objects are named: vma of vma#1
}

const (
	mmTypes  = "include/linux/mm_types.h"
	mapleDoc = "include/linux/maple_tree.h"
	pgtypes  = "arch/x86/include/asm/pgtable_types.h"
)

// structureTable has every type of objects, as layouts name it. TestEveryField demands that none is missing.
var structureTable = map[string]structure{
	"vm_area_struct": {"A VMA: a range of an address space with the same rights, the same file and the same flags. It lies in the tree of its mm while it is attached; its memory may become another VMA as soon as it is freed.",
		mmTypes, []string{"vma"}},
	"vma_lock": {"The semaphore of a VMA, in memory of its own. Since 6.15 vm_refcnt stands in its place.", mmTypes + " of 6.4 to 6.14", nil},
	"mm_struct": {"An address space: the tree of its VMAs, mmap_lock, and mm_lock_seq, by which write locks of VMAs end. Its threads share it; main is that of the scenario.",
		mmTypes, []string{"mm", "main"}},
	"anon_vma":       {"What the anonymous pages of a VMA point to, so that the VMAs that may map them are found. A fork and a split share it.", "include/linux/rmap.h", nil},
	"anon_vma_chain": {"A link between a VMA and an anon_vma that it shares. A VMA has one for each.", "include/linux/rmap.h", []string{"avc"}},
	"mempolicy":      {"Says from which nodes of memory pages come. VMAs with different ones do not merge.", "include/linux/mempolicy.h", nil},
	"userfaultfd_ctx": {"Who hears of faults in a registered range. Registering changes flags of VMAs, and so splits and merges them.",
		"include/linux/userfaultfd_k.h", nil},
	"global": {"The locks that all address spaces have in common, such as those of fork and swap.", "several files", nil},
	"maple_tree": {"The tree of the VMAs of an address space, by their addresses. A walk under RCU needs no lock, and sees the tree as it was before a change or as it is behind it. A B-tree stands in for it here.",
		mapleDoc, nil},
	"maple_node":     {"The inner node, from which a walk comes to leaves. A store publishes another one in its place.", mapleDoc, []string{"node"}},
	"maple_range_64": {"A leaf of the tree, with VMAs in its slots. It is never changed under a walk: a store makes another leaf and publishes it.", mapleDoc, nil},
	"maple_enode":    {"A node with slots and pivots that are cells of their own, where the rule maple-nodes has stores changed in place. A walk may then meet half a store.", mapleDoc, nil},
	"pte_table":      {"The lowest page table: an entry for each page, with the frame and the rights. A fault fills it under its lock.", pgtypes, nil},
	"pmd_table":      {"The page table above: an entry for each 2 MiB, which leads to a pte_table or maps them at once.", pgtypes, nil},
	"pud_table":      {"The third page table from below: an entry for each GiB.", pgtypes, nil},
	"pgd_table":      {"The highest page table: an entry for each 512 GiB. Each address space has one.", pgtypes, nil},
	"pte_lock":       {"The spinlock of one pte_table: its entries are changed under it.", mmTypes, nil},
	"pmd_lock":       {"The spinlock of one pmd_table: a page table is put in under it.", mmTypes, nil},
	"mm_tables":      {"The page tables of an address space: how many there are, and the lock of the upper ones.", mmTypes, nil},
	"page":           {"A page frame of 4 KiB. Its words are real memory; it is freed when the last reference goes, which page tables, the page cache and get_user_pages hold.", mmTypes, nil},
	"zone":           {"The memory that there is to give: page frames, and who has how many. The lock of the allocator orders nothing that matters for VMAs.", "include/linux/mmzone.h", nil},
	"address_space":  {"The page cache of a file, and the VMAs that map it. Its locks come between mmap_lock and those of page tables.", "include/linux/fs.h", nil},
	"cell":           {"A cell that lies in no object that has a name, such as a bit of the simulator's own bookkeeping.", "no file of Linux", nil},
	"object":         {"A task, where a cell points to one: vma_writer_wait points to the writer that waits.", "include/linux/sched.h", nil},
}

func structures() (all []Entry) {
	for _, name := range slices.Sorted(maps.Keys(structureTable)) {
		s := structureTable[name]
		e := Entry{Name: name, Does: s.does, aliases: s.aliases}
		e.add("in", s.file)
		all = append(all, e)
	}
	return all
}

// resultTable says how a statement can end that is no call, or was not performed.
var resultTable = []struct{ name, does, when string }{
	{"ok", "The statement succeeded. For a load its value stands in its place.", ""},
	{"SEGV_MAPERR", "The access ended in SIGSEGV because nothing is mapped there: no VMA holds the address, or the one that did was unmapped first. si_code is 1.", "touch, load, store and what copies to user space"},
	{"SEGV_ACCERR", "The access ended in SIGSEGV because the VMA forbids it: a write where there is no right to write, for example. si_code is 2.", "touch, load, store and what copies to user space"},
	{"SEGV_KERNEL", "The access ended in SIGSEGV because the address is the kernel's, or none at all. si_code is SI_KERNEL.", "touch, load and store"},
	{"SIGBUS", "The access ended in SIGBUS: the mapping is there, but its file has no such page.", "touch, load and store of a file's mapping"},
	{"unbound", "The statement was not performed: it names a region that no mmap has bound yet.", "each that names a region"},
	{"overflow", "The statement was not performed: its address leaves 0 to 2^64-1.", "each that computes an address"},
	{"unaligned", "The statement was not performed: a word has an address that is a multiple of 8.", "load, store"},
}

func results() (all []Entry) {
	for _, r := range resultTable {
		e := Entry{Name: r.name, Does: r.does, words: []string{r.name}}
		e.add("of", r.when)
		if r.name == "ok" {
			e.words = nil // it stands everywhere
		}
		all = append(all, e)
	}
	return all
}

// errnoTable says, of the errors that calls of vmasim give, which give them and why.
var errnoTable = map[linux.Errno]string{
	linux.ENOMEM:     "There is no memory, or no place: a limit of address space, of locked memory or of VMAs (map_count) is reached, an allocation failed, or a part of the range is not mapped.",
	linux.EINVAL:     "An argument makes no sense: a length of 0, an address between pages, flags that exclude each other, a VMA of a kind that the call cannot deal with.",
	linux.EPERM:      "It is forbidden here: the VMA or the file is sealed, the address is below mmap_min_addr, RLIMIT_MEMLOCK is 0, or prctl is to clear what is set for good.",
	linux.EFAULT:     "Nothing is mapped where the call looks, or what is there allows no access, or may not move or grow.",
	linux.EAGAIN:     "It may succeed another time. Of lock it says that the VMA could not be locked: a writer has it, it is detached, or it is another by now. Of mmap and brk it says that RLIMIT_MEMLOCK is reached, of madvise that a split would be one VMA too many.",
	linux.EINTR:      "A fatal signal ended the wait for mmap_lock or for the readers of a VMA.",
	linux.EACCES:     "The rights do not allow it: a file that is not open for writing is to be written to, or PR_SET_MDWE forbids what is writable and executable.",
	linux.EBUSY:      "It is in use: msync with MS_INVALIDATE meets a locked VMA, or a visitor that may not wait finds mmap_lock taken.",
	linux.EIO:        "A page lies beyond the end of its file, or on another node than the policy wants.",
	linux.ENOENT:     "Nothing is mapped there, says a visitor that looks for one VMA, such as PROCMAP_QUERY or userfaultfd's move.",
	linux.ENODEV:     "The file is of a kind that cannot be mapped so.",
	linux.ENOSPC:     "The heap would be larger than RLIMIT_DATA.",
	linux.EFBIG:      "The range of a file that madvise is to bring in lies beyond any file.",
	linux.ESRCH:      "The address space is being torn down: there is no such process any more.",
	linux.EBADF:      "The descriptor is not open.",
	linux.EEXIST:     "Something is mapped there already, and MAP_FIXED_NOREPLACE does not replace it.",
	linux.EOVERFLOW:  "The offset of a mapping and its length lie beyond any file.",
	linux.EOPNOTSUPP: "The file does not know a flag of the mapping, such as MAP_SYNC.",
}
