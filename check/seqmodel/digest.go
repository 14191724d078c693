package seqmodel

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

// Digest sums up address spaces, nil for one that does not exist, and files: two states with the same digest behave alike.
// Of identities it keeps which are the same. More is what else the state has.
func Digest(models []*Model, files []*File, more ...any) [16]byte {
	text, seen := fmt.Appendln(nil, more...), map[any]uint64{}
	id := func(x any) bool {
		n, known := seen[x]
		if !known {
			n = uint64(len(seen))
			seen[x] = n
		}
		text = binary.AppendUvarint(text, n)
		return !known
	}
	file := func(f *File) {
		if id(f) && f != nil && id(f.Inode) {
			text = append(text, f.Inode.cache...)
		}
	}
	for _, f := range files {
		file(f)
	}
	for _, m := range models {
		if m == nil {
			text = append(text, '-')
			continue
		}
		text = fmt.Appendln(text, len(m.areas), len(m.pages))
		for _, a := range m.areas {
			file(a.file)
			id(a.anon)
			a.file, a.anon = nil, nil
			text = fmt.Appendln(text, a)
		}
		for _, addr := range slices.Sorted(maps.Keys(m.pages)) {
			data := m.pages[addr].data
			text = fmt.Appendln(text, addr, len(data))
			text = append(text, data...)
		}
	}
	h, sum := fnv.New128a(), [16]byte{}
	_, _ = h.Write(text)
	h.Sum(sum[:0])
	return sum
}
