package workloads

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vmasim/internal/suggest"
)

// cursor reads the tokens of one line. The first mistake sticks: from then on
// the line looks at its end and further complaints are dropped, so parsing code
// need not check after each step, and one slip gives one message.
type cursor struct {
	file  string
	line  *line
	toks  []token
	code  string // of the line, without comment and trailing blanks
	exprs *slab[Expr]
	i     int
	depth int // of open brackets

	nextWords []Word // if what stands behind the part of the statement being read may be written as a number: its words
	err       *SyntaxError
}

func (c *cursor) peek() token { return c.peekAt(0) }

func (c *cursor) peekAt(ahead int) token {
	if c.err != nil || c.i+ahead >= len(c.toks) {
		return token{kind: tokEnd, col: len(c.code) + 1, end: len(c.code) + 1}
	}
	return c.toks[c.i+ahead]
}

func (c *cursor) next() token {
	t := c.peek()
	if t.kind != tokEnd {
		c.i++
	}
	return t
}

// accept takes the operator if it comes next.
func (c *cursor) accept(punct string) bool {
	if c.peek().is(punct) {
		c.i++
		return true
	}
	return false
}

// peekWord reports whether one of words comes next.
func (c *cursor) peekWord(words []Word) bool {
	_, ok := wordByName(words, c.peek().text)
	return ok
}

// acceptWord takes the word if it comes next.
func (c *cursor) acceptWord(word string) bool {
	if t := c.peek(); t.kind == tokName && t.text == word {
		c.i++
		return true
	}
	return false
}

func (c *cursor) pos() Pos { return c.posOf(c.peek()) }

func (c *cursor) posOf(t token) Pos {
	return Pos{File: c.file, Line: c.line.no, Col: t.col}
}

func (c *cursor) fail(pos Pos, format string, args ...any) {
	if c.err == nil {
		c.err = &SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)}
	}
}

// unexpected complains about t, which stands where want should.
func (c *cursor) unexpected(t token, want string) {
	if t.kind == tokBad {
		c.fail(c.posOf(t), "%s", t.text)
		return
	}
	if t.kind == tokEnd {
		c.fail(c.posOf(t), "the line ends too early, expected %s", want)
		return
	}
	c.fail(c.posOf(t), "unexpected %v, expected %s", t, want)
}

func (c *cursor) expect(punct, want string) {
	if !c.accept(punct) {
		c.unexpected(c.peek(), want)
	}
}

func (c *cursor) expectEnd(want string) {
	if t := c.peek(); t.kind != tokEnd {
		c.unexpected(t, want)
	}
}

// newName reads a name that is given to something. Regions stand where words of
// the language can stand too; others must not look like a statement.
func (c *cursor) newName(what string) Ref {
	r := c.name(what)
	if specByName(r.Name) != nil || what == regionName && reserved(r.Name) {
		c.fail(r.Pos, "%q is a word of the language, expected another name for the %s", r.Name, what)
	}
	return r
}

const regionName = "region"

// name reads the name of something.
func (c *cursor) name(what string) Ref {
	t := c.next()
	if t.kind != tokName {
		c.unexpected(t, "the name of a "+what)
		return Ref{Pos: c.posOf(t)}
	}
	if after := c.peek(); after.is("-") && after.col == t.end && c.peekAt(1).kind == tokName {
		c.fail(c.posOf(after), "a name cannot contain \"-\", expected letters, digits and _")
	}
	return Ref{Pos: c.posOf(t), Name: t.text}
}

// word reads one of words.
func (c *cursor) word(what string, words []Word) Word {
	t := c.next()
	w, ok := wordByName(words, t.text)
	switch {
	case t.kind == tokName && ok:
	case t.kind == tokName:
		c.fail(c.posOf(t), "%s", unknownWord(what, t.text, words, ""))
	default:
		c.unexpected(t, suggest.OrList(wordNames(words)))
	}
	return w
}

