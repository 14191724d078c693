package mm_test

import (
	"strings"
	"testing"

	"vmasim/check/seqmodel/seqtest"
	"vmasim/internal/linux"
)

const (
	fuzzStepBytes = 6
	fuzzMaxSteps  = 60
	fuzzPages     = 32 // all addresses lie in these, in the middle of the window
)

// decodeSteps makes operations out of bytes, so that a changed byte changes one argument of one operation:
//
//	0  kind, and among which of four address spaces
//	1  first page
//	2  length
//	3  rights, and kind of mapping
//	4  more flags, and how wrong the arguments are
//	5  file offset, byte in the page, or value
func decodeSteps(data []byte) (steps []step) {
	kinds := [...]seqtest.Kind{
		seqtest.OpMmap, seqtest.OpMmap, seqtest.OpMmap, seqtest.OpStore, seqtest.OpStore, seqtest.OpMprotect, seqtest.OpMprotect,
		seqtest.OpMunmap, seqtest.OpMadvise, seqtest.OpLoad, seqtest.OpFetch, seqtest.OpFork, seqtest.OpExit,
	}
	const first = windowStart + (windowEnd-windowStart)/2
	for ; len(data) >= fuzzStepBytes && len(steps) < fuzzMaxSteps; data = data[fuzzStepBytes:] {
		b := [fuzzStepBytes]int{}
		for i := range b {
			b[i] = int(data[i])
		}
		op := seqtest.Op{Kind: kinds[b[0]%16%len(kinds)], File: seqtest.NoFile}
		page := b[1] % fuzzPages
		op.Addr = first + uint64(page)*linux.PageSize
		op.Len = uint64(1+b[2]%min(8, fuzzPages-page)) * linux.PageSize
		op.Prot = b[3] & (linux.PROT_READ | linux.PROT_WRITE | linux.PROT_EXEC)
		switch op.Kind {
		case seqtest.OpMmap:
			decodeMmap(&op, page, b[2], b[3]>>3, b[4], b[5])
		case seqtest.OpMadvise:
			op.Advice = linux.MADV_DONTNEED
		case seqtest.OpLoad, seqtest.OpStore, seqtest.OpFetch:
			op.Addr += uint64(b[5]) * 16
			op.Value = byte(b[5]) | 1
			op.Len, op.Prot = 0, 0
		case seqtest.OpFork, seqtest.OpExit:
			op = seqtest.Op{Kind: op.Kind}
		}
		if op.Kind == seqtest.OpMunmap || op.Kind == seqtest.OpMprotect || op.Kind == seqtest.OpMadvise {
			switch b[4] {
			case 255:
				op.Addr++
			case 254:
				op.Len = 0
			case 253:
				op.Len = -op.Addr
			case 252:
				op.Advice = b[5]
			}
		}
		steps = append(steps, step{space: b[0] / 16 % 4, op: op})
	}
	return steps
}

// decodeMmap adds what only mmap has.
func decodeMmap(op *seqtest.Op, page, length, kind, flags, offset int) {
	op.Flags = [...]int{linux.MAP_PRIVATE, linux.MAP_PRIVATE, linux.MAP_SHARED, linux.MAP_SHARED_VALIDATE}[flags%4]
	switch {
	case kind%8 < 4:
		op.Flags |= linux.MAP_ANONYMOUS
	default:
		op.File = kind % 4
		op.Off = uint64(page%16) * linux.PageSize // continues what is mapped beside it
		if offset > 127 {
			op.Off = uint64(offset%16) * linux.PageSize
		}
	}
	switch flags >> 2 % 8 {
	case 0:
		op.Flags |= linux.MAP_FIXED_NOREPLACE
	case 1: // a hint, not aligned
		op.Addr += uint64(offset)
	case 2: // anywhere
		op.Addr = 0
	case 3: // anywhere, and large enough for huge pages
		op.Addr = 0
		op.Len += uint64(1+length%2)<<21 - linux.PageSize
	default:
		op.Flags |= linux.MAP_FIXED
	}
	if flags>>5%4 == 1 {
		op.Flags |= linux.MAP_NORESERVE
	}
	if flags>>5%4 == 2 && offset%2 == 0 {
		op.Flags |= linux.MAP_STACK
	}
	switch {
	case length == 255:
		op.Len = 0
	case length == 254:
		op.Len = ^uint64(0)
	case length == 253:
		op.Off++
	case length > 240:
		op.Len -= 100
	}
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
					b.WriteString("\t" + s.op.String() + "\n")
				}
				t.Errorf("zero page forbidden: %t\n%sends with: %v", forbidZeroPage, b.String(), err)
			}
		}
	})
}
