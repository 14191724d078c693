// Package seqtest lets the sequential model perform what statements say, for tests that hold it against another side: the simulator, or a
// kernel. A [workloads.Generator] draws the statements out of the model's layout, of which [Spaces.Next] takes those that the model knows,
// both sides perform them, and the outcomes are compared.
package seqtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// MaxSpaces is how many address spaces there are at once.
const MaxSpaces = 5

// kinds are the statements that the model knows, but for fork, exit and touch, which not every other side does.
var kinds = []workloads.Kind{
	workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise, workloads.KindLoad, workloads.KindStore,
}

// NewGenerator returns a generator of what the model knows, and of more kinds, for so many files. One file more is none: a bad descriptor.
func NewGenerator(seed uint64, files int, more ...workloads.Kind) *workloads.Generator {
	sc := &workloads.Scenario{}
	for i := range MaxSpaces {
		sc.MMs = append(sc.MMs, &workloads.MM{Name: fmt.Sprintf("mm%d", i)})
	}
	for i := range files {
		sc.Files = append(sc.Files, &workloads.File{Name: fmt.Sprintf("f%d", i)})
	}
	sc.Files = append(sc.Files, &workloads.File{Name: "none", Special: workloads.SpecialClosed})
	return workloads.NewGenerator(sc, rand.New(rand.NewPCG(seed, 0)), slices.Concat(kinds, more)...)
}

// Step is a statement, and the number of the address space that it is for.
type Step struct {
	Space int
	Stmt  *workloads.Stmt
}

func (s Step) String() string { return fmt.Sprintf("[%d] %v", s.Space, s.Stmt) }

// Call returns the call that the statement makes. Its operands are constants.
func (s Step) Call() interp.Call {
	c, err := interp.NewCall(s.Stmt, nil)
	if err != nil {
		panic(err)
	}
	return c
}

// Spaces are models of address spaces by their number; nil: there is none.
type Spaces [MaxSpaces]*seqmodel.Model

// Next draws a step for an address space that exists.
func (s *Spaces) Next(g *workloads.Generator) Step {
	i := g.IntN(MaxSpaces)
	for s[i] == nil {
		i = g.IntN(MaxSpaces)
	}
	v := view{s, s[i], s[i].Maps()}
	for {
		step := Step{i, g.Next(v)}
		if k := step.Stmt.Kind; k == workloads.KindFork || k == workloads.KindExit {
			return step
		}
		if c := step.Call(); knows(s[i], &c) {
			return step
		}
	}
}

// HeapOf is where the heap of an address space begins, in the middle of its window.
func HeapOf(m *seqmodel.Model) uint64 {
	return m.Config().Base + (m.Config().MmapBase-m.Config().Base)/2&^linux.PageMask
}

// knows reports whether the model has what a call asks for. All that it maps lies in its window.
func knows(m *seqmodel.Model, c *interp.Call) bool {
	switch c.Kind {
	case workloads.KindMmap:
		return seqmodel.KnowsMapping(c.Flags)
	case workloads.KindMadvise:
		return seqmodel.KnowsAdvice(c.Advice)
	case workloads.KindLoad, workloads.KindStore, workloads.KindTouch:
		return c.Addr >= m.Config().Base && c.Addr < m.Config().MmapBase
	}
	return true
}

// view shows a model to a generator.
type view struct {
	spaces *Spaces
	model  *seqmodel.Model
	maps   []seqmodel.Range
}

func (v view) Window() (base, end uint64) { return v.model.Config().Base, v.model.Config().MmapBase }
func (v view) Heap() uint64               { return HeapOf(v.model) }
func (v view) Areas() int                 { return len(v.maps) }
func (v view) Exists(mm int) bool         { return v.spaces[mm] != nil }

func (v view) Area(i int) workloads.Mapping {
	r := &v.maps[i]
	return workloads.Mapping{Start: r.Start, End: r.End, Prot: workloads.Prot(r.Prot), Shared: r.Shared}
}

// Apply has the model make a call other than fork and exit. A file that is nil is a bad descriptor.
func Apply(m *seqmodel.Model, c *interp.Call, files []*seqmodel.File) workloads.Outcome {
	switch c.Kind {
	case workloads.KindMmap:
		var f *seqmodel.File
		if c.File >= 0 && c.File < len(files) {
			f = files[c.File]
		}
		return outcome(m.Mmap(c.Addr, c.Len, c.Prot, c.Flags, f, c.Offset))
	case workloads.KindMunmap:
		return outcome(0, m.Munmap(c.Addr, c.Len))
	case workloads.KindMprotect:
		return outcome(0, m.Mprotect(c.Addr, c.Len, c.Prot))
	case workloads.KindMadvise:
		return outcome(0, m.Madvise(c.Addr, c.Len, c.Advice))
	case workloads.KindTouch:
		return workloads.AccessOutcome(m.Touch(c.Addr, c.Access))
	case workloads.KindLoad:
		return load(m, c.Addr)
	case workloads.KindStore:
		return store(m, c.Addr, c.Value)
	}
	panic(fmt.Sprintf("the model knows no %v", c.Kind))
}

func outcome(value uint64, err error) workloads.Outcome {
	var errno linux.Errno
	if errors.As(err, &errno) {
		return interp.Failure(errno)
	}
	return workloads.Outcome{Kind: workloads.ResultOK, Value: value}
}

// load reads a word, byte by byte.
func load(m *seqmodel.Model, addr uint64) (out workloads.Outcome) {
	for i := range uint64(8) {
		b, end := m.Load8(addr + i)
		if end != linux.OK {
			return workloads.AccessOutcome(end)
		}
		out.Value |= uint64(b) << (8 * i)
	}
	out.Kind = workloads.ResultOK
	return out
}

// store writes a word, byte by byte.
func store(m *seqmodel.Model, addr, word uint64) workloads.Outcome {
	for i := range uint64(8) {
		if end := m.Store8(addr+i, byte(word>>(8*i))); end != linux.OK {
			return workloads.AccessOutcome(end)
		}
	}
	return workloads.AccessOutcome(linux.OK)
}
