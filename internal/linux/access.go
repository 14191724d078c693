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
