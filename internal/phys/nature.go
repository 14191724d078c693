package phys

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// nature is the kind of an inode, as far as mmap asks. It never changes.
type nature struct {
	zero      bool       // /dev/zero
	refusal   unix.Errno // why it cannot be mapped; 0: it can
	noExec    bool       // it lies on a mount without executable files: path_noexec
	irregular bool       // it is no regular file, so that any offset may be mapped (file_mmap_size_max)
	hugePage  uint64     // the size of its pages, if it is of hugetlbfs
	sealed    bool       // it may not be written to: F_SEAL_WRITE
}

// natureOf asks the kernel about an open file. Whether it can be mapped depends on the file system's methods, which only a mapping
// shows.
func natureOf(fd int, path string, st *unix.Stat_t) (n nature, err error) {
	device := st.Mode&unix.S_IFMT == unix.S_IFCHR
	n.irregular = st.Mode&unix.S_IFMT != unix.S_IFREG
	n.zero = device && st.Rdev == unix.Mkdev(1, 5)
	n.refusal = tryMap(fd, unix.PROT_READ)
	n.noExec = tryMap(fd, unix.PROT_READ|unix.PROT_EXEC) == unix.EPERM
	if n.irregular && !n.zero && n.refusal == 0 {
		return n, fmt.Errorf("map %s: neither a regular file nor /dev/zero: %w", path, unix.ENODEV)
	}
	if seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err == nil { // else it can have none
		n.sealed = seals&(unix.F_SEAL_WRITE|unix.F_SEAL_FUTURE_WRITE) != 0
	}
	return n, nil
}

// tryMap maps a page of the file, and unmaps it.
func tryMap(fd, prot int) unix.Errno {
	addr, err := unix.MmapPtr(fd, 0, nil, linux.PageSize, prot, unix.MAP_PRIVATE)
	if err == nil {
		err = unix.MunmapPtr(addr, linux.PageSize)
	}
	errno, _ := err.(unix.Errno) // neither fails otherwise
	return errno
}

// NewClosed makes what a descriptor that is not open stands for: a file that mmap refuses with EBADF.
func (m *Memory) NewClosed(t *task.Task) *File {
	inode := m.newInode(t)
	inode.refs, inode.nature.refusal = 1, unix.EBADF
	return newFile(inode, unix.O_RDWR)
}

// NewHugeTLB makes what an mmap with MAP_HUGETLB maps: a file of hugetlbfs with pages of the given size, of which there are none.
func (m *Memory) NewHugeTLB(t *task.Task, pageSize uint64) *File {
	inode := m.newInode(t)
	inode.refs, inode.nature.hugePage = 1, pageSize
	return newFile(inode, unix.O_RDWR)
}

// HugePage returns the size of the file's pages if it is of hugetlbfs, else 0.
func (f *Inode) HugePage() uint64 { return f.nature.hugePage }

// Zero reports whether it is /dev/zero, whose private mappings are anonymous memory and whose shared ones are each a file of its own.
func (f *Inode) Zero() bool { return f.nature.zero }

// Refusal returns why the file cannot be mapped, 0 if it can.
func (f *Inode) Refusal() unix.Errno { return f.nature.refusal }

// NoExec reports whether what is in the file may not be executed: path_noexec.
func (f *Inode) NoExec() bool { return f.nature.noExec }

// WriteSealed reports whether the file can be written to no more: F_SEAL_WRITE or F_SEAL_FUTURE_WRITE.
func (f *Inode) WriteSealed() bool { return f.nature.sealed }

// HasPages reports whether the file has bytes of its own to map.
func (f *Inode) HasPages() bool { return f.nature.refusal == 0 && !f.nature.zero }

// MaxMapped returns the offset that no mapping of the file may reach: file_mmap_size_max.
func (f *Inode) MaxMapped() uint64 {
	if f.nature.irregular {
		return 1<<64 - 1
	}
	return 1<<63 - 1 // MAX_LFS_FILESIZE
}
