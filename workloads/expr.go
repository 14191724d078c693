package workloads

import (
	"errors"
	"math/bits"
)

// Errors of [Expr.Eval].
var (
	ErrUnbound  = errors.New("region is not mapped yet")
	ErrOverflow = errors.New("address arithmetic leaves 0..2^64-1")
)

// ExprOp is what a node of an expression does.
type ExprOp uint8

const (
	ExprConst ExprOp = iota // Value
	ExprBase                // A
	ExprEnd                 // A.end
	ExprSize                // A.size
	ExprIndex               // $i
	ExprAdd                 // X + Y
	ExprSub                 // X - Y
	ExprMul                 // X * Y
	ExprDraw                // random(A) and the like: Generator
)

// Expr is an address, a size or a value. Constants are folded.
type Expr struct {
	Pos    Pos
	Op     ExprOp
	Value  uint64 // ExprConst
	Hex    bool   // ExprConst: written as hexadecimal
	Region Ref    // ExprBase, ExprEnd, ExprSize, ExprDraw
	X, Y   *Expr
	Draw   Draw // ExprDraw
}

// Region is the range that an mmap has bound to a name. Size 0: not bound.
type Region struct {
	Base, Size uint64
}

// Env is what a task's expressions see. It belongs to one task.
type Env struct {
	Regions []Region // by [Ref.Index]
	Index   uint64   // $i: which copy of its thread the task is

	source source
	draws  []drawState // by Draw.Index
}

// NewEnv makes the environment of copy i of a block. shared are init's regions
// as init has bound them (nil for init itself). Equal seeds draw equally.
func (b *Block) NewEnv(seed uint64, i int, shared []Region) *Env {
	e := &Env{
		Regions: make([]Region, len(b.Regions)),
		Index:   uint64(i),
		source:  newSource(seed, b.stream, uint64(i)),
		draws:   make([]drawState, b.Generators),
	}
	copy(e.Regions, shared)
	return e
}

// Eval gives the expression's value, drawing from env's random numbers where
// it says so. It does not allocate. The error is [ErrUnbound] or [ErrOverflow].
func (e *Expr) Eval(env *Env) (uint64, error) {
	switch e.Op {
	case ExprConst:
		return e.Value, nil
	case ExprIndex:
		return env.Index, nil
	case ExprAdd, ExprSub, ExprMul:
		return e.combine(env)
	}
	r := &env.Regions[e.Region.Index]
	if r.Size == 0 {
		return 0, ErrUnbound
	}
	switch e.Op {
	case ExprBase:
		return r.Base, nil
	case ExprEnd:
		return r.Base + r.Size, nil
	case ExprSize:
		return r.Size, nil
	default: // ExprDraw
		return r.Base + env.draws[e.Draw.Index].next(&e.Draw, &env.source, r.Size), nil
	}
}

func (e *Expr) combine(env *Env) (uint64, error) {
	x, err := e.X.Eval(env)
	if err != nil {
		return 0, err
	}
	y, err := e.Y.Eval(env)
	if err != nil {
		return 0, err
	}
	v, ok := apply(e.Op, x, y)
	if !ok {
		return 0, ErrOverflow
	}
	return v, nil
}

func apply(op ExprOp, x, y uint64) (v uint64, ok bool) {
	var over uint64
	switch op {
	case ExprAdd:
		v, over = bits.Add64(x, y, 0)
	case ExprSub:
		v, over = bits.Sub64(x, y, 0)
	case ExprMul:
		over, v = bits.Mul64(x, y)
	}
	return v, over == 0
}

// isConst tells that the expression is folded to a number.
func (e *Expr) isConst() bool { return e.Op == ExprConst }

// visit calls f for the expression and all its parts.
func (e *Expr) visit(f func(*Expr)) {
	if e == nil {
		return
	}
	f(e)
	e.X.visit(f)
	e.Y.visit(f)
}
