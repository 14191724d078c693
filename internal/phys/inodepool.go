package phys

import (
	"encoding/binary"
	"hash/fnv"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// inodePool keeps the memory of inodes, for a caller that runs one program after the other and wants all to find the same: the inode with
// a number then lies where the one with that number lay before. Which task gets which number is decided by the step that counts them.
// Nothing guards it: where it keeps anything, one task runs at a time.
type inodePool struct {
	keep bool
	made []*Inode // by number, from 1
}

// get returns the memory of an inode.
func (p *inodePool) get(id uint32) *Inode {
	if !p.keep {
		return new(Inode)
	}
	for uint32(len(p.made)) < id {
		p.made = append(p.made, new(Inode))
	}
	return p.made[id-1]
}

// Rewind makes a memory without files number them anew, and hand out for each what it handed out before. No task may be running.
func (m *Memory) Rewind() {
	if len(m.inodes) == 0 {
		m.made.keep = true
		m.lastInode.Init(0)
	}
}

// open returns another open file of the inode. The caller holds Memory.inodeLock, or is alone with the inode.
func (f *Inode) open(mode int) *File {
	file := new(File)
	switch {
	case !f.mem.made.keep:
	case f.opens < len(f.opened):
		file = f.opened[f.opens]
		f.opens++
	default:
		f.opened = append(f.opened, file)
		f.opens++
	}
	*file = File{Inode: f, readable: mode != linux.O_WRONLY, writable: mode != linux.O_RDONLY}
	file.refs.Init(1)
	return file
}

// stores notes that bytes of the file are n others from an offset on, for [Inode.tell]: bytes, or zeros if nil.
func (f *Inode) stores(t *task.Task, offset, n uint64, bytes []byte) {
	if t.Observer == nil {
		return
	}
	h := fnv.New64a()
	for _, v := range [...]uint64{f.written, offset, n} {
		_ = binary.Write(h, binary.LittleEndian, v)
	}
	_, _ = h.Write(bytes)
	f.written = h.Sum64()
}

// tell gives what of the inode no event tells: the pages cached, the mappings in order, and what the file holds.
func (f *Inode) tell(add func(uint64)) {
	add(uint64(f.refs)<<32 | uint64(len(f.pages)))
	for _, i := range f.indexes() {
		add(i<<32 | uint64(f.pages[i]))
	}
	for m := range f.Mappings() {
		add(uint64(uintptr(unsafe.Pointer(m))))
	}
	add(f.written)
}
