//go:build !linux

package phys

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"vmasim/internal/linux"
)

// hostFile is a file of the machine.
type hostFile struct{ *os.File }

// openHostFile opens a file, which counts as one of ext4. Whatever the mode, it may be written to: another File of the inode may want
// that.
func openHostFile(path string, mode int) (f *hostFile, key inodeKey, fsType int64, what nature, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if mode == linux.O_RDONLY && err != nil {
		file, err = os.OpenFile(path, os.O_RDONLY, 0)
	}
	if err != nil {
		return nil, key, 0, what, err // names the operation and the path
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("map %s: not a regular file: %w", path, linux.ENODEV)
	}
	if err == nil {
		key.path, err = filepath.EvalSymlinks(path)
	}
	if err == nil {
		key.path, err = filepath.Abs(key.path)
	}
	if err != nil {
		_ = file.Close() // the first error is the one to tell
		return nil, key, 0, what, err
	}
	return &hostFile{file}, key, linux.EXT4_SUPER_MAGIC, what, nil
}

func (f *hostFile) size() (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

func (f *hostFile) readAt(buf []byte, offset uint64) (int, error) {
	n, err := f.ReadAt(buf, int64(offset))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (f *hostFile) writeAt(buf []byte, offset uint64) (int, error) {
	return f.WriteAt(buf, int64(offset))
}

// punch writes zeros, which is what a reader sees of a hole.
func (f *hostFile) punch(offset, n uint64) error {
	size, err := f.size()
	if err != nil {
		return err
	}
	zeros := make([]byte, linux.PageSize)
	for end := min(offset+n, size); offset < end; offset += linux.PageSize {
		if _, err := f.writeAt(zeros[:min(linux.PageSize, end-offset)], offset); err != nil {
			return err
		}
	}
	return nil
}

// DeviceReadAhead returns how many pages the real kernel reads ahead of this file, which only Linux tells.
func (f *Inode) DeviceReadAhead() uint64 { return DefaultReadAhead }
