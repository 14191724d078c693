package linux

import "fmt"

// Access is a way for a task to reach for a byte of memory.
type Access uint8

// The accesses.
const (
	Read Access = iota
	Write
	Exec // an instruction fetch
)

var accessNames = [...]string{"read", "write", "exec"}

// String returns the access as scenarios write it.
func (a Access) String() string {
	if int(a) < len(accessNames) {
		return accessNames[a]
	}
	return fmt.Sprintf("access %d", uint8(a))
}

// Canonical reports whether the processor takes addr for an address: with four levels of page tables, whether bits 47 to 63 are
// equal. An access to another raises a general protection exception, which the kernel makes a SIGSEGV without si_addr
// (exc_general_protection).
func Canonical(addr uint64) bool {
	const unused = 64 - 48
	return uint64(int64(addr<<unused)>>unused) == addr
}

// AccessEnd is the end of an access.
type AccessEnd uint8

// The ends.
const (
	OK         AccessEnd = iota
	SegvMaperr           // SIGSEGV, SEGV_MAPERR: nothing is mapped there
	SegvAccerr           // SIGSEGV, SEGV_ACCERR: the mapping does not allow it
	SegvKernel           // SIGSEGV, SI_KERNEL: no canonical address, which raises a general protection exception and no page fault
	Sigbus               // SIGBUS, BUS_ADRERR: beyond the end of the file
	OOM                  // no frame was free
	Killed               // a fatal signal arrived
)

var accessEndNames = [...]string{"ok", "SEGV_MAPERR", "SEGV_ACCERR", "SEGV_KERNEL", "SIGBUS", "ENOMEM", "EINTR"}

// String returns the end as scenarios write it.
func (e AccessEnd) String() string {
	if int(e) < len(accessEndNames) {
		return accessEndNames[e]
	}
	return fmt.Sprintf("end %d", uint8(e))
}
