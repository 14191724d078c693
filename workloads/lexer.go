package workloads

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd    tokenKind = iota // end of the line
	tokName                    // letters, digits and _, not starting with a digit
	tokNumber                  // starts with a digit: 64K, 0x7000, 500ms, 1.2
	tokString                  // "…", text is what it stands for
	tokPunct                   // an operator or a bracket, longest match
	tokBad                     // text is the complaint
)

// token is a piece of a line. Where a number is expected as a size, a count, a
// duration or a fraction, the parser reads its text as that.
type token struct {
	kind tokenKind
	text string
	col  int // 1-based, in bytes
	end  int // column just behind it
}

func (t token) is(punct string) bool { return t.kind == tokPunct && t.text == punct }

// String describes the token for an error message.
func (t token) String() string {
	if t.kind == tokEnd {
		return "the end of the line"
	}
	return strconv.Quote(t.text)
}

// lexLine splits one line into tokens, which it appends to toks. It also gives the line without its
// comment, so that the few statements that take raw words can read those.
func lexLine(line string, toks []token) (all []token, code string) {
	i := 0
	for i < len(line) {
		c := line[i]
		if c == ' ' || c == '\t' {
			i++
			continue
		}
		if c == '#' {
			break
		}
		t := lexToken(line[i:])
		t.col, t.end = i+1, i+1+t.end
		i = t.end - 1
		toks = append(toks, t)
	}
	return toks, strings.TrimRight(line[:i], " \t")
}

// lexToken gives the token at the start of s; its end is its length.
func lexToken(s string) token {
	switch c := s[0]; {
	case isLetter(c):
		n := wordLen(s)
		return token{kind: tokName, text: s[:n], end: n}
	case isDigit(c):
		n := wordLen(s)
		// 1.2 and 1.5s are one number, 0x1000..0x2000 and reader.1 are not.
		if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
			n += 1 + wordLen(s[n+1:])
		}
		return token{kind: tokNumber, text: s[:n], end: n}
	case c == '"':
		return lexString(s)
	}
	if n := punctLen(s); n > 0 {
		return token{kind: tokPunct, text: s[:n], end: n}
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n <= 1 {
		return token{kind: tokBad, text: fmt.Sprintf("byte %#02x is not UTF-8, expected text", s[0]), end: 1}
	}
	return token{kind: tokBad, text: fmt.Sprintf("unexpected character %q", r), end: n}
}

// punctLen is the length of the operator or bracket at the start of s, 0 if there is none.
func punctLen(s string) int {
	switch s[0] {
	case '=':
		if len(s) > 1 && s[1] == '>' {
			return 2
		}
		return 1
	case '.':
		if len(s) > 1 && s[1] == '.' {
			return 2
		}
		return 1
	case '+', '-', '*', '(', ')', ',', '|', ':', '$':
		return 1
	}
	return 0
}

func lexString(s string) token {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return token{kind: tokBad, text: `this string does not end or has a bad escape, expected "…"`, end: len(s)}
	}
	text, _ := strconv.Unquote(quoted) // QuotedPrefix has checked it
	return token{kind: tokString, text: text, end: len(quoted)}
}

func wordLen(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || isDigit(s[n])) {
		n++
	}
	return n
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
