package phys

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// MemoryFile describes a file whose bytes lie in memory.
type MemoryFile struct {
	Name   string
	Size   uint64
	Tmpfs  bool // its pages belong to no disk: memfd_create
	Sealed bool // it may not be written to: F_SEAL_WRITE
	// Fill puts into buf what the file holds from an offset on before anything is written; nil: zeros.
	Fill func(buf []byte, offset uint64)
}

// NewFile makes a file of memory, for machines without files of their own, and opens it.
func (m *Memory) NewFile(t *task.Task, of MemoryFile, mode int) *File {
	m.inodeLock.Lock(t)
	defer m.inodeLock.Unlock(t)
	inode := m.newInode(t)
	inode.key = inodeKey{ino: uint64(inode.id), path: "memory"}
	inode.file, inode.fsType, inode.nature.sealed = &memoryFile{of: of, pages: map[uint64]*[linux.PageSize]byte{}}, linux.EXT4_SUPER_MAGIC, of.Sealed
	if of.Tmpfs {
		inode.fsType = linux.TMPFS_MAGIC
	}
	m.inodes[inode.key] = inode
	inode.refs++
	return inode.open(mode)
}

// Again opens the file of an open one once more.
func (f *File) Again(t *task.Task, mode int) *File {
	f.mem.inodeLock.Lock(t)
	defer f.mem.inodeLock.Unlock(t)
	f.Inode.refs++
	return f.Inode.open(mode)
}

// memoryFile is the store of a file of memory.
type memoryFile struct {
	of    MemoryFile
	pages map[uint64]*[linux.PageSize]byte // those that were written to
}

func (f *memoryFile) Name() string          { return f.of.Name }
func (f *memoryFile) Close() error          { return nil }
func (f *memoryFile) size() (uint64, error) { return f.of.Size, nil }

func (f *memoryFile) readAt(buf []byte, offset uint64) (int, error) {
	if offset >= f.of.Size {
		return 0, nil
	}
	in := offset % linux.PageSize
	buf = buf[:min(uint64(len(buf)), linux.PageSize-in, f.of.Size-offset)]
	page := f.pages[offset/linux.PageSize]
	switch {
	case page != nil:
		copy(buf, page[in:])
	case f.of.Fill != nil:
		f.of.Fill(buf, offset)
	default:
		clear(buf)
	}
	return len(buf), nil
}

func (f *memoryFile) writeAt(buf []byte, offset uint64) (int, error) {
	page := f.page(offset)
	in := offset % linux.PageSize
	return copy(page[in:min(linux.PageSize, in+f.of.Size-min(offset, f.of.Size))], buf), nil
}

func (f *memoryFile) punch(offset, n uint64) error {
	for end := min(offset+n, f.of.Size); offset < end; {
		page, in := f.page(offset), offset%linux.PageSize
		step := min(linux.PageSize-in, end-offset)
		clear(page[in : in+step])
		offset += step
	}
	return nil
}

// page returns the page of an offset for writing.
func (f *memoryFile) page(offset uint64) *[linux.PageSize]byte {
	index := offset / linux.PageSize
	if f.pages[index] == nil {
		page := new([linux.PageSize]byte)
		if f.of.Fill != nil {
			f.of.Fill(page[:min(linux.PageSize, f.of.Size-index*linux.PageSize)], index*linux.PageSize)
		}
		f.pages[index] = page
	}
	return f.pages[index]
}
