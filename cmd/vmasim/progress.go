package main

import (
	"fmt"
	"io"
	"sync"
)

// progress is a line on a terminal that is written again and again. On anything else nothing is shown.
type progress struct {
	w io.Writer // nil: no terminal

	mu    sync.Mutex
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.shown = true
		fmt.Fprint(p.w, eraseLine+line)
	}
}

// above prints lines that stay.
func (p *progress) above(lines []string) {
	p.erase()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		for _, line := range lines {
			fmt.Fprintln(p.w, line)
		}
	}
}

func (p *progress) erase() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, eraseLine)
	}
}
