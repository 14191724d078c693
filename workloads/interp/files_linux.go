package interp

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// OpenFiles opens the scenario's files for the simulator. The caller holds a reference on each, so that it sees the errors of
// writing them back. On an error none is left open.
func OpenFiles(t *task.Task, mem *phys.Memory, sc *workloads.Scenario) (files []*phys.File, err error) {
	real, err := CreateFiles(sc)
	if err != nil {
		return nil, err
	}
	for i, decl := range sc.Files {
		if decl.Special == workloads.SpecialClosed {
			files = append(files, mem.NewClosed(t))
			continue
		}
		f, openErr := mem.OpenFile(t, pathOf(sc, decl, real[i]), decl.Mode)
		if err = openErr; err != nil {
			err = fmt.Errorf("file %s: %w", decl.Name, err)
			break
		}
		if decl.Hooks {
			f.GiveHooks()
		}
		if decl.Disk {
			f.TakeForDisk()
		}
		files = append(files, f)
	}
	if err = errors.Join(err, CloseFiles(real)); err != nil {
		for _, f := range files {
			_ = f.Put(t) // nothing was written
		}
		return nil, err
	}
	return files, nil
}

// CreateFiles opens or makes the scenario's files for the real kernel. Temporary ones have no name any more, so that nothing
// is left however the program ends. An entry that is no file is nil. On an error none is left open.
func CreateFiles(sc *workloads.Scenario) (files []*os.File, err error) {
	for _, decl := range sc.Files {
		var f *os.File
		switch {
		case decl.Again != nil:
			f, err = os.OpenFile(pathOf(sc, sc.Files[decl.Again.Index], files[decl.Again.Index]), decl.Mode, 0)
		case decl.Special == workloads.SpecialZero:
			f, err = os.OpenFile("/dev/zero", decl.Mode, 0)
		case decl.Special == workloads.SpecialPipe:
			f, err = createPipe()
		case decl.Special == workloads.SpecialClosed:
			files = append(files, nil)
			continue
		case decl.Memory:
			f, err = createMemory(decl)
		case decl.Temporary():
			f, err = createTemp(decl)
		default:
			f, err = os.OpenFile(sc.ResolvePath(decl), decl.Mode, 0)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("file %s: %w", decl.Name, err), CloseFiles(files))
		}
		files = append(files, f)
	}
	return files, nil
}

// CloseFiles closes files.
func CloseFiles(files []*os.File) error {
	var errs []error
	for _, f := range files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// pathOf is by what name an open file can be opened once more.
func pathOf(sc *workloads.Scenario, decl *workloads.File, f *os.File) string {
	if decl.Path != "" {
		return sc.ResolvePath(decl)
	}
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

func createTemp(decl *workloads.File) (*os.File, error) {
	f, err := os.CreateTemp("", "vmasim-"+decl.Name+"-")
	if err != nil {
		return nil, err
	}
	return fillFile(f, decl, os.Remove(f.Name()))
}

func createMemory(decl *workloads.File) (*os.File, error) {
	flags := unix.MFD_CLOEXEC
	if decl.Sealed {
		flags |= unix.MFD_ALLOW_SEALING
	}
	fd, err := unix.MemfdCreate("vmasim-"+decl.Name, flags)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f, err := fillFile(os.NewFile(uintptr(fd), decl.Name), decl, nil)
	if err != nil || !decl.Sealed {
		return f, err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
		return nil, errors.Join(fmt.Errorf("F_ADD_SEALS: %w", err), f.Close())
	}
	return f, nil
}

// createPipe makes a pipe without a writer.
func createPipe() (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	return read, write.Close()
}

// fillFile gives a new file its contents, unless err says that it is of no use.
func fillFile(f *os.File, decl *workloads.File, err error) (*os.File, error) {
	if err == nil {
		err = f.Truncate(int64(decl.Size))
	}
	if err == nil && decl.Pattern {
		err = writePattern(f, decl.Size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// writePattern fills size bytes with the pattern. It writes page by page: larger writes make larger folios, which a kernel maps as a
// whole when one of their pages is touched.
func writePattern(w io.Writer, size uint64) error {
	var page [linux.PageSize]byte
	for offset := uint64(0); offset < size; offset += linux.PageSize {
		fillPattern(page[:], offset)
		if _, err := w.Write(page[:min(linux.PageSize, size-offset)]); err != nil {
			return err
		}
	}
	return nil
}
