package actor

import (
	"errors"

	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/workloads"
)

// Call is a statement with its operands evaluated: what a system call or an access gets.
type Call struct {
	Kind            workloads.Kind
	Addr, Len       uint64
	NewLen, NewAddr uint64 // mremap
	Offset          uint64 // mmap
	Value           uint64 // store, poke: the word; setrlimit: the limit; remap_file_pages: the page offset; prctl: the argument
	Prot            int
	Flags           int
	Advice          int
	Resource        int // setrlimit: linux.RLIMIT_
	Option          int // prctl: linux.PR_SET_
	File            int // mmap: index of the file; -1: none
	Access          workloads.Access
	Pages           bool // touch: every page of the range, not one
}

// NewCall evaluates the operands of a statement in env. An error tells why it cannot be run.
func NewCall(s *workloads.Stmt, env *workloads.Env) (Call, error) {
	c := Call{Kind: s.Kind, Prot: int(s.Prot), Flags: s.Flags, Advice: s.Advice, Resource: s.Limit, Option: s.Option, Access: s.Access, File: -1}
	var errs [6]error
	c.Addr, errs[0] = optional(s.Addr, env)
	c.Len, errs[1] = optional(s.Size, env)
	c.NewLen, errs[2] = optional(s.NewSize, env)
	c.NewAddr, errs[3] = optional(s.To, env)
	c.Value, errs[4] = optional(s.Value, env)
	c.Offset, errs[5] = optional(s.Backing.Offset, env)
	switch s.Kind {
	case workloads.KindMmap:
		c.backing(&s.Backing)
	case workloads.KindTouch:
		c.Pages = s.Size != nil
	case workloads.KindSetrlimit:
		if c.Value = c.Len; s.Size == nil {
			c.Value = mm.Infinity
		}
	default:
		if s.Size == nil && s.Addr != nil && s.Addr.Op == workloads.ExprBase {
			c.Len = env.Regions[s.Addr.Region.Index].Size
		}
	}
	err := errors.Join(errs[:]...)
	if err == nil && c.ofWord() && c.Addr%8 != 0 {
		err = errUnaligned
	}
	return c, err
}

// ofWord reports whether the call reads or writes an 8-byte word.
func (c *Call) ofWord() bool {
	switch c.Kind {
	case workloads.KindLoad, workloads.KindStore, workloads.KindPeek, workloads.KindPoke:
		return true
	}
	return false
}

func (c *Call) backing(b *workloads.Backing) {
	c.Flags |= int(b.Sharing)
	if b.File == nil {
		c.Flags |= linux.MAP_ANONYMOUS
	} else {
		c.File = b.File.Index
	}
}

// Bind gives a statement's region the range that its call has made, at addr.
func (c *Call) Bind(s *workloads.Stmt, env *workloads.Env, addr uint64) {
	if s.Region == nil {
		return
	}
	size := c.Len
	if c.Kind == workloads.KindMremap {
		size = c.NewLen
	}
	env.Regions[s.Region.Index] = workloads.Region{Base: addr, Size: roundUp(size)}
}
