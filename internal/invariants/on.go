//go:build invariants

package invariants

// Enabled reports that the program was built with the invariants tag.
const Enabled = true
