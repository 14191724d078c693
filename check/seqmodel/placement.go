package seqmodel

import "vmasim/internal/linux"

// hugeSize is the alignment that transparent huge pages ask for.
const hugeSize = 2 << 20

// place chooses the address of a new mapping (__get_unmapped_area). file is
// nil for anonymous memory, length is a multiple of the page size and not 0.
func (m *Model) place(hint, length uint64, flags int, file *File, off uint64) (uint64, error) {
	if length > m.cfg.TaskSize {
		return 0, linux.ENOMEM
	}
	addr := hint
	if flags&linux.MAP_FIXED == 0 {
		var ok bool
		if addr, ok = m.choose(m.roundHint(hint), length, flags, file, off); !ok {
			return 0, linux.ENOMEM
		}
	}
	switch {
	case addr > m.cfg.TaskSize-length:
		return 0, linux.ENOMEM
	case addr&linux.PageMask != 0:
		return 0, linux.EINVAL
	case addr < m.cfg.Base-m.cfg.Below:
		return 0, linux.EPERM
	}
	return addr, nil
}

// roundHint rounds a hint down to a page and raises it to the lowest address
// allowed (round_hint_to_min); below one page it is none.
func (m *Model) roundHint(hint uint64) uint64 {
	hint &^= linux.PageMask
	if hint != 0 && hint < m.cfg.Base {
		return m.cfg.Base
	}
	return hint
}

// choose picks a free address, on a 2 MiB boundary where the kind of memory
// asks for that and room allows.
func (m *Model) choose(hint, length uint64, flags int, file *File, off uint64) (uint64, bool) {
	wantsHuge := false
	if file != nil {
		wantsHuge = file.Inode.align
	} else if flags&linux.MAP_SHARED == 0 {
		wantsHuge = hint == 0 && length%hugeSize == 0
		off = 0
	}
	if wantsHuge && !m.cfg.NoTHP {
		if addr, ok := m.hintOrSearchHuge(hint, length, off); ok {
			return addr, true
		}
	}
	return m.hintOrSearch(hint, length)
}

// hintOrSearchHuge looks for room for length and 2 MiB more, and in it for the
// highest address that is congruent to off modulo 2 MiB
// (__thp_get_unmapped_area). A hint counts only if the padded length fits
// there. It refuses if the range covers no whole 2 MiB unit of the file. The
// comparison is signed, as loff_t is: within the last 2 MiB below 1<<63 the
// unit's start turns negative and any length passes.
func (m *Model) hintOrSearchHuge(hint, length, off uint64) (uint64, bool) {
	end, firstUnit := off+length, (off+hugeSize-1)&^(hugeSize-1)
	if int64(end) <= int64(firstUnit) || end-firstUnit < hugeSize || off+length+hugeSize < off {
		return 0, false
	}
	addr, ok := m.hintOrSearch(hint, length+hugeSize)
	if !ok || addr == hint {
		return addr, ok
	}
	if sub := (off - addr) % hugeSize; sub != 0 {
		return addr + sub, true
	}
	return addr + hugeSize, true
}

// hintOrSearch honours the hint if the range is free, else takes the highest
// hole below MmapBase that fits, at its upper end, else the lowest from a third
// of the address space upwards (arch_get_unmapped_area_topdown).
func (m *Model) hintOrSearch(hint, length uint64) (uint64, bool) {
	if length > m.cfg.TaskSize {
		return 0, false
	}
	if hint != 0 && hint <= m.cfg.TaskSize-length && !m.overlaps(hint, hint+length) {
		return hint, true
	}
	high := m.cfg.MmapBase
	for i := len(m.areas) - 1; ; i-- {
		low := m.cfg.Base
		if i >= 0 {
			low = max(low, m.areas[i].end)
		}
		if high > low && high-low >= length {
			return high - length, true
		}
		if i < 0 {
			break
		}
		high = min(high, m.areas[i].start)
	}
	low := max(m.cfg.Base, pageAlign(m.cfg.TaskSize/3))
	for _, a := range m.areas {
		if a.start > low && a.start-low >= length {
			return low, true
		}
		low = max(low, a.end)
	}
	return low, low <= m.cfg.TaskSize && m.cfg.TaskSize-low >= length
}
