package phys

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// nature is the kind of an inode, as far as mmap asks. It never changes.
type nature struct {
	zero      bool        // /dev/zero
	refusal   linux.Errno // why it cannot be mapped; 0: it can
	noExec    bool        // it lies on a mount without executable files: path_noexec
	irregular bool        // it is no regular file, so that any offset may be mapped (file_mmap_size_max)
	hugePage  uint64      // the size of its pages, if it is of hugetlbfs
	sealed    bool        // it may not be written to: F_SEAL_WRITE
	hooks     bool        // its owner has hooks for the VMAs that map it
}

// NewZero opens /dev/zero where the machine has none.
func (m *Memory) NewZero(t *task.Task, mode int) *File {
	inode := m.newInode(t)
	inode.refs, inode.nature.zero, inode.nature.irregular = 1, true, true
	return inode.open(mode)
}

// NewPipe makes a pipe where the machine has none: mmap refuses it with ENODEV.
func (m *Memory) NewPipe(t *task.Task, mode int) *File {
	inode := m.newInode(t)
	inode.refs, inode.nature.refusal, inode.nature.irregular = 1, linux.ENODEV, true
	return inode.open(mode)
}

// NewClosed makes what a descriptor that is not open stands for: a file that mmap refuses with EBADF.
func (m *Memory) NewClosed(t *task.Task) *File {
	inode := m.newInode(t)
	inode.refs, inode.nature.refusal = 1, linux.EBADF
	return inode.open(linux.O_RDWR)
}

// NewHugeTLB makes what an mmap with MAP_HUGETLB maps: a file of hugetlbfs with pages of the given size, of which there are none.
func (m *Memory) NewHugeTLB(t *task.Task, pageSize uint64) *File {
	inode := m.newInode(t)
	inode.refs, inode.nature.hugePage = 1, pageSize
	return inode.open(linux.O_RDWR)
}

// HugePage returns the size of the file's pages if it is of hugetlbfs, else 0.
func (f *Inode) HugePage() uint64 { return f.nature.hugePage }

// Zero reports whether it is /dev/zero, whose private mappings are anonymous memory and whose shared ones are each a file of its own.
func (f *Inode) Zero() bool { return f.nature.zero }

// Refusal returns why the file cannot be mapped, 0 if it can.
func (f *Inode) Refusal() linux.Errno { return f.nature.refusal }

// NoExec reports whether what is in the file may not be executed: path_noexec.
func (f *Inode) NoExec() bool { return f.nature.noExec }

// WriteSealed reports whether the file can be written to no more: F_SEAL_WRITE or F_SEAL_FUTURE_WRITE.
func (f *Inode) WriteSealed() bool { return f.nature.sealed }

// GiveHooks lets the file have an owner with hooks. It comes before the file is mapped.
func (f *Inode) GiveHooks() { f.nature.hooks = true }

// HasHooks reports whether the file's owner has hooks for the VMAs that map it, as a device driver has.
func (f *Inode) HasHooks() bool { return f.nature.hooks }

// HasPages reports whether the file has bytes of its own to map.
func (f *Inode) HasPages() bool { return f.nature.refusal == 0 && !f.nature.zero }

// MaxMapped returns the offset that no mapping of the file may reach: file_mmap_size_max.
func (f *Inode) MaxMapped() uint64 {
	if f.nature.irregular {
		return 1<<64 - 1
	}
	return 1<<63 - 1 // MAX_LFS_FILESIZE
}
