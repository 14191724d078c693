package seqmodel

import (
	"fmt"

	"vmasim/internal/linux"
)

// Inode is the contents of a file: what all its mappings share.
type Inode struct {
	size  uint64
	cache []byte // size rounded up to pages: the page cache keeps a tail beyond the end
	align bool   // placed on 2 MiB boundaries by its file system's get_unmapped_area
}

// maxFileBytes is MAX_LFS_FILESIZE: what mmap holds any regular file to, even
// where the file system's own limit is lower.
const maxFileBytes = 1<<63 - 1

// NewDiskFile returns an inode as ext4 has it: mappings of 2 MiB and more are
// placed on 2 MiB boundaries.
func NewDiskFile(contents []byte) *Inode {
	return newInode(contents, true)
}

// NewMemFile returns an inode as memfd_create makes it: placed like small
// mappings.
func NewMemFile(contents []byte) *Inode {
	return newInode(contents, false)
}

func newInode(contents []byte, align bool) *Inode {
	n := &Inode{size: uint64(len(contents)), align: align}
	n.cache = make([]byte, pageAlign(n.size))
	copy(n.cache, contents)
	return n
}

// Size is the length of the file in bytes.
func (n *Inode) Size() uint64 { return n.size }

// Contents returns a copy of the file's bytes as read(2) would give them.
func (n *Inode) Contents() []byte {
	return append([]byte(nil), n.cache[:n.size]...)
}

// page returns the cached page at index (in pages), or nil beyond the end.
func (n *Inode) page(index uint64) []byte {
	if index >= uint64(len(n.cache))>>linux.PageShift {
		return nil
	}
	return n.cache[index<<linux.PageShift : (index+1)<<linux.PageShift]
}

// File is one open file description. Identity matters: two of the same inode
// never merge.
type File struct {
	Inode              *Inode
	readable, writable bool
}

// Writable reports whether the file is open for writing.
func (f *File) Writable() bool { return f.writable }

// Open returns a new open file description. mode is linux.O_RDONLY, O_WRONLY or
// O_RDWR.
func (n *Inode) Open(mode int) *File {
	switch mode {
	case linux.O_RDONLY:
		return &File{Inode: n, readable: true}
	case linux.O_WRONLY:
		return &File{Inode: n, writable: true}
	case linux.O_RDWR:
		return &File{Inode: n, readable: true, writable: true}
	}
	panic(fmt.Sprintf("seqmodel: open mode %#x", mode))
}
