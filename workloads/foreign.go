package workloads

import (
	"fmt"
	"strings"
)

// Foreign is a kind of text that people have, and that is no scenario.
type Foreign struct {
	What   string // it is
	Reader string // the command that reads it; "": none
	Advice string // where there is none
}

// foreignKinds tells them by a line. Each is asked for the first lines of a text, until one knows its own.
var foreignKinds = []struct {
	Foreign
	is func(line string) bool
}{
	{Foreign{What: "a log of strace", Reader: "import strace"}, straceLine},
	{Foreign{What: "a dump of /proc/PID/maps", Reader: "import maps"}, mapsLine},
	{Foreign{What: "output of perf", Reader: "import perf"}, perfLine},
	{Foreign{What: "a litmus test of herd7", Reader: "litmus"}, herdLine},
	{Foreign{What: "a program of syzkaller", Advice: "run it under strace -f -y, and import that log"}, syzkallerLine},
}

// linesAsked bounds how many lines are asked what they are.
const linesAsked = 5

// Recognize tells what a text is that is no scenario; nil: nothing that is known.
func Recognize(text string) *Foreign {
	asked := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for i := range foreignKinds {
			if foreignKinds[i].is(line) {
				return &foreignKinds[i].Foreign
			}
		}
		if asked++; asked == linesAsked {
			break
		}
	}
	return nil
}

// Sentence says what the text in a file is, and what reads it. expected is what was asked for.
func (f *Foreign) Sentence(file, expected string) string {
	if f.Reader == "" {
		return fmt.Sprintf("this is %s, expected %s: %s", f.What, expected, f.Advice)
	}
	return fmt.Sprintf("this is %s, expected %s: vmasim %s %s reads it", f.What, expected, f.Reader, file)
}

// straceLine reports whether a line is a call, with a task and a time before it or not.
func straceLine(line string) bool {
	for range 3 {
		rest := line
		if inner, ok := strings.CutPrefix(line, "[pid"); ok {
			_, rest, _ = strings.Cut(inner, "]")
		} else if word, after, ok := strings.Cut(line, " "); ok && word != "" && strings.Trim(word, "0123456789:.") == "" {
			rest = after
		}
		line = strings.TrimLeft(rest, " ")
	}
	n := wordLen(line)
	if n == 0 || !strings.HasPrefix(line[n:], "(") {
		return false
	}
	return strings.Contains(line, ") = ") || strings.Contains(line, ")  ") && strings.Contains(line, " = ") || strings.HasSuffix(line, "<unfinished ...>")
}

// mapsLine reports whether a line is START-END PERMS OFFSET ….
func mapsLine(line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 5 || len(fields[1]) != 4 {
		return false
	}
	start, end, ok := strings.Cut(fields[0], "-")
	return ok && isHex(start) && isHex(end) && isHex(fields[2]) && strings.Trim(fields[1], "rwxps-") == "" && strings.Contains(fields[3], ":")
}

func isHex(word string) bool { return word != "" && strings.Trim(word, "0123456789abcdef") == "" }

// perfLine reports whether a line is an event of perf script, or a fault as perf trace prints it.
func perfLine(line string) bool {
	return strings.Contains(line, "page-faults:") || strings.Contains(line, "minfault [") || strings.Contains(line, "majfault [")
}

// herdLine reports whether a line is the first of a litmus test: a machine and a name.
func herdLine(line string) bool {
	fields := strings.Fields(line)
	if len(fields) != 2 {
		return false
	}
	switch fields[0] {
	case "C", "X86", "X86_64", "AArch64", "ARM", "PPC", "RISCV", "LISA", "Bell":
		return true
	}
	return false
}

// syzkallerLine reports whether a line is a call of syzkaller, whose pointers are written &(0x7f0000000000).
func syzkallerLine(line string) bool {
	if name, rest, ok := strings.Cut(line, " = "); ok && strings.HasPrefix(name, "r") {
		line = rest
	}
	open := strings.IndexByte(line, '(')
	return open > 0 && strings.Trim(line[:open], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$") == "" && strings.HasSuffix(line, ")") &&
		strings.Contains(line, "(0x")
}
