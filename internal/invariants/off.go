//go:build !invariants

// Package invariants says whether checks are compiled in that cost too much for a normal run: poisoned frames, scans of
// tables that are being freed. Build with -tags invariants to have them.
package invariants

// Enabled reports that the program was built with the invariants tag.
const Enabled = false
