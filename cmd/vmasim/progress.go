package main

import (
	"fmt"
	"io"
)

// progress is a line on a terminal that is written again and again. On anything else nothing is shown.
type progress struct {
	w     io.Writer // nil: no terminal
	shown bool
}

const eraseLine = "\r\x1b[K"

func newProgress(w io.Writer) *progress {
	p := &progress{}
	if isTerminal(w) {
		p.w = w
	}
	return p
}

func (p *progress) show(line string) {
	if p.w != nil {
		p.shown = true
		fmt.Fprint(p.w, eraseLine+line)
	}
}

func (p *progress) erase() {
	if p.shown {
		fmt.Fprint(p.w, eraseLine)
	}
}
