package interp

import "encoding/binary"

// ClosedFD is a descriptor that is not open.
const ClosedFD = -1

// fillPattern fills buf, which begins at an offset of a file, with the pattern: the 8-byte word at offset n holds n.
func fillPattern(buf []byte, offset uint64) {
	var word [8]byte
	for i := 0; i < len(buf); {
		at := offset + uint64(i)
		binary.LittleEndian.PutUint64(word[:], at&^7)
		i += copy(buf[i:], word[at&7:])
	}
}
