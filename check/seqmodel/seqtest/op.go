// Package seqtest is what tests of the sequential model, and of what is compared with it, share: operations as data, how they are performed
// on the model and printed, and a generator of sequences.
package seqtest

import (
	"errors"
	"fmt"
	"strings"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
)

const (
	mapTypeMask  = 0xf
	mapAnyFixed  = linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	protBits     = linux.PROT_READ | linux.PROT_WRITE | linux.PROT_EXEC
	maxFileBytes = 1<<63 - 1
)

// Kind is what an Op does.
type Kind int

const (
	OpMmap Kind = iota
	OpMunmap
	OpMprotect
	OpMadvise
	OpLoad
	OpStore
	OpFetch
	OpFork // the driver forks the address space the op was made for
	OpExit // the driver ends it
)

// Op is one operation on one address space, in system call terms. Fields that
// the kind does not use are zero.
type Op struct {
	Kind   Kind
	Addr   uint64
	Len    uint64
	Prot   int
	Flags  int
	File   int    // index into the driver's files; NoFile is a bad descriptor
	Off    uint64 // bytes
	Advice int
	Value  byte // what a store writes
}

// NoFile is the File of an op without a valid descriptor.
const NoFile = -1

// Result is what an Op gave back.
type Result struct {
	Addr  uint64 // of mmap
	Errno linux.Errno
	Fault linux.AccessEnd // of load, store and fetch
	Value byte            // of load
}

// Apply performs op on m. Fork and exit are the driver's, since they make and
// end models.
func Apply(m *seqmodel.Model, op Op, files []*seqmodel.File) Result {
	var r Result
	var err error
	switch op.Kind {
	case OpMmap:
		var f *seqmodel.File
		if op.File != NoFile {
			f = files[op.File]
		}
		r.Addr, err = m.Mmap(op.Addr, op.Len, op.Prot, op.Flags, f, op.Off)
	case OpMunmap:
		err = m.Munmap(op.Addr, op.Len)
	case OpMprotect:
		err = m.Mprotect(op.Addr, op.Len, op.Prot)
	case OpMadvise:
		err = m.Madvise(op.Addr, op.Len, op.Advice)
	case OpLoad:
		r.Value, r.Fault = m.Load8(op.Addr)
	case OpStore:
		r.Fault = m.Store8(op.Addr, op.Value)
	case OpFetch:
		r.Fault = m.Touch(op.Addr, linux.Exec)
	default:
		panic("seqtest: Apply cannot " + op.String())
	}
	errors.As(err, &r.Errno)
	return r
}

// String shows a result as scenarios expect it: "ok", an address, a byte, an
// errno or a signal.
func (r Result) String() string {
	switch {
	case r.Errno != 0:
		return linux.Name(r.Errno)
	case r.Fault != linux.OK:
		return r.Fault.String()
	case r.Addr != 0:
		return fmt.Sprintf("%#x", r.Addr)
	case r.Value != 0:
		return fmt.Sprint(r.Value)
	}
	return "ok"
}

// String shows an op in the manner of a scenario statement.
func (op Op) String() string {
	switch op.Kind {
	case OpMmap:
		return op.mmapString()
	case OpMunmap:
		return fmt.Sprintf("munmap %#x %s", op.Addr, sizeString(op.Len))
	case OpMprotect:
		return fmt.Sprintf("mprotect %#x %s %s", op.Addr, sizeString(op.Len), ProtString(op.Prot))
	case OpMadvise:
		advice := fmt.Sprint(op.Advice)
		if op.Advice == linux.MADV_DONTNEED {
			advice = "dontneed"
		}
		return fmt.Sprintf("madvise %#x %s %s", op.Addr, sizeString(op.Len), advice)
	case OpLoad:
		return fmt.Sprintf("load %#x", op.Addr)
	case OpStore:
		return fmt.Sprintf("store %#x %d", op.Addr, op.Value)
	case OpFetch:
		return fmt.Sprintf("touch %#x exec", op.Addr)
	case OpFork:
		return "fork"
	case OpExit:
		return "exit"
	}
	return fmt.Sprintf("Op(%d)", int(op.Kind))
}

func (op Op) mmapString() string {
	words := []string{"mmap", "any", sizeString(op.Len), ProtString(op.Prot)}
	if op.Addr != 0 || op.Flags&mapAnyFixed != 0 {
		words[1] = fmt.Sprintf("%#x", op.Addr)
	}
	rest := op.Flags &^ mapTypeMask
	switch kind := op.Flags & mapTypeMask; kind {
	case linux.MAP_PRIVATE:
		words = append(words, "private")
	case linux.MAP_SHARED:
		words = append(words, "shared")
	case linux.MAP_SHARED_VALIDATE:
		words = append(words, "shared_validate")
	default:
		words = append(words, fmt.Sprintf("type=%d", kind))
	}
	for _, flag := range []struct {
		bit  int
		name string
	}{
		{linux.MAP_ANONYMOUS, "anon"},
		{linux.MAP_FIXED, "fixed"},
		{linux.MAP_FIXED_NOREPLACE, "noreplace"},
		{linux.MAP_NORESERVE, "noreserve"},
		{linux.MAP_STACK, "stack"},
	} {
		if rest&flag.bit != 0 {
			words = append(words, flag.name)
			rest &^= flag.bit
		}
	}
	if rest != 0 {
		words = append(words, fmt.Sprintf("flags=%#x", rest))
	}
	if op.Flags&linux.MAP_ANONYMOUS == 0 {
		name := "file=none"
		if op.File != NoFile {
			name = fmt.Sprintf("file=%d", op.File)
		}
		words = append(words, name)
	}
	if op.Off != 0 {
		words = append(words, "offset="+sizeString(op.Off))
	}
	return strings.Join(words, " ")
}

// sizeString writes whole pages in K or M, anything else in bytes.
func sizeString(n uint64) string {
	switch {
	case n != 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n != 0 && n%linux.PageSize == 0:
		return fmt.Sprintf("%dK", n>>10)
	}
	return fmt.Sprint(n)
}

// ProtString writes rights as "rwx", "r" or "none"; other bits as a number.
func ProtString(prot int) string {
	var s strings.Builder
	for _, right := range []struct {
		bit  int
		name string
	}{{linux.PROT_READ, "r"}, {linux.PROT_WRITE, "w"}, {linux.PROT_EXEC, "x"}} {
		if prot&right.bit != 0 {
			s.WriteString(right.name)
		}
	}
	if s.Len() == 0 {
		s.WriteString("none")
	}
	if rest := prot &^ protBits; rest != 0 {
		fmt.Fprintf(&s, "+%#x", rest)
	}
	return s.String()
}
