package seqmodel_test

import (
	"bytes"
	"fmt"
	"strings"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/seqtest"
)

// compare checks layout, pages and now and then flags of one address space.
func (w *world) compare(proc int) error {
	m, a := w.models[proc], w.agents[proc]
	real, err := a.Areas()
	if err != nil {
		return err
	}
	ranges := m.Maps()
	if err := w.compareLayout(real, ranges); err != nil {
		return fmt.Errorf("process %d: %w\nkernel:\n%smodel:\n%s", proc, err, drawHost(real), drawModel(ranges))
	}
	if err := w.comparePages(m, a); err != nil {
		return fmt.Errorf("process %d: %w\nmodel:\n%s", proc, err, drawModel(ranges))
	}
	if w.sh.smaps == 0 || w.ops%w.sh.smaps != 0 {
		return nil
	}
	areas, err := a.Flags()
	if err != nil {
		return err
	}
	for i, r := range ranges {
		for name, want := range map[string]bool{
			"ac": r.Account, "nr": r.NoReserve, "nh": r.NoHugePage, "ms": r.Shared,
			"sh": r.Shared && r.File.Writable(), "mw": !r.Shared || r.File.Writable(),
		} {
			if flags := areas[i].Flags; flags.Has(name) != want {
				return fmt.Errorf("process %d: %#x: kernel flags %q, model has %s=%v", proc, r.Start, flags, name, want)
			}
		}
	}
	return nil
}

func (w *world) compareLayout(real []host.Area, ranges []seqmodel.Range) error {
	if len(real) != len(ranges) {
		return fmt.Errorf("%d areas, model %d", len(real), len(ranges))
	}
	for i, r := range ranges {
		got := real[i]
		same := got.Start == r.Start && got.End == r.End && got.Prot == r.Prot && got.Shared == r.Shared
		if r.File == nil {
			same = same && got.Inode == 0
		} else {
			same = same && got.Offset == r.Pgoff<<linux.PageShift && got.Inode == w.inodeOf(r.File, got.Inode)
		}
		if !same {
			return fmt.Errorf("area %d differs", i)
		}
	}
	return nil
}

// inodeOf returns the inode number that mappings of f must show; that of a
// shared anonymous object is learnt when first seen.
func (w *world) inodeOf(f *seqmodel.File, seen uint64) uint64 {
	for i, file := range w.files {
		if file == f {
			return w.b.inodes[w.b.files[i].inode]
		}
	}
	if _, known := w.objects[f]; !known {
		for _, other := range w.objects {
			if other == seen {
				return 0 // belongs to another object
			}
		}
		w.objects[f] = seen
	}
	return w.objects[f]
}

func (w *world) comparePages(m *seqmodel.Model, a *agent) error {
	cfg := m.Config()
	if w.sh.pages > 256 && w.ops%16 != 0 {
		return nil
	}
	entries, err := a.Pages(cfg.Base, w.sh.pages)
	if err != nil {
		return err
	}
	zero, known := w.b.lab.ZeroFrame()
	for i, entry := range entries {
		addr := cfg.Base + uint64(i)*linux.PageSize
		present, isFile := entry.Present(), entry.File()
		if m.Present(addr) != present && !(present && isFile) { // fault-around
			return fmt.Errorf("page %#x: kernel present=%v, model %v", addr, present, m.Present(addr))
		}
		private := present && !isFile && !(zero != 0 && entry.Frame() == zero)
		if known && m.Private(addr) != private {
			return fmt.Errorf("page %#x: kernel private=%v, model %v", addr, private, m.Private(addr))
		}
	}
	return nil
}

// compareContents loads a byte of every page in every address space, then
// compares the files.
func (w *world) compareContents() error {
	for _, proc := range w.alive() {
		for _, r := range w.models[proc].Maps() {
			for addr := r.Start; addr < min(r.End, r.Start+16*linux.PageSize); addr += linux.PageSize {
				for _, at := range []uint64{addr, addr + 104} {
					load := &workloads.Stmt{Kind: workloads.KindLoad, Addr: workloads.Constant(at)}
					if err := w.do(seqtest.Step{Space: proc, Stmt: load}); err != nil {
						return fmt.Errorf("at the end, process %d, load %#x: %w", proc, at, err)
					}
				}
			}
		}
	}
	for _, i := range []int{0, 4} {
		want := w.files[i].Inode.Contents()
		got := make([]byte, len(want))
		if _, err := w.b.files[i].file.ReadAt(got, 0); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("file %d differs at the end", i)
		}
	}
	return nil
}

func drawHost(real []host.Area) string {
	var s strings.Builder
	for _, r := range real {
		fmt.Fprintf(&s, "  %v\n", r)
	}
	return s.String()
}

func drawModel(ranges []seqmodel.Range) string {
	var s strings.Builder
	for _, r := range ranges {
		fmt.Fprintf(&s, "  %x-%x %s shared=%v pgoff=%#x file=%p account=%v noreserve=%v anon_vma=%d inherited=%v\n",
			r.Start, r.End, workloads.Prot(r.Prot), r.Shared, r.Pgoff, r.File, r.Account, r.NoReserve, r.AnonVMA, r.Inherited)
	}
	return s.String()
}