// wordOrNumber reads one of words, or the number that another one would stand for: a fair question to a kernel.
func (c *cursor) wordOrNumber(what string, words []Word) int {
	if t := c.peek(); t.kind != tokNumber {
		if _, ok := wordByName(words, t.text); t.kind == tokName && !ok {
			c.fail(c.posOf(t), "%s (a number will do, too)", unknownWord(what, t.text, words, "a word of the manual's table"))
		}
		return c.word(what, words).Value
	}
	n, _ := c.size()
	return int(n)
}

func (c *cursor) expectWord(word string) {
	if !c.acceptWord(word) {
		c.unexpected(c.peek(), word)
	}
}

// count reads a plain whole number.
func (c *cursor) count(what string) uint64 {
	t := c.next()
	n, err := strconv.ParseUint(t.text, 10, 64)
	if t.kind == tokNumber && err == nil {
		return n
	}
	c.badNumber(t, what, err)
	return 0
}

func (c *cursor) badNumber(t token, what string, err error) {
	switch {
	case t.is("-"):
		c.fail(c.posOf(t), "negative number, expected %s", what)
	case t.kind != tokNumber:
		c.unexpected(t, what)
	case isRange(err):
		c.fail(c.posOf(t), "number %s overflows 64 bits, expected %s", t.text, what)
	default:
		c.fail(c.posOf(t), "bad number %q, expected %s", t.text, what)
	}
}

const sizeHint = "a size such as 4K, 2M or 0x1000"

// size reads a number that may have a unit.
func (c *cursor) size() (n uint64, hex bool) {
	t := c.next()
	if t.kind == tokNumber {
		var err error
		if n, hex, err = parseSize(t.text); err == nil {
			return n, hex
		}
		c.badNumber(t, sizeHint, err)
		return 0, false
	}
	c.badNumber(t, sizeHint, nil)
	return 0, false
}

// sizeUnits are the binary units of sizes, smallest first.
var sizeUnits = [...]struct {
	letter byte
	shift  uint
}{{'K', 10}, {'M', 20}, {'G', 30}, {'T', 40}}

// hasUnit reports whether a number is written with one of sizeUnits.
func hasUnit(text string) bool {
	if strings.HasPrefix(text, "0x") {
		return false
	}
	for _, u := range sizeUnits {
		if text[len(text)-1] == u.letter {
			return true
		}
	}
	return false
}

// ParseSize reads a size as scenarios write it: 4096, 64K, 2M, 0x1000.
func ParseSize(text string) (uint64, error) {
	if toks, _ := lexLine(text, nil); len(toks) != 1 || toks[0].kind != tokNumber {
		return 0, fmt.Errorf("bad size %q, expected %s", text, sizeHint)
	}
	n, _, err := parseSize(text)
	switch {
	case isRange(err):
		return 0, fmt.Errorf("size %s overflows 64 bits, expected %s", text, sizeHint)
	case err != nil:
		return 0, fmt.Errorf("bad size %q, expected %s", text, sizeHint)
	}
	return n, nil
}

func parseSize(text string) (n uint64, hex bool, err error) {
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		n, err = strconv.ParseUint(digits, 16, 64)
		return n, true, err
	}
	shift := uint(0)
	for _, u := range sizeUnits {
		if text[len(text)-1] == u.letter {
			text, shift = text[:len(text)-1], u.shift
			break
		}
	}
	n, err = strconv.ParseUint(text, 10, 64)
	if err == nil && n<<shift>>shift != n {
		err = strconv.ErrRange
	}
	return n << shift, false, err
}

func (c *cursor) duration() time.Duration {
	const want = "a duration such as 2s or 500ms"
	t := c.next()
	if t.kind != tokNumber {
		c.badNumber(t, want, nil)
		return 0
	}
	d, err := time.ParseDuration(t.text)
	switch {
	case err != nil:
		c.fail(c.posOf(t), "bad duration %q, expected %s", t.text, want)
	case d <= 0:
		c.fail(c.posOf(t), "duration of zero, expected %s", want)
	}
	return d
}

// rest takes what is left of the line as raw text.
func (c *cursor) rest() (text string, pos Pos) {
	t := c.peek()
	if t.kind == tokEnd {
		return "", c.posOf(t)
	}
	c.i = len(c.toks)
	return c.code[t.col-1:], c.posOf(t)
}
