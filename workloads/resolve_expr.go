package workloads

import "vmasim/internal/suggest"

// exprType tells addresses from plain numbers. A constant can be either.
type exprType uint8

const (
	typeConst exprType = iota
	typeNumber
	typeAddress
)

// want says what an expression is used for.
type want uint8

const (
	wantAddress  want = iota // may draw
	wantFixed                // an address that is the same each time
	wantSize                 // neither an address nor drawn
	wantAnything             // may draw
	wantValue                // any number that is the same each time
)

// expr resolves the regions of an expression and checks that it makes sense as
// what it is used for. nil is left alone.
func (r *resolver) expr(e *Expr, use want) {
	if e == nil {
		return
	}
	before := len(r.errs)
	e.visit(func(part *Expr) { r.part(part, use) })
	if len(r.errs) > before {
		return
	}
	if t := r.typeOf(e); t == typeAddress && use == wantSize && len(r.errs) == before {
		r.errs.addf(e.Pos, "%v is an address, expected %s", e, sizeHint)
	}
}

func (r *resolver) part(e *Expr, use want) {
	switch e.Op {
	case ExprDraw:
		if use != wantAddress && use != wantAnything {
			r.errs.addf(e.Pos, "%v draws anew each time, expected something fixed here", e)
		}
		e.Draw.Index = r.current.Generators
		r.current.Generators++
		r.region(&e.Region)
	case ExprBase, ExprEnd, ExprSize:
		r.region(&e.Region)
	}
}

// region resolves a region's name. One that is bound elsewhere deserves a
// better answer than that it is unknown.
func (r *resolver) region(ref *Ref) {
	index, known := r.scope.index[ref.Name]
	if ref.Index = index; known {
		return
	}
	if b, s := r.binding(ref.Name); b == r.current {
		r.errs.addf(ref.Pos, "region %q is bound only in line %d, expected its mmap above its use", ref.Name, s.Pos.Line)
		return
	} else if b != nil {
		r.errs.addf(ref.Pos, "region %q belongs to %s alone, expected one bound in init or above", ref.Name, b.Name)
		return
	}
	r.lookup(ref, r.scope.names, "region", "one that mmap NAME has bound before, in init or above")
}

// binding finds a statement that binds name, in the block being resolved first.
func (r *resolver) binding(name string) (*Block, *Stmt) {
	for _, b := range append([]*Block{r.current}, r.sc.Blocks()...) {
		if s := r.bindings(b)[name]; s != nil {
			return b, s
		}
	}
	return nil, nil
}

// bindings finds the first statement of a block that binds each name. Only a wrong name asks.
func (r *resolver) bindings(b *Block) map[string]*Stmt {
	if found := r.found[b]; found != nil {
		return found
	}
	found := map[string]*Stmt{}
	for s := range Statements(b.Body) {
		if s.Region != nil && found[s.Region.Name] == nil {
			found[s.Region.Name] = s
		}
	}
	r.found[b] = found
	return found
}

func (r *resolver) typeOf(e *Expr) exprType {
	switch e.Op {
	case ExprConst:
		return typeConst
	case ExprSize, ExprIndex:
		return typeNumber
	case ExprBase, ExprEnd, ExprDraw:
		return typeAddress
	}
	x, y := r.typeOf(e.X), r.typeOf(e.Y)
	xAddr, yAddr := x == typeAddress, y == typeAddress
	switch {
	case !xAddr && !yAddr:
		return typeNumber
	case e.Op == ExprSub && xAddr && yAddr:
		return typeNumber
	case e.Op == ExprSub && xAddr, e.Op == ExprAdd && xAddr != yAddr:
		return typeAddress
	}
	r.errs.addf(e.Pos, "%v is neither an address nor a size, expected an address and a size added", e)
	return typeNumber
}

func (r *resolver) area(a *Area) {
	r.expr(a.Start, wantFixed)
	r.expr(a.End, wantFixed)
	r.backing(&a.Backing)
	if a.Start.isConst() && a.End.isConst() && a.Start.Value >= a.End.Value {
		r.errs.addf(a.Pos, "%v..%v is empty, expected the end above the start", a.Start, a.End)
	}
}

// expect checks that what a statement states can come of it.
func (r *resolver) expect(x *Expect, s *Stmt) {
	if x == nil {
		return
	}
	spec := s.Spec()
	for i := range x.Results {
		res := &x.Results[i]
		switch {
		case r.isMisspelt(res):
			r.lookup(&res.Value.Region, append(resultNames(), r.scope.names...), "result", "ok, any, an errno, SEGV, SIGBUS or a value")
		case res.Kind == ResultAny && len(x.Results) > 1:
			r.errs.addf(res.Pos, "any includes all else, expected it alone")
		case spec.Results&res.kindGiven() == 0:
			r.errs.addf(res.Pos, "%v cannot give %v, expected %s", s.Kind, res, spec.Results)
		case res.Kind == ResultValue:
			r.expr(res.Value, wantValue)
		}
	}
}

// isMisspelt tells that a result is a lone unknown name: more likely an errno
// with a slip in it than a region.
func (r *resolver) isMisspelt(res *Result) bool {
	if res.Kind != ResultValue || res.Value.Op != ExprBase {
		return false
	}
	_, known := r.scope.index[res.Value.Region.Name]
	return !known
}

// kindGiven tells which statements can have the result.
func (r *Result) kindGiven() Results {
	switch r.Kind {
	case ResultErrno:
		return GivesErrno
	case ResultSegv, ResultSegvMaperr, ResultSegvAccerr, ResultSegvKernel, ResultSigbus:
		return GivesSignal
	case ResultValue:
		return GivesValue
	default:
		return GivesErrno | GivesSignal | GivesValue
	}
}

// String names the results for an error message.
func (g Results) String() string {
	words := []string{"ok", "any"}
	if g&GivesErrno != 0 {
		words = append(words, "an errno")
	}
	if g&GivesSignal != 0 {
		words = append(words, "SEGV", "SIGBUS")
	}
	if g&GivesValue != 0 {
		words = append(words, "a value")
	}
	return suggest.OrList(words)
}
