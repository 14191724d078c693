// Package lkmm says which outcomes the kernel's memory model allows a small program: the judge of the explorer's weak memory. It is written from
// the model's definition (tools/memory-model of the kernel: linux-kernel.cat and explanation.txt), for marked accesses and barriers
// without locks, RCU and dependencies, and it enumerates all that the definition leaves open, so programs are to be small.
package lkmm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Op is what an instruction does.
type Op string

// The operations.
const (
	Read    Op = "R"    // READ_ONCE
	Acquire Op = "Racq" // smp_load_acquire
	Write   Op = "W"    // WRITE_ONCE
	Release Op = "Wrel" // smp_store_release
	Xchg    Op = "xchg"
	MB      Op = "mb"  // smp_mb
	WMB     Op = "wmb" // smp_wmb
	RMB     Op = "rmb" // smp_rmb
)

// Instr is an instruction.
type Instr struct {
	Op    Op
	Var   string // "" of a barrier
	Value uint64 // that is stored
}

// Program is what its tasks do, one after the other. Variables are 0 at first.
type Program [][]Instr

// Parse reads a program: tasks are separated by "|", instructions by ";", as in
//
//	W x 1; wmb; W y 1 | Racq y; R x
func Parse(text string) (Program, error) {
	var p Program
	for _, thread := range strings.Split(text, "|") {
		var body []Instr
		for _, word := range strings.Split(thread, ";") {
			i, err := parseInstr(strings.Fields(word))
			if err != nil {
				return nil, fmt.Errorf("%q: %w", strings.TrimSpace(word), err)
			}
			body = append(body, i)
		}
		p = append(p, body)
	}
	return p, nil
}

func parseInstr(f []string) (i Instr, err error) {
	words := map[Op]int{Read: 2, Acquire: 2, Write: 3, Release: 3, Xchg: 3, MB: 1, WMB: 1, RMB: 1}
	if len(f) == 0 || words[Op(f[0])] != len(f) {
		return i, fmt.Errorf("no instruction, expected one as in R x, Racq x, W x 1, Wrel x 1, xchg x 1, mb, wmb, rmb")
	}
	i.Op = Op(f[0])
	if len(f) > 1 {
		i.Var = f[1]
	}
	if len(f) > 2 {
		i.Value, err = strconv.ParseUint(f[2], 10, 64)
	}
	return i, err
}

func (p Program) String() string {
	threads := make([]string, len(p))
	for t, body := range p {
		words := make([]string, len(body))
		for k, i := range body {
			words[k] = string(i.Op)
			if i.Var != "" {
				words[k] += " " + i.Var
			}
			if i.stores() {
				words[k] += fmt.Sprint(" ", i.Value)
			}
		}
		threads[t] = strings.Join(words, "; ")
	}
	return strings.Join(threads, " | ")
}

func (i Instr) stores() bool { return i.Op == Write || i.Op == Release || i.Op == Xchg }

// Vars returns the variables, in the order in which they are named.
func (p Program) Vars() []string {
	var all []string
	seen := map[string]bool{}
	for _, body := range p {
		for _, i := range body {
			if i.Var != "" && !seen[i.Var] {
				seen[i.Var] = true
				all = append(all, i.Var)
			}
		}
	}
	return all
}

// Outcome words what the reads of each task have seen, in order, and what the variables are in the end, as in "0:0=1 1:0=0 x=1".
func Outcome(reads [][]uint64, vars []string, final []uint64) string {
	var words []string
	for t, all := range reads {
		for k, v := range all {
			words = append(words, fmt.Sprintf("%d:%d=%d", t, k, v))
		}
	}
	for k, name := range vars {
		words = append(words, fmt.Sprintf("%s=%d", name, final[k]))
	}
	return strings.Join(words, " ")
}

// Holds reports whether an outcome is one that is asked for: it has all its words.
func Holds(outcome, asked string) bool {
	have := strings.Fields(outcome)
	for _, word := range strings.Fields(asked) {
		if !slices.Contains(have, word) {
			return false
		}
	}
	return true
}
