package workloads

import (
	"errors"
	"strconv"

	"vmasim/internal/linux"
)

func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }

func (c *cursor) newExpr(e Expr) *Expr {
	made := c.exprs.get()
	*made = e
	return made
}

const exprHint = "an address, a size or a number"

// expr reads a sum of products, folding constants.
func (c *cursor) expr() *Expr {
	x := c.product()
	for {
		t := c.peek()
		switch {
		case c.accept("+"):
			x = c.fold(t, ExprAdd, x, c.product())
		case c.accept("-"):
			x = c.fold(t, ExprSub, x, c.product())
		default:
			return x
		}
	}
}

func (c *cursor) product() *Expr {
	x := c.operand()
	for {
		t := c.peek()
		if !c.accept("*") {
			return x
		}
		x = c.fold(t, ExprMul, x, c.operand())
	}
}

// fold combines two operands; t is the operator between them.
func (c *cursor) fold(t token, op ExprOp, x, y *Expr) *Expr {
	if !x.isConst() || !y.isConst() {
		return c.newExpr(Expr{Pos: x.Pos, Op: op, X: x, Y: y})
	}
	v, ok := apply(op, x.Value, y.Value)
	switch {
	case !ok && op == ExprSub:
		c.fail(c.posOf(t), "%v - %v is negative, expected %s", x, y, exprHint)
	case !ok:
		c.fail(c.posOf(t), "%v %s %v overflows 64 bits, expected %s", x, t.text, y, exprHint)
	}
	return c.newExpr(Expr{Pos: x.Pos, Op: ExprConst, Value: v, Hex: x.Hex || y.Hex})
}

func (c *cursor) operand() *Expr {
	t := c.peek()
	pos := c.posOf(t)
	switch {
	case t.kind == tokNumber:
		n, hex := c.size()
		return c.newExpr(Expr{Pos: pos, Op: ExprConst, Value: n, Hex: hex})
	case t.kind == tokName && generatorByName(t.text) >= 0:
		return c.draw()
	case t.kind == tokName && reserved(t.text):
		c.unexpected(t, exprHint)
		return c.newExpr(Expr{Pos: pos})
	case t.kind == tokName:
		return c.region()
	case c.accept("$"):
		if !c.acceptWord("i") {
			c.unexpected(c.peek(), "$i, which copy of its thread the task is")
		}
		return c.newExpr(Expr{Pos: pos, Op: ExprIndex})
	case c.accept("("):
		return c.bracket(pos)
	}
	c.badNumber(t, exprHint, nil)
	return c.newExpr(Expr{Pos: pos})
}

// bracket reads on behind an opening one.
func (c *cursor) bracket(open Pos) *Expr {
	if c.depth++; c.depth > maxDepth {
		c.fail(open, "brackets nest deeper than %d, expected fewer", maxDepth)
		return c.newExpr(Expr{Pos: open})
	}
	x := c.expr()
	c.depth--
	c.expect(")", `")"`)
	return x
}

// region reads A, A.end or A.size.
func (c *cursor) region() *Expr {
	t := c.next()
	e := c.newExpr(Expr{Pos: c.posOf(t), Op: ExprBase, Region: Ref{Pos: c.posOf(t), Name: t.text}})
	if c.accept(".") {
		switch t := c.next(); {
		case t.kind == tokName && t.text == "end":
			e.Op = ExprEnd
		case t.kind == tokName && t.text == "size":
			e.Op = ExprSize
		default:
			c.unexpected(t, "end or size behind the dot")
		}
	}
	return e
}

// draw reads a call of an address generator.
func (c *cursor) draw() *Expr {
	t := c.next()
	e := c.newExpr(Expr{Pos: c.posOf(t), Op: ExprDraw, Draw: Draw{Kind: generatorByName(t.text)}})
	usage := generatorSpecs[e.Draw.Kind].Usage
	c.expect("(", usage)
	e.Region = c.name("region")
	switch e.Draw.Kind {
	case DrawStrided:
		c.expect(",", usage)
		e.Draw.Stride = c.stride()
	case DrawZipf:
		e.Draw.Skew = DefaultSkew
		if c.accept(",") {
			e.Draw.Skew = c.skew()
		}
	}
	c.expect(")", usage)
	return e
}

func (c *cursor) stride() uint64 {
	pos := c.pos()
	n, _ := c.size()
	if n == 0 || n%linux.PageSize != 0 {
		c.fail(pos, "bad step, expected a positive multiple of 4K")
	}
	return n
}

func (c *cursor) skew() float64 {
	t := c.next()
	s, err := strconv.ParseFloat(t.text, 64)
	if t.kind != tokNumber || err != nil || s <= 1 || s > MaxSkew {
		c.fail(c.posOf(t), "bad skew %v, expected a number above 1 and up to %g", t, MaxSkew)
	}
	return s
}

// results reads the alternatives behind "=>".
func (c *cursor) results() *Expect {
	x := &Expect{Results: []Result{c.result()}}
	for c.accept("|") {
		x.Results = append(x.Results, c.result())
	}
	return x
}

func (c *cursor) result() Result {
	t := c.peek()
	r := Result{Pos: c.posOf(t)}
	if t.kind == tokEnd {
		c.unexpected(t, "a result such as ok, any, EINVAL, SEGV or a number")
		return r
	}
	if t.kind == tokName {
		if w, ok := wordByName(resultWords, t.text); ok {
			c.next()
			r.Kind = ResultKind(w.Value)
			return r
		}
		if errno, ok := errnoByName(t.text); ok {
			c.next()
			r.Kind, r.Errno = ResultErrno, errno
			return r
		}
	}
	r.Kind, r.Value = ResultValue, c.expr()
	return r
}
