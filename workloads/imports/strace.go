package imports

import (
	"bytes"
	"strconv"

	"vmasim/internal/linux"
)

// record is a line of strace.
type record struct {
	kind  recordKind
	tid   int    // 0: the line names none
	time  int64  // nanoseconds, if the log has times: of the clock, of the day, or since the line before
	name  []byte // of the call
	text  []byte // its arguments and result, from behind the "("; resumed: what comes behind "resumed>"
	start int    // where text begins in the line
}

type recordKind uint8

const (
	recordCall recordKind = iota
	recordUnfinished
	recordResumed
	recordSignal // --- SIGSEGV {...} ---
	recordExit   // +++ exited with 0 +++
	recordNotice // strace: Process 17 attached
)

var (
	unfinishedMark = []byte("<unfinished ...>")
	resumedMark    = []byte(" resumed>")
)

// parseRecord reads a line. where is the byte at which it is none, if ok is false.
func parseRecord(line []byte) (r record, where int, ok bool) {
	i := skipSpaces(line, 0)
	i = r.task(line, i)
	i = r.clock(line, i)
	rest := line[i:]
	switch {
	case bytes.HasPrefix(rest, []byte("--- ")):
		r.kind = recordSignal
		return r, i, true
	case bytes.HasPrefix(rest, []byte("+++ ")):
		r.kind, r.text, r.start = recordExit, rest[4:], i+4
		return r, i, true
	case bytes.HasPrefix(rest, []byte("strace: ")):
		r.kind = recordNotice
		return r, i, true
	case bytes.HasPrefix(rest, []byte("<... ")):
		at := bytes.Index(rest, resumedMark)
		if at < 6 { // "<... x"
			return r, i, false
		}
		r.kind, r.name, r.text, r.start = recordResumed, rest[5:at], rest[at+len(resumedMark):], i+at+len(resumedMark)
		return r, i, wordLength(r.name) == len(r.name)
	}
	n := wordLength(rest)
	if n == 0 || n == len(rest) || rest[n] != '(' {
		return r, i + n, false
	}
	r.name, r.text, r.start = rest[:n], rest[n+1:], i+n+1
	if trimmed := bytes.TrimRight(r.text, " "); bytes.HasSuffix(trimmed, unfinishedMark) {
		r.kind, r.text = recordUnfinished, bytes.TrimRight(trimmed[:len(trimmed)-len(unfinishedMark)], " ")
	}
	return r, i, true
}

// task reads the number of the task in front of a line, "17 " or "[pid 17] ", and returns where the rest begins.
func (r *record) task(line []byte, i int) int {
	j, closing := i, false
	if bytes.HasPrefix(line[i:], []byte("[pid ")) {
		j, closing = skipSpaces(line, i+5), true
	}
	end := j
	for end < len(line) && isDigit(line[end]) {
		end++
	}
	if end == j || end-j > 9 || end == len(line) {
		return i
	}
	switch {
	case closing && line[end] == ']':
		r.tid, _ = strconv.Atoi(string(line[j:end]))
		return skipSpaces(line, end+1)
	case !closing && line[end] == ' ':
		r.tid, _ = strconv.Atoi(string(line[j:end]))
		return skipSpaces(line, end)
	}
	return i
}

// clock reads a time, as -t, -tt, -ttt and -r write it, and returns where the rest begins.
func (r *record) clock(line []byte, i int) int {
	end, fraction, digits := i, int64(0), 0
	var parts [3]int64 // hours, minutes, seconds; seconds alone are the last
	n := 0
	for ; end < len(line); end++ {
		switch c := line[end]; {
		case isDigit(c):
			if digits > 0 || fraction < 0 {
				break
			}
			if parts[n] < 1<<40 {
				parts[n] = parts[n]*10 + int64(c-'0')
			}
			continue
		case c == ':' && n < 2:
			n++
			continue
		case c == '.':
			digits = end + 1
		}
		break
	}
	if end == i || end == len(line) {
		return i
	}
	seconds := parts[0]
	for _, p := range parts[1 : n+1] {
		seconds = seconds*60 + p
	}
	if digits > 0 {
		unit := int64(1e9)
		for end = digits; end < len(line) && isDigit(line[end]); end++ {
			if unit /= 10; unit > 0 {
				fraction += int64(line[end]-'0') * unit
			}
		}
	} else if n == 0 {
		return i // a plain number is no time
	}
	if end == len(line) || line[end] != ' ' {
		return i
	}
	r.time = seconds*1e9 + fraction
	end = skipSpaces(line, end)
	if bytes.HasPrefix(line[end:], []byte("(+")) { // -t and -r at once
		if at := bytes.IndexByte(line[end:], ')'); at > 0 {
			end = skipSpaces(line, end+at+1)
		}
	}
	return end
}

