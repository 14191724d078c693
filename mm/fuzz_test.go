package mm_test

import (
	"fmt"
	"strings"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/workloads"
	"vmasim/workloads/seqtest"
)

const (
	fuzzStepBytes = 6
	fuzzMaxSteps  = 60
	fuzzPages     = 32 // all addresses lie in these, in the middle of the window
)

// decodeSteps makes statements out of bytes, so that a changed byte changes one argument of one statement:
//
//	0  kind, and among which of four address spaces
//	1  first page, or the address space to fork or to end
//	2  length
//	3  rights, and kind of mapping
//	4  more flags, and how wrong the arguments are
//	5  file offset, byte in the page, or value
func decodeSteps(data []byte) (steps []seqtest.Step) {
	kinds := [...]workloads.Kind{
		workloads.KindMmap, workloads.KindMmap, workloads.KindMmap, workloads.KindStore, workloads.KindStore, workloads.KindMprotect,
		workloads.KindMprotect, workloads.KindMunmap, workloads.KindMadvise, workloads.KindLoad, workloads.KindTouch, workloads.KindFork, workloads.KindExit,
	}
	const first = windowStart + (windowEnd-windowStart)/2
	for ; len(data) >= fuzzStepBytes && len(steps) < fuzzMaxSteps; data = data[fuzzStepBytes:] {
		b := [fuzzStepBytes]int{}
		for i := range b {
			b[i] = int(data[i])
		}
		s := &workloads.Stmt{Kind: kinds[b[0]%16%len(kinds)]}
		steps = append(steps, seqtest.Step{Space: b[0] / 16 % 4, Stmt: s})
		page := b[1] % fuzzPages
		s.Addr = workloads.Constant(first + uint64(page)*linux.PageSize)
		switch s.Kind {
		case workloads.KindFork, workloads.KindExit:
			i := 1 + b[1]%(seqtest.MaxSpaces-1)
			s.Addr, s.MM = nil, &workloads.Ref{Name: fmt.Sprint(i), Index: i}
			continue
		case workloads.KindLoad, workloads.KindStore, workloads.KindTouch:
			s.Addr.Value += uint64(b[5]) * 16
			s.Value, s.Access = workloads.Constant(uint64(b[5])|1), linux.Exec
			continue
		}
		s.Size = workloads.Constant(uint64(1+b[2]%min(8, fuzzPages-page)) * linux.PageSize)
		s.Prot = workloads.Prot(b[3] & (linux.PROT_READ | linux.PROT_WRITE | linux.PROT_EXEC))
		s.Advice = linux.MADV_DONTNEED
		if s.Kind == workloads.KindMmap {
			decodeMmap(s, page, b[2], b[3]>>3, b[4], b[5])
			continue
		}
		switch b[4] {
		case 255:
			s.Addr.Value++
		case 254:
			s.Size.Value = 0
		case 253:
			s.Size.Value = -s.Addr.Value
		case 252:
			if seqmodel.KnowsAdvice(b[5]) {
				s.Advice = b[5]
			}
		}
	}
	return steps
}

// decodeMmap adds what only mmap has.
func decodeMmap(s *workloads.Stmt, page, length, kind, flags, offset int) {
	s.Backing.Sharing = [...]workloads.Sharing{linux.MAP_PRIVATE, linux.MAP_PRIVATE, linux.MAP_SHARED, linux.MAP_SHARED_VALIDATE}[flags%4]
	at := uint64(0)
	if kind%8 >= 4 {
		s.Backing.File = &workloads.Ref{Name: fmt.Sprint("f", kind%4), Index: kind % 4}
		at = uint64(page%16) * linux.PageSize // continues what is mapped beside it
		if offset > 127 {
			at = uint64(offset%16) * linux.PageSize
		}
	}
	switch flags >> 2 % 8 {
	case 0:
		s.Flags |= linux.MAP_FIXED_NOREPLACE
	case 1: // a hint, not aligned
		s.Addr.Value += uint64(offset)
	case 2: // anywhere
		s.Addr = nil
	case 3: // anywhere, and large enough for huge pages
		s.Addr = nil
		s.Size.Value += uint64(1+length%2)<<21 - linux.PageSize
	default:
		s.Flags |= linux.MAP_FIXED
	}
	if flags>>5%4 == 1 {
		s.Flags |= linux.MAP_NORESERVE
	}
	if flags>>5%4 == 2 && offset%2 == 0 {
		s.Flags |= linux.MAP_STACK
	}
	switch {
	case length == 255:
		s.Size.Value = 0
	case length == 254:
		s.Size.Value = ^uint64(0)
	case length == 253:
		at++
	case length > 240:
		s.Size.Value -= 100
	}
	s.Backing.Offset = workloads.Constant(at)
}

// FuzzOperations compares the simulator with the sequential model after each operation, as TestRandomOperations does, with a shared
// zero page and without.
func FuzzOperations(f *testing.F) {
	rw := byte(linux.PROT_READ | linux.PROT_WRITE)
	const fixed = 4 << 2
	f.Add([]byte{}) // nothing
	f.Add([]byte{   // a gap between two faulted VMAs is filled
		0, 0, 1, rw, fixed, 0, 3, 0, 0, 0, 0, 1, 0, 4, 1, rw, fixed, 0, 3, 4, 0, 0, 0, 2, 0, 2, 1, rw, fixed, 0})
	f.Add([]byte{ // split, and merged again
		0, 0, 7, rw, fixed, 0, 3, 3, 0, 0, 0, 1, 5, 2, 2, 1, 0, 0, 5, 2, 2, rw, 0, 0})
	f.Add([]byte{ // fork, copy on write, exit
		0, 0, 7, rw, fixed, 0, 3, 0, 0, 0, 0, 1, 11, 0, 0, 0, 0, 0, 16 + 3, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 16 + 12, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 5})
	f.Add([]byte{ // a file, private and shared, beyond its end
		0, 0, 7, rw | 4<<3, fixed, 0, 0, 8, 7, rw | 4<<3, fixed | 2, 0, 3, 0, 0, 0, 0, 1, 3, 8, 0, 0, 0, 1, 9, 15, 0, 0, 0, 0, 7, 1, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		steps := decodeSteps(data)
		for _, forbidZeroPage := range []bool{false, true} {
			if i, err := replay(t, steps, forbidZeroPage); err != nil {
				var b strings.Builder
				for _, s := range steps[:min(i+1, len(steps))] {
					b.WriteString("\t" + s.String() + "\n")
				}
				t.Errorf("zero page forbidden: %t\n%sends with: %v", forbidZeroPage, b.String(), err)
			}
		}
	})
}
