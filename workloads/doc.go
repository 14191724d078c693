// Package workloads holds the scenario language of vmasim.
//
// A scenario is a text file, one statement a line, that says which threads do
// what to which address space and what must come of it. [Parse] turns it into
// a [Scenario] or into an [ErrorList] that names every mistake of the file at
// once; [Load] finds scenarios by built-in name, file or directory.
// docs/scenarios.md is the manual of the language; its tables are generated
// from the ones in table.go.
//
// Names are resolved while parsing: a region, file, address space or barrier
// is an index when a statement runs, and [Expr.Eval] allocates nothing, so a
// driver can execute statements in its hot loop as they stand.
package workloads
