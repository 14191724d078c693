package pgtable

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
)

// PTE is a page table entry as x86-64 lays it out: the frame's number times 4096, and bits.
type PTE uint64

// The bits of an entry.
const (
	Present  PTE = 1 << 0
	RW       PTE = 1 << 1
	User     PTE = 1 << 2
	Accessed PTE = 1 << 5
	Dirty    PTE = 1 << 6
	ProtNone PTE = 1 << 8 // in an entry that is not Present: mapped, but not to be accessed (the global bit's place)
	Special  PTE = 1 << 9 // no struct page counts this mapping: the zero page

	// GuardMarker is an entry that maps nothing and is not empty: every access to its page fails (PTE_MARKER_GUARD).
	GuardMarker PTE = 1 << 10

	NX PTE = 1 << 63

	frameMask PTE = 1<<52 - 1<<linux.PageShift

	// tableEntry are the bits of an entry that refers to a table: _PAGE_TABLE.
	tableEntry = Present | RW | User | Accessed | Dirty
)

// Protections, to make entries with. A private mapping that may be written starts with ReadOnly and copies on write.
const (
	None          = ProtNone | Accessed
	ReadOnly      = Present | User | Accessed | NX
	ReadExec      = Present | User | Accessed
	ReadWrite     = Present | User | Accessed | RW | NX
	ReadWriteExec = Present | User | Accessed | RW
)

// protMask are the bits that a protection decides.
const protMask = Present | RW | User | ProtNone | NX

// Make returns an entry that maps a frame: mk_pte.
func Make(pfn phys.PFN, prot PTE) PTE { return PTE(pfn)<<linux.PageShift | prot }

// PFN returns the frame that the entry maps: pte_pfn.
func (e PTE) PFN() phys.PFN { return phys.PFN(e & frameMask >> linux.PageShift) }

// None reports whether the entry is empty: pte_none.
func (e PTE) None() bool { return e == 0 }

// Guard reports whether the entry is a guard marker: is_guard_pte_marker.
func (e PTE) Guard() bool { return e == GuardMarker }

// Present reports whether the entry maps a frame, accessible or not: pte_present.
func (e PTE) Present() bool { return e&(Present|ProtNone) != 0 }

// Accessible reports whether the processor can use the entry: not empty and not PROT_NONE.
func (e PTE) Accessible() bool { return e&Present != 0 }

// Write reports whether the entry allows writing: pte_write.
func (e PTE) Write() bool { return e&RW != 0 }

// Exec reports whether the entry allows execution: pte_exec.
func (e PTE) Exec() bool { return e&NX == 0 }

// Young reports whether the page was accessed through the entry: pte_young.
func (e PTE) Young() bool { return e&Accessed != 0 }

// Dirty reports whether the page was written through the entry: pte_dirty.
func (e PTE) Dirty() bool { return e&Dirty != 0 }

// Special reports whether the mapping is not counted: pte_special.
func (e PTE) Special() bool { return e&Special != 0 }

// WrProtect returns the entry without the right to write: pte_wrprotect.
func (e PTE) WrProtect() PTE { return e &^ RW }

// MkDirty returns the entry marked as written through: pte_mkdirty.
func (e PTE) MkDirty() PTE { return e | Dirty }

// MkSpecial returns the entry marked as not counted.
func (e PTE) MkSpecial() PTE { return e | Special }

// Modify returns the entry with another protection; the frame, Accessed, Dirty and Special stay: pte_modify.
func (e PTE) Modify(prot PTE) PTE { return e&^protMask | prot&protMask }
