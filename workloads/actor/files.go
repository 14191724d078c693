package actor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// OpenFiles opens the scenario's files. The caller holds a reference on each, so that it sees the errors of writing
// them back. On an error none is left open.
func OpenFiles(t *task.Task, mem *phys.Memory, sc *workloads.Scenario) (files []*phys.File, err error) {
	for _, decl := range sc.Files {
		var f *phys.File
		if decl.Path != "" {
			f, err = mem.OpenFile(t, sc.ResolvePath(decl), OpenMode(decl))
		} else {
			f, err = openTemp(t, mem, decl)
		}
		if err != nil {
			for _, f := range files {
				_ = f.Put(t) // nothing was written
			}
			return nil, fmt.Errorf("file %s: %w", decl.Name, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// OpenMode is how a scenario wants a file opened.
func OpenMode(decl *workloads.File) int {
	if decl.Writable || decl.Path == "" {
		return unix.O_RDWR
	}
	return unix.O_RDONLY
}

// openTemp makes a temporary file and removes its name at once, so that nothing is left however the program ends.
func openTemp(t *task.Task, mem *phys.Memory, decl *workloads.File) (*phys.File, error) {
	file, err := os.CreateTemp("", "vmasim-"+decl.Name+"-")
	if err != nil {
		return nil, err
	}
	err = file.Truncate(int64(decl.Size))
	if err == nil && decl.Pattern {
		err = writePattern(file, decl.Size)
	}
	var f *phys.File
	if err = errors.Join(err, file.Close()); err == nil {
		f, err = mem.OpenFile(t, file.Name(), OpenMode(decl))
	}
	return f, errors.Join(err, os.Remove(file.Name()))
}

// writePattern fills size bytes so that the 8-byte word at offset n holds n.
func writePattern(w io.Writer, size uint64) error {
	b := bufio.NewWriterSize(w, 64<<10)
	var word [8]byte
	for n := uint64(0); n < size; n += 8 {
		binary.LittleEndian.PutUint64(word[:], n)
		if _, err := b.Write(word[:min(8, size-n)]); err != nil {
			return err
		}
	}
	return b.Flush()
}
