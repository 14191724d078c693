package wrap

import "unicode/utf8"

// Cells is how many cells of a terminal a text takes.
// A page has neither a terminal's colours nor wide letters, and the tables of those would be sent with each.
func Cells(text string) int { return utf8.RuneCountInString(text) }
