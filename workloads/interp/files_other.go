//go:build !linux

package interp

import (
	"fmt"

	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// OpenFiles opens the scenario's files for the simulator. Those with a path are the machine's; temporary ones and those of memory have
// their bytes in memory, as a browser has no files. The caller holds a reference on each, so that it sees the errors of writing them
// back. On an error none is left open.
func OpenFiles(t *task.Task, mem *phys.Memory, sc *workloads.Scenario) (files []*phys.File, err error) {
	for _, decl := range sc.Files {
		var f *phys.File
		switch {
		case decl.Again != nil:
			f = files[decl.Again.Index].Again(t, decl.Mode)
		case decl.Special == workloads.SpecialZero:
			f = mem.NewZero(t, decl.Mode)
		case decl.Special == workloads.SpecialPipe:
			f = mem.NewPipe(t, decl.Mode)
		case decl.Special == workloads.SpecialClosed:
			f = mem.NewClosed(t)
		case decl.Memory || decl.Temporary():
			of := phys.MemoryFile{Name: "vmasim-" + decl.Name, Size: decl.Size, Tmpfs: decl.Memory, Sealed: decl.Sealed}
			if decl.Pattern {
				of.Fill = fillPattern
			}
			f = mem.NewFile(t, of, decl.Mode)
		default:
			f, err = mem.OpenFile(t, sc.ResolvePath(decl), decl.Mode)
		}
		if err != nil {
			for _, f := range files {
				_ = f.Put(t) // nothing was written
			}
			return nil, fmt.Errorf("file %s: %w", decl.Name, err)
		}
		if decl.Hooks {
			f.GiveHooks()
		}
		files = append(files, f)
	}
	return files, nil
}
