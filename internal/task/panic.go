package task

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Panicked words what code of the protocol panicked with, as the kernel would, and says where in this program that was: the
// functions up to the one that panicked, innermost first, one a line. It is called where the panic is recovered.
func Panicked(v any) (message, where string) {
	message = strings.Join(strings.Fields(fmt.Sprint(v)), " ")
	if err, ok := v.(runtime.Error); ok {
		message = faultText(err)
	}
	return message, panickedIn()
}

// faultText words an error that the processor or the language has found.
func faultText(err runtime.Error) string {
	text := strings.TrimPrefix(err.Error(), "runtime error: ")
	if at, ok := err.(interface{ Addr() uintptr }); ok && at.Addr() >= nullPage {
		return fmt.Sprintf("unable to handle a page fault at %#x", at.Addr())
	}
	switch {
	case strings.Contains(text, "nil pointer") || strings.Contains(text, "invalid memory address"):
		return "a NULL pointer is followed"
	case strings.HasPrefix(text, "index out of range") || strings.HasPrefix(text, "slice bounds out of range"):
		_, which, _ := strings.Cut(text, " out of range ")
		return "an access beyond the end of an array: " + strings.NewReplacer("[", "", "]", "").Replace(which)
	case strings.Contains(text, "divide by zero"):
		return "a division by zero"
	}
	return text
}

// nullPage is below which an address is that of a field of what NULL points to.
const nullPage = 4096

// maxFrames is how many functions of a panic are told.
const maxFrames = 8

// panickedIn returns the functions from the one that panicked to those that called it.
func panickedIn() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var lines []string
	inside := false
	for {
		f, more := frames.Next()
		name := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			inside = true // all before it recovers
		case inside && strings.HasPrefix(f.Function, "vmasim/") && len(lines) < maxFrames:
			lines = append(lines, fmt.Sprintf("%s, %s:%d", name, path.Base(f.File), f.Line))
		}
		if !more {
			return strings.Join(lines, "\n")
		}
	}
}

// Panicked makes a panic of the task's code a violation. It is called where the panic is recovered.
func (t *Task) Panicked(v any) Violation {
	message, where := Panicked(v)
	if fn := t.Func(); fn != "" {
		message += " in " + fn
	}
	return Violation{Oracle: "panic", Message: message, Task: t.Name, Func: t.Func(), Where: where}
}
