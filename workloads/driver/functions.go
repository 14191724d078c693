package driver

import (
	_ "embed"
	"runtime"
	"slices"
	"strings"
)

// functionsText has a line for each function of this project that enters one of the kernel: its package and name, and the kernel's name.
// TestFunctions makes it from the calls of Task.Enter.
//
//go:embed functions.txt
var functionsText string

// lockPackage is the package whose functions take locks and give them back, for those that hold them meanwhile.
const lockPackage = "vma."

// frame is a function of the kernel on a stack.
type frame struct {
	name  string
	locks bool // it is part of a lock
}

// chain are functions of the kernel, innermost first.
type chain []frame

func (c chain) names() (names []string) {
	for _, f := range c {
		names = append(names, f.name)
	}
	return names
}

// holding returns the functions from the one on that held the lock which the innermost ones give back.
func (c chain) holding() []string {
	i := slices.IndexFunc(c, func(f frame) bool { return !f.locks })
	return c[max(i, 0):].names()
}

// kernelNames returns what the functions of this project are called in the kernel.
func kernelNames() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(functionsText) {
		ours, kernels, _ := strings.Cut(strings.TrimSpace(line), " ")
		names[ours] = kernels
	}
	return names
}

// names returns the functions of the kernel on each stack, by its number; that of noStack has none.
func (st *stackTable) names() (chains []chain) {
	st.mu.Lock()
	defer st.mu.Unlock()
	chains = append(chains, nil)
	for i := range st.all {
		chains = append(chains, st.chain(uint32(i+1)))
	}
	return chains
}

// chain returns the functions of the kernel on a stack. The caller holds st.mu.
func (st *stackTable) chain(n uint32) chain {
	if st.kernel == nil {
		st.kernel = kernelNames()
	}
	return chainOf(st.all[n-1][:], st.kernel)
}

// holding returns the function that held what the task on the stack gave back.
func (st *stackTable) holding(n uint32) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.held == nil {
		st.held = map[uint32]string{}
	}
	name, known := st.held[n]
	if !known {
		if held := st.chain(n).holding(); len(held) > 0 {
			name = held[0]
		}
		st.held[n] = name
	}
	return name
}

func chainOf(pcs []uintptr, kernel map[string]string) (c chain) {
	if n := slices.Index(pcs, 0); n >= 0 {
		pcs = pcs[:n]
	}
	frames := runtime.CallersFrames(pcs)
	for more := len(pcs) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		ours := functionName(f.Function)
		if name := kernel[ours]; name != "" {
			c = append(c, frame{name, strings.HasPrefix(ours, lockPackage)})
		}
	}
	return c
}

// functionName returns a function's package and name as functions.txt has them, of one within a function those of the outer one.
func functionName(function string) string {
	name := function[strings.LastIndexByte(function, '/')+1:]
	for _, inner := range []string{".func", ".gowrap", ".deferwrap", "["} {
		name, _, _ = strings.Cut(name, inner)
	}
	return name
}