// call is a whole call of the log: what it was given, and what came of it.
type call struct {
	line   int
	col    int // where the arguments begin
	name   []byte
	args   [][]byte // as they are written
	result result
}

// result is what a call returned.
type result struct {
	known bool // it returned
	errno linux.Errno
	value uint64
	path  []byte // of the file that the value is a descriptor of, with -y
}

// ok tells that the call succeeded.
func (r *result) ok() bool { return r.known && r.errno == 0 }

// parseCall reads the arguments and the result of a call. where is the byte of text at which that cannot be done, if ok is false.
func (c *call) parseCall(text []byte) (where int, ok bool) {
	c.args, c.result = c.args[:0], result{}
	end, ok := c.split(text)
	if !ok {
		return end, false
	}
	i := skipSpaces(text, end)
	if i >= len(text) || text[i] != '=' {
		return i, false
	}
	i = skipSpaces(text, i+1)
	return i, c.result.parse(text[i:])
}

// split cuts the arguments apart, and returns where the text goes on behind the bracket that ends them.
func (c *call) split(text []byte) (end int, ok bool) {
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; ch {
		case '(', '[', '{':
			depth++
		case ']', '}':
			depth--
		case ')':
			if depth > 0 {
				depth--
				break
			}
			if arg := bytes.TrimSpace(text[start:i]); len(arg) > 0 || len(c.args) > 0 {
				c.args = append(c.args, arg)
			}
			return i + 1, true
		case ',':
			if depth == 0 {
				c.args = append(c.args, bytes.TrimSpace(text[start:i]))
				start = i + 1
			}
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '<': // the path of a descriptor
			if i == 0 || text[i-1] == ' ' || text[i-1] == '<' || i+1 < len(text) && text[i+1] == '<' {
				break
			}
			if n := bytes.IndexByte(text[i:], '>'); n > 0 {
				i += n
			}
		case '/':
			if i+1 < len(text) && text[i+1] == '*' {
				if n := bytes.Index(text[i:], []byte("*/")); n > 0 {
					i += n + 1
				}
			}
		}
	}
	return len(text), false
}

// parse reads what stands behind the "=".
func (r *result) parse(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if text[0] == '?' { // it does not return, or is to be restarted
		return true
	}
	word := text
	if at := bytes.IndexAny(text, " <"); at >= 0 {
		word = text[:at]
	}
	if len(word) == 0 {
		return false
	}
	if word[0] == '-' {
		name := bytes.TrimLeft(text[len(word):], " ")
		name = name[:wordLength(name)]
		errno, ok := errnos[string(name)]
		r.known, r.errno = true, errno
		return ok
	}
	value, ok := number(word)
	r.known, r.value = true, value
	if rest := text[len(word):]; len(rest) > 0 && rest[0] == '<' {
		r.path = pathIn(rest)
	}
	return ok
}

// errnos finds errors by their names.
var errnos = func() map[string]linux.Errno {
	byName := map[string]linux.Errno{}
	for e := linux.Errno(linux.EHWPOISON); e > 0; e-- { // of two with one name the first
		if name := linux.Name(e); name != "" {
			byName[name] = e
		}
	}
	return byName
}()

func skipSpaces(line []byte, i int) int {
	for i < len(line) && line[i] == ' ' {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// wordLength is how many letters, digits and "_" text begins with.
func wordLength(text []byte) (n int) {
	for n < len(text) && (text[n] == '_' || isDigit(text[n]) || 'a' <= text[n]|0x20 && text[n]|0x20 <= 'z') {
		n++
	}
	return n
}
