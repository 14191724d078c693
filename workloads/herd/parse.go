package herd

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// resultPattern matches the comment in which the kernel's tests state what is to be expected.
var resultPattern = regexp.MustCompile(`\* Result: (Never|Sometimes|Always)`)

// Parse reads a test. The error is an [*Error].
func Parse(file, text string) (t *Test, err error) {
	tokens, err := lex(file, text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, test: &Test{Ask: Exists}}
	defer func() {
		if e, ok := recover().(*Error); ok {
			t, err = nil, e
		} else if e != nil {
			panic(e)
		}
	}()
	p.header(text)
	if m := resultPattern.FindStringSubmatch(text); m != nil {
		p.test.Result = m[1]
	}
	p.inits()
	for isName(p.peek()) && strings.HasPrefix(p.peek(), "P") && p.peekAt(1) == "(" {
		p.thread()
	}
	if len(p.test.Threads) == 0 {
		p.fail("no thread, expected P0(int *x, ...) { ... }")
	}
	p.question()
	return p.test, nil
}

type parser struct {
	tokens []token
	at     int
	test   *Test
}

func (p *parser) peek() string { return p.tokens[p.at].text }

func (p *parser) peekAt(ahead int) string {
	return p.tokens[min(p.at+ahead, len(p.tokens)-1)].text
}

func (p *parser) pos() Pos { return p.tokens[p.at].pos }

func (p *parser) next() string {
	text := p.peek()
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return text
}

func (p *parser) fail(format string, args ...any) {
	panic(&Error{p.pos(), fmt.Sprintf(format, args...)})
}

func (p *parser) accept(text string) bool {
	if p.peek() != text {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("got %s, expected %q", shown(p.peek()), text)
	}
}

func shown(text string) string {
	if text == "" {
		return "the end of the file"
	}
	return strconv.Quote(text)
}

func (p *parser) name(what string) string {
	if !isName(p.peek()) {
		p.fail("got %s, expected %s", shown(p.peek()), what)
	}
	return p.next()
}

func (p *parser) number() int64 {
	n, err := strconv.ParseInt(p.peek(), 0, 64)
	if err != nil {
		p.fail("got %s, expected a number", shown(p.peek()))
	}
	p.next()
	return n
}

// header reads "C NAME". A name may have any sign in it but white space.
func (p *parser) header(text string) {
	if p.peek() != "C" {
		p.fail("got %s, expected a litmus test in C, which begins with: C NAME", shown(p.peek()))
	}
	line := p.pos().Line
	p.next()
	_, rest, _ := strings.Cut(strings.Split(text, "\n")[line-1], "C")
	if p.test.Name = strings.TrimSpace(rest); p.test.Name == "" || p.pos().Line != line {
		p.fail("no name, expected C NAME")
	}
	for p.peek() != "{" && p.peek() != "" { // what describes the test
		p.next()
	}
}

// inits reads { x=0; int *y=&x; 0:r0=1; }.
func (p *parser) inits() {
	p.expect("{")
	for !p.accept("}") {
		if p.accept(";") {
			continue
		}
		p.types()
		for p.accept("*") {
		}
		i := Init{Thread: -1}
		if _, err := strconv.Atoi(p.peek()); err == nil {
			i.Thread = int(p.number())
			p.expect(":")
		}
		i.Var = p.name("a variable")
		if p.accept("[") {
			p.fail("arrays are not supported, expected a plain variable")
		}
		if p.accept("=") {
			p.accept("ATOMIC_INIT")
			p.accept("(")
			switch {
			case p.accept("&"):
				i.Points = p.name("a variable")
			case isName(p.peek()):
				i.Points = p.next()
			default:
				i.Value = p.number()
			}
			p.accept(")")
		}
		p.test.Init = append(p.test.Init, i)
		if p.peek() != "}" {
			p.expect(";")
		}
	}
}

// typeWords begin a declaration.
var typeWords = []string{"int", "long", "unsigned", "signed", "char", "u32", "u64", "s64", "volatile", "const", "struct", "atomic_t", "atomic_long_t", "atomic64_t", "spinlock_t", "intptr_t", "uintptr_t"}

// types skips what declares a type, and reports whether there is something.
func (p *parser) types() (any bool) {
	for slices.Contains(typeWords, p.peek()) {
		if p.next() == "struct" {
			p.name("the name of a structure")
		}
		any = true
	}
	return any
}

func (p *parser) thread() {
	if want := fmt.Sprintf("P%d", len(p.test.Threads)); p.peek() != want {
		p.fail("got thread %s, expected %s", p.peek(), want)
	}
	p.next()
	p.expect("(")
	var th Thread
	for !p.accept(")") {
		for p.types() || p.accept("*") {
		}
		th.Params = append(th.Params, p.name("a parameter"))
		if p.peek() != ")" {
			p.expect(",")
		}
	}
	th.Body = p.block()
	p.test.Threads = append(p.test.Threads, th)
}

func (p *parser) block() (body []Stmt) {
	p.expect("{")
	for !p.accept("}") {
		body = append(body, p.statement()...)
	}
	return body
}

