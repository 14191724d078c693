package interp

import (
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
	File            int // mmap: index of the file; -1: none. Of accesses 0
	Access          linux.Access
	Pages           bool // touch: every page of the range, not one
	MM              int  // bpf_find_vma: index of the address space
}

// NewCall evaluates the operands of a statement in env. An error tells why it cannot be run: that of the first operand which has no value.
func NewCall(s *workloads.Stmt, env *workloads.Env) (c Call, err error) {
	err = c.evaluate(s, env)
	return c, err
}

// evaluate is NewCall for a call that is zero.
func (c *Call) evaluate(s *workloads.Stmt, env *workloads.Env) (err error) {
	c.Kind, c.Access = s.Kind, s.Access
	if s.Addr != nil {
		if c.Addr, err = s.Addr.Eval(env); err != nil {
			return err
		}
	}
	if s.Kind == workloads.KindTouch && s.Size == nil {
		c.Len = 1
		return nil
	}
	if c.ofWord() && c.Addr%8 != 0 {
		return errUnaligned
	}
	if s.Size != nil {
		if c.Len, err = s.Size.Eval(env); err != nil {
			return err
		}
	}
	if s.Value != nil {
		if c.Value, err = s.Value.Eval(env); err != nil {
			return err
		}
	}
	if s.Kind == workloads.KindTouch {
		c.Pages = true
		return nil
	}
	if s.Size == nil && s.Addr != nil && s.Addr.Op == workloads.ExprBase {
		c.Len = env.Regions[s.Addr.Region.Index].Size
	}
	return c.evaluateRest(s, env)
}

// evaluateRest evaluates what only system calls have.
func (c *Call) evaluateRest(s *workloads.Stmt, env *workloads.Env) (err error) {
	c.Prot, c.Flags, c.Advice, c.Resource, c.Option, c.File = int(s.Prot), s.Flags, s.Advice, s.Limit, s.Option, -1
	if c.NewLen, err = optional(s.NewSize, env); err != nil {
		return err
	}
	if c.NewAddr, err = optional(s.To, env); err != nil {
		return err
	}
	if c.Offset, err = optional(s.Backing.Offset, env); err != nil {
		return err
	}
	switch s.Kind {
	case workloads.KindFindVMAOf:
		c.MM = s.MM.Index
	case workloads.KindPRead:
		c.File = s.Backing.File.Index
	case workloads.KindMmap:
		c.backing(&s.Backing)
	case workloads.KindSetrlimit:
		if c.Value = c.Len; s.Size == nil {
			c.Value = mm.Infinity
		}
	}
	return nil
}

// ofWord reports whether the call reads or writes an 8-byte word.
func (c *Call) ofWord() bool {
	switch c.Kind {
	case workloads.KindLoad, workloads.KindStore, workloads.KindPeek, workloads.KindPoke, workloads.KindWalk, workloads.KindUprobe, workloads.KindPRead,
		workloads.KindEachVMA:
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
