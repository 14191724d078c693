package workloads

import (
	"slices"
	"strings"
)

// statement reads a line of a block and what is indented below it. It gives nil
// for a line with a mistake and nothing below.
func (p *parser) statement(l *line, place Place, in Body) *Stmt {
	c := p.cursor(l)
	s := p.stmts.get()
	s.Pos = l.pos(p.file)
	if in == BodyChoices {
		s.Weight = c.weight()
	}
	spec := p.keyword(c, place, place.inside())
	if spec == nil {
		p.done(c, "")
		return holder(s.Pos, p.body(l, place, BodyBlock))
	}
	s.Kind = spec.Kind
	for i, a := range spec.args {
		c.nextWords = nil
		if i+1 < len(spec.args) {
			c.nextWords = parts[spec.args[i+1]].numbers
		}
		parts[a].read(c, s)
	}
	want := "the end of the line"
	if spec.Results != 0 {
		if c.accept("=>") {
			s.Expect = c.results()
		} else {
			want = `"=> RESULT" or ` + want
		}
	}
	right := p.done(c, want)
	p.below(s, spec, l, place)
	if !right {
		return holder(s.Pos, s.Body)
	}
	return s
}

// longer returns the spec whose keyword begins with the one that was read and goes on with what comes next, if there is one.
func (c *cursor) longer(short *Spec) *Spec {
	if short == nil {
		return nil
	}
	for i := range specs {
		rest, ok := strings.CutPrefix(specs[i].Name, short.Name)
		if !ok || rest == "" || isLetter(rest[0]) || specs[i].In&short.In == 0 {
			continue
		}
		rest = strings.TrimLeft(rest, " ")
		n := 0
		for ; rest != "" && c.peekAt(n).kind != tokEnd; n++ {
			if rest, ok = strings.CutPrefix(rest, c.peekAt(n).text); !ok {
				break
			}
			rest = strings.TrimLeft(rest, " ")
		}
		if rest == "" {
			c.i += n
			return &specs[i]
		}
	}
	return short
}

// holder stands for a statement that could not be read, so that the mistakes
// of those below it are found too.
func holder(pos Pos, body []*Stmt) *Stmt {
	if len(body) == 0 {
		return nil
	}
	return &Stmt{Pos: pos, Kind: KindRepeat, Body: body}
}

// inside tells in which block a misplaced statement was found.
func (p Place) inside() string {
	switch p {
	case InInit:
		return "in init"
	case InThread:
		return "in a thread"
	case InFinally:
		return "in finally"
	default:
		return "in a block"
	}
}

// below reads what is indented below a statement.
func (p *parser) below(s *Stmt, spec *Spec, l *line, place Place) {
	if spec.Body == NoBody {
		p.noBody(spec.Name, l)
		return
	}
	if len(l.children) == 0 {
		p.errs.addf(s.Pos, "%s is empty, expected lines indented below it", spec.Name)
	}
	if spec.Body != BodyPicture {
		s.Body = p.body(l, place, spec.Body)
		return
	}
	for _, child := range l.children {
		p.noBody("a line of a picture", child)
		c := p.cursor(child)
		area := c.area()
		if p.done(c, "the end of the line") {
			s.Picture = append(s.Picture, area)
		}
	}
}

// weight reads the "N:" in front of a choice, if there is one.
func (c *cursor) weight() uint64 {
	if c.peek().kind != tokNumber {
		return 1
	}
	pos := c.pos()
	n := c.count("a weight")
	if n < 1 || n > maxWeight {
		c.fail(pos, "weight %d, expected 1 to %d", n, maxWeight)
	}
	c.expect(":", `":" behind the weight`)
	return n
}

// maxWeight keeps the sum of a block's weights far from overflow.
const maxWeight = 1 << 20

// startsWord tells that t is a word of the language that starts no expression,
// so an optional size in front of it was left out.
func (c *cursor) startsWord(t token) bool {
	return t.kind == tokName && !c.drawsNext(t) && !c.peekAt(1).is(".")
}

// drawsNext tells that t, which comes next, begins a draw of an address: sequential may be an advice, too.
func (c *cursor) drawsNext(t token) bool { return generatorByName(t.text) >= 0 && c.peekAt(1).is("(") }

// target reads what stands between "mmap" and the protection: a name to bind,
// an address or neither, and then a size.
func (c *cursor) target(s *Stmt) {
	t := c.peek()
	if t.kind == tokName && !c.drawsNext(t) && !c.continues(t) {
		r := c.newName(regionName)
		s.Region = &r
		return
	}
	first := c.expr()
	if c.peek().kind == tokEnd || c.numbersAhead() == c.numbersOf(c.wordAhead()) {
		s.Size = first
		return
	}
	s.Addr = first
}

