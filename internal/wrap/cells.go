//go:build !js

package wrap

import "github.com/charmbracelet/x/ansi"

// Cells is how many cells of a terminal a text takes.
func Cells(text string) int { return ansi.StringWidth(text) }
