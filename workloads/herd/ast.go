// Package herd reads litmus tests as the kernel's tools/memory-model has them, in the C dialect of the tool herd7, and runs them on this project's cells
// with the explorer: threads of loads, stores, barriers, atomics, spinlocks and RCU, and a question about the states that they may end in.
package herd

import "fmt"

// Test is a litmus test.
type Test struct {
	Name    string
	Result  string // Never, Sometimes or Always, where a comment states it; "" where none does
	Init    []Init
	Threads []Thread
	Ask     Quantifier
	Cond    *Cond // nil: true
	Filter  *Cond // executions that do not meet it do not count; nil: all do
	Show    []Loc // that a state tells besides those of the conditions
	Plain   bool  // it has plain accesses
}

// Quantifier is what is asked of the states.
type Quantifier string

// The quantifiers.
const (
	Exists    Quantifier = "exists"
	NotExists Quantifier = "~exists"
	Forall    Quantifier = "forall"
)

// Init is what a variable, or a register of a thread, is at first.
type Init struct {
	Thread int // -1: it is a variable
	Var    string
	Value  int64
	Points string // to this variable; "": it is a number
}

// Thread is what a task does.
type Thread struct {
	Params []string
	Body   []Stmt
}

// Stmt is a statement.
type Stmt struct {
	Pos  Pos
	Reg  string // that is assigned to; "": none is
	Expr Expr   // that is evaluated
	Cond Expr   // of an if; nil: it is none
	Then []Stmt
	Else []Stmt
}

// Expr is an expression.
type Expr interface{}

type (
	// Num is a number.
	Num int64
	// Name is a register, or a parameter, which is the address of a variable.
	Name string
	// AddrOf is &NAME.
	AddrOf string
	// Unary is an operator with an operand: ! or -.
	Unary struct {
		Op string
		X  Expr
	}
	// Binary is an operator with two.
	Binary struct {
		Op   string
		X, Y Expr
	}
	// Call is an access, a barrier, or another of the kernel's functions. An argument *x is given as x: each is an address.
	Call struct {
		Pos  Pos
		Func string
		Args []Expr
	}
)

// Loc is a register of a thread, or a variable.
type Loc struct {
	Thread int // -1: it is a variable
	Name   string
}

func (l Loc) String() string {
	if l.Thread < 0 {
		return l.Name
	}
	return fmt.Sprintf("%d:%s", l.Thread, l.Name)
}

// Cond is a condition on a state.
type Cond struct {
	Op     string // "and", "or", "not", "=", "!=", "true"
	Of     []*Cond
	Loc    Loc
	Value  int64
	Points string // the value is the address of this variable; "": it is Value
	Other  *Loc   // the value is that of another place; nil: it is one of these
}

// Pos is a place in a file.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Error says what is wrong with a test, and where.
type Error struct {
	Pos Pos
	Msg string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Pos, e.Msg) }