// sizeLeftOut reports whether a size that may be left out is: what comes next is a word, or ends the line, or is the only number
// there, and has no unit. That one stands for the word, which cannot be left out.
func (c *cursor) sizeLeftOut() bool {
	t := c.peek()
	if t.kind == tokNumber && c.nextWords != nil && !hasUnit(t.text) {
		after := c.peekAt(1)
		_, word := wordByName(c.nextWords, after.text)
		return after.kind == tokEnd || after.is("=>") || after.kind == tokName && reserved(after.text) && !word
	}
	return c.startsWord(t) || t.kind == tokEnd || t.is("=>")
}

// numbersAhead counts the numbers that come next, one after the other.
func (c *cursor) numbersAhead() (n int) {
	for c.peekAt(n).kind == tokNumber {
		n++
	}
	return n
}

// wordAhead is what comes behind them.
func (c *cursor) wordAhead() token { return c.peekAt(c.numbersAhead()) }

// numbersOf is how many numbers stand in front of a word of mmap if nothing but the protection and the kind of mapping is written as
// one; -1 for what is no such word.
func (c *cursor) numbersOf(word token) int {
	_, sharing := wordByName(sharingWords, word.text)
	switch {
	case word.kind != tokName || !c.startsWord(word):
		return -1
	case sharing:
		return 1
	case word.text == anonymous || word.text == ofFile:
		return 2
	default:
		return 0
	}
}

// continues tells that an expression goes on behind the name that comes next.
// In "A -4K" it does not: that is a name and a negative size.
func (c *cursor) continues(name token) bool {
	op := c.peekAt(1)
	if op.is("-") {
		return op.col == name.end || c.peekAt(2).col > op.end
	}
	return op.is("+") || op.is("*") || op.is(".")
}

func (c *cursor) backing(b *Backing) {
	switch {
	case c.acceptWord(anonymous):
	case c.acceptWord(ofFile):
		r := c.name("file")
		b.File = &r
	default:
		c.unexpected(c.peek(), "anon or file F [+OFF]")
	}
	if c.accept("+") {
		b.Offset = c.expr()
	}
}

func (c *cursor) mapOptions(s *Stmt) {
	for c.peek().kind == tokName {
		pos := c.pos()
		if c.acceptWord("at") {
			if s.Addr != nil {
				c.fail(pos, "second address, expected one")
			}
			s.Addr = c.expr()
			continue
		}
		c.flag(s, mapWords, "at")
	}
}

// flags reads the options of a call, each a flag.
func (c *cursor) flags(s *Stmt, words []Word) {
	for c.peek().kind == tokName {
		c.flag(s, words)
	}
}

// flag reads one option: a word, or "flags" and a number. others are words that could stand here, too.
func (c *cursor) flag(s *Stmt, words []Word, others ...string) {
	pos := c.pos()
	if c.acceptWord(rawFlags) {
		n, _ := c.size()
		s.Flags |= int(n)
		return
	}
	if _, ok := wordByName(words, c.peek().text); !ok { // the complaint names all that could stand here
		words = slices.Clone(words)
		for _, name := range append(others, rawFlags) {
			words = append(words, Word{Name: name})
		}
	}
	w := c.word("option", words)
	if w.Value != 0 && s.Flags&w.Value == w.Value {
		c.fail(pos, "%s is given twice, expected it once", w.Name)
	}
	s.Flags |= w.Value
}

// moveOptions reads the options of mremap.
func (c *cursor) moveOptions(s *Stmt) {
	for c.peek().kind == tokName {
		switch {
		case s.To == nil && c.acceptWord("at"):
			s.To = c.expr()
		case s.Region == nil && c.acceptWord("as"):
			r := c.newName(regionName)
			s.Region = &r
		default:
			c.flag(s, moveWords, "at", "as")
		}
	}
}

// picturedKinds is how many of sharingWords, the first, a picture can tell apart.
const picturedKinds = 2

// area reads a line of a picture: START..END and what is there.
func (c *cursor) area() *Area {
	a := &Area{Pos: c.pos()}
	a.Start = c.expr()
	c.expect("..", `".." between start and end`)
	a.End = c.expr()
	if a.Hole = c.acceptWord("hole"); a.Hole {
		return a
	}
	a.Prot = Prot(c.word("protection", append([]Word{{Name: "hole"}}, protWords...)).Value)
	a.Backing.Sharing = Sharing(c.word("kind of mapping", sharingWords[:picturedKinds]).Value)
	c.backing(&a.Backing)
	if a.Backing.File == nil && a.Backing.Offset != nil {
		c.fail(a.Backing.Offset.Pos, "anonymous memory has no offset in a picture, expected the end of the line")
	}
	return a
}
