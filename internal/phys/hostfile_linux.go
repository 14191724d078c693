package phys

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// hostFile is a file of the machine.
type hostFile struct {
	*os.File
	fd int
}

// openHostFile opens a file and asks the machine about it. Whatever the mode, it may be written to: another File of the inode may
// want that.
func openHostFile(path string, mode int) (f *hostFile, key inodeKey, fsType int64, what nature, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if mode == linux.O_RDONLY && err != nil {
		file, err = os.OpenFile(path, os.O_RDONLY, 0)
	}
	if err != nil {
		return nil, key, 0, what, err // names the operation and the path
	}
	fd := int(file.Fd())
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		err = fmt.Errorf("stat %s: %w", path, err)
	}
	if err == nil {
		what, err = natureOf(fd, path, &st)
	}
	var fs unix.Statfs_t
	if err == nil {
		if err = unix.Fstatfs(fd, &fs); err != nil {
			err = fmt.Errorf("statfs %s: %w", path, err)
		}
	}
	if err != nil {
		_ = file.Close() // the first error is the one to tell
		return nil, key, 0, what, err
	}
	return &hostFile{file, fd}, inodeKey{dev: st.Dev, ino: st.Ino}, int64(fs.Type), what, nil
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

func (f *hostFile) size() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, err
	}
	return uint64(st.Size), nil
}

func (f *hostFile) readAt(buf []byte, offset uint64) (n int, err error) {
	for {
		if n, err = unix.Pread(f.fd, buf, int64(offset)); err != unix.EINTR {
			return n, err
		}
	}
}

func (f *hostFile) writeAt(buf []byte, offset uint64) (n int, err error) {
	for {
		if n, err = unix.Pwrite(f.fd, buf, int64(offset)); err != unix.EINTR {
			return n, err
		}
	}
}

func (f *hostFile) punch(offset, n uint64) error {
	for {
		if err := unix.Fallocate(f.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(offset), int64(n)); err != unix.EINTR {
			return err
		}
	}
}

// DeviceReadAhead returns how many pages the real kernel reads ahead of this file: ra_pages of the device it is on, as sysfs states
// it; [DefaultReadAhead] where it does not, as for file systems without a block device.
func (f *Inode) DeviceReadAhead() uint64 {
	device := fmt.Sprintf("%d:%d", unix.Major(f.key.dev), unix.Minor(f.key.dev))
	for _, path := range [...]string{
		"/sys/class/bdi/" + device + "/read_ahead_kb",
		"/sys/dev/block/" + device + "/../queue/read_ahead_kb", // a partition: the disk has it
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if kib, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err == nil {
			return kib << 10 / linux.PageSize
		}
	}
	return DefaultReadAhead
}