func (p *parser) statement() []Stmt {
	pos := p.pos()
	switch {
	case p.accept(";"):
		return nil
	case p.peek() == "{":
		return p.block()
	case p.accept("if"):
		p.expect("(")
		s := Stmt{Pos: pos, Cond: p.expr(0)}
		p.expect(")")
		s.Then = p.statement()
		if p.accept("else") {
			s.Else = p.statement()
		}
		return []Stmt{s}
	case p.peek() == "while" || p.peek() == "for" || p.peek() == "do" || p.peek() == "goto":
		p.fail("%s is not supported, expected straight code and if", p.peek())
	case slices.Contains(typeWords, p.peek()):
		return p.declaration()
	}
	s := Stmt{Pos: pos}
	if isName(p.peek()) && p.peekAt(1) == "=" {
		s.Reg = p.next()
		p.next()
	} else if p.peek() == "*" {
		s.Expr = p.plainStore()
		p.expect(";")
		return []Stmt{s}
	}
	s.Expr = p.expr(0)
	p.expect(";")
	return []Stmt{s}
}

// plainStore reads *x = VALUE.
func (p *parser) plainStore() Expr {
	pos := p.pos()
	p.expect("*")
	p.test.Plain = true
	to := p.operand()
	p.expect("=")
	return Call{Pos: pos, Func: "WRITE_ONCE", Args: []Expr{to, p.expr(0)}}
}

// declaration reads int r0; or int *r0 = READ_ONCE(*x);.
func (p *parser) declaration() (all []Stmt) {
	p.types()
	for {
		for p.accept("*") {
		}
		s := Stmt{Pos: p.pos(), Reg: p.name("a register")}
		if p.accept("=") {
			s.Expr = p.expr(0)
			all = append(all, s)
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
	return all
}

// binary are the operators with two operands, by how tightly they bind.
var binary = [][]string{{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", ">", "<=", ">="}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) expr(level int) Expr {
	if level == len(binary) {
		return p.operand()
	}
	x := p.expr(level + 1)
	for slices.Contains(binary[level], p.peek()) {
		op := p.next()
		x = Binary{op, x, p.expr(level + 1)}
	}
	return x
}

func (p *parser) operand() Expr {
	pos := p.pos()
	switch {
	case p.accept("("):
		if slices.Contains(typeWords, p.peek()) { // a cast
			for p.peek() != ")" && p.peek() != "" {
				p.next()
			}
			p.expect(")")
			return p.operand()
		}
		x := p.expr(0)
		p.expect(")")
		return x
	case p.peek() == "!" || p.peek() == "-":
		return Unary{p.next(), p.operand()}
	case p.peek() == "*":
		p.next()
		p.test.Plain = true
		return Call{Pos: pos, Func: "READ_ONCE", Args: []Expr{p.operand()}}
	case p.accept("&"):
		return AddrOf(p.name("a variable"))
	case isName(p.peek()):
		name := p.next()
		if !p.accept("(") {
			return Name(name)
		}
		c := Call{Pos: pos, Func: name}
		for !p.accept(")") {
			if p.accept("*") { // every access takes the address
				c.Args = append(c.Args, p.operand())
			} else {
				c.Args = append(c.Args, p.expr(0))
			}
			if p.peek() != ")" {
				p.expect(",")
			}
		}
		if n, ok := functions[name]; !ok {
			panic(&Error{pos, fmt.Sprintf("%s is not known, expected one of %s", name, strings.Join(known(), ", "))})
		} else if n.args != len(c.Args) {
			panic(&Error{pos, fmt.Sprintf("%s has %d arguments, expected %d", name, len(c.Args), n.args)})
		}
		return c
	}
	return Num(p.number())
}

// question reads locations, filter, and exists, ~exists or forall.
func (p *parser) question() {
	for p.peek() != "" {
		switch p.peek() {
		case "locations":
			p.next()
			p.expect("[")
			for !p.accept("]") {
				p.test.Show = append(p.test.Show, p.loc())
				for p.accept(";") || p.accept(",") {
				}
			}
		case "filter":
			p.next()
			p.test.Filter = p.cond(0)
		case "exists", "~exists", "forall":
			p.test.Ask = Quantifier(p.next())
			p.test.Cond = p.cond(0)
		case ";":
			p.next()
		default:
			p.fail("got %s, expected locations, filter, exists, ~exists or forall", shown(p.peek()))
		}
	}
}

func (p *parser) loc() Loc {
	l := Loc{Thread: -1}
	if isName(p.peek()) {
		l.Name = p.next()
		return l
	}
	if l.Thread = int(p.number()); l.Thread < 0 || l.Thread >= len(p.test.Threads) {
		p.fail("there is no thread %d", l.Thread)
	}
	p.expect(":")
	l.Name = p.name("a register")
	return l
}

// cond reads a condition; /\ binds tighter than \/.
func (p *parser) cond(level int) *Cond {
	ops := []struct{ sign, word string }{{`\/`, "or"}, {`/\`, "and"}}
	if level < len(ops) {
		c := p.cond(level + 1)
		for p.accept(ops[level].sign) {
			c = &Cond{Op: ops[level].word, Of: []*Cond{c, p.cond(level + 1)}}
		}
		return c
	}
	switch {
	case p.accept("("):
		c := p.cond(0)
		p.expect(")")
		return c
	case p.accept("~"), p.accept("not"):
		return &Cond{Op: "not", Of: []*Cond{p.cond(len(ops))}}
	case p.accept("true"):
		return &Cond{Op: "true"}
	}
	c := &Cond{Loc: p.loc(), Op: "="}
	switch {
	case p.accept("="), p.accept("=="):
	case p.accept("!="):
		c.Op = "!="
	default:
		p.fail("got %s, expected = and a value", shown(p.peek()))
	}
	switch {
	case p.accept("&"):
		c.Points = p.name("a variable")
	case isName(p.peek()):
		c.Points = p.next()
	case p.peekAt(1) == ":":
		l := p.loc()
		c.Other = &l
	default:
		c.Value = p.number()
	}
	return c
}
