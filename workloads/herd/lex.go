package herd

import (
	"regexp"
	"strings"
)

// token is a word, a number or a sign.
type token struct {
	text string
	pos  Pos
}

// tokenPattern matches a token: a name, a number, or a sign, the longer ones first.
var tokenPattern = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9a-fA-Fx]*|/\\|\\/|==|!=|<=|>=|&&|\|\||->|~exists|[~(){}\[\];:,.*&=!<>+\-/^|%])`)

// These match what stands between tokens: white space and comments, of which one kind begins as a parenthesis with a pointer does, and so does not
// stand in threads.
var (
	space   = regexp.MustCompile(`^(?:\s+|/\*(?s:.*?)\*/|//[^\n]*)`)
	comment = regexp.MustCompile(`^\(\*(?s:.*?)\*\)`)
)

// head matches what describes a test, between its name and the values at first.
var head = regexp.MustCompile(`(?s)^(\s*(?:\(\*.*?\*\)\s*)*C[^\n]*\n)(.*?)(\n?\{)`)

// blank replaces all but the ends of lines.
var blank = regexp.MustCompile(`[^\n]`)

// lex divides a text into tokens.
func lex(file, text string) ([]token, error) {
	var all []token
	pos, depth, threads := Pos{file, 1, 1}, 0, false
	if m := head.FindStringSubmatch(text); m != nil {
		text = m[1] + blank.ReplaceAllString(m[2], " ") + text[len(m[1])+len(m[2]):]
	}
	for text != "" {
		n := len(space.FindString(text))
		if n == 0 && (depth == 0 || !threads) {
			n = len(comment.FindString(text))
		}
		if n == 0 {
			word := tokenPattern.FindString(text)
			if word == "" {
				return nil, &Error{pos, "unexpected " + string([]rune(text)[:1])}
			}
			// A minus behind an operand is the operator.
			if len(word) > 1 && word[0] == '-' && len(all) > 0 && isOperand(all[len(all)-1].text) {
				word = "-"
			}
			switch word {
			case "{":
				depth++
			case "}":
				depth--
				threads = true
			}
			all = append(all, token{word, pos})
			n = len(word)
		}
		pos = pos.after(text[:n])
		text = text[n:]
	}
	return append(all, token{"", pos}), nil
}

// after returns the place behind a text.
func (p Pos) after(text string) Pos {
	if lines := strings.Count(text, "\n"); lines > 0 {
		p.Line += lines
		p.Col = len(text) - strings.LastIndex(text, "\n")
		return p
	}
	p.Col += len(text)
	return p
}

func isOperand(text string) bool {
	return text == ")" || text == "]" || isName(text) || text[0] >= '0' && text[0] <= '9'
}

func isName(text string) bool {
	return text != "" && (text[0] == '_' || text[0] >= 'a' && text[0] <= 'z' || text[0] >= 'A' && text[0] <= 'Z')
}
