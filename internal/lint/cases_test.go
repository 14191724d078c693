package lint

import "strings"

// one is a package of one file.
func one(src string) map[string]string { return map[string]string{"x.go": src} }

// body is a package of one file with a function that does what is given.
func body(decls, statements string) map[string]string {
	return one("package x\n\n" + decls + "\n\nfunc f() {\n" + statements + "\n}\n")
}

const table = "var opTable = [...]int{1, 2}"

// caseTable are sources for the checks. A case's name begins with its check's; want "" means that nothing is found.
var caseTable = []struct {
	name  string
	check func(*pkg) []string
	dir   string
	files map[string]string
	want  string
}{
	{"seam import", checkSeam, "vma", one(`package vma; import "sync/atomic"`), "vma/x.go:1: a protocol package imports sync/atomic"},
	{"seam renamed import", checkSeam, "mm", one(`package mm; import r "math/rand/v2"`), "imports math/rand/v2"},
	{"seam time", checkSeam, "internal/phys", one(`package phys; import "time"`), "imports time"},
	{"seam in a test", checkSeam, "vma", map[string]string{"x_test.go": `package vma; import "sync"`}, ""},
	{"seam elsewhere", checkSeam, "workloads", one(`package workloads; import "sync"; func f() { go f() }`), ""},
	{"seam goroutine", checkSeam, "tree", body("", "go f()"), "starts a goroutine"},
	{"seam channel", checkSeam, "tree", body("var c chan int", ""), "uses a channel"},
	{"seam receive", checkSeam, "tree", body("", "<-c"), "receives"},
	{"seam send", checkSeam, "tree", body("", "c <- 1"), "sends"},
	{"seam select", checkSeam, "tree", body("", "select {}"), "selects"},
	{"machine", checkMachine, "mm", one(`package mm; import "golang.org/x/sys/unix"`), "the engine imports golang.org/x/sys/unix"},
	{"machine of Linux", checkMachine, "internal/phys", map[string]string{"x_linux.go": `package phys; import "golang.org/x/sys/unix"`}, ""},
	{"machine of the judge", checkMachine, "judge/host", one(`package host; import "syscall"`), ""},
	{"seam fine", checkSeam, "fault", one(`package fault; import "vmasim/internal/ksync"`), ""},

	{"prose person", checkProse, "mm", body("// f goes on until no\n// one needs it, which nobody does.", ""), `x.go:3: the comment says "no one"`},
	{"prose clause", checkProse, "mm", body("// A list. What is nil is left out.", ""), "begin the sentence with its subject"},
	{"prose predicate", checkProse, "mm", body("// f tells whether it is so.", ""), "reports whether"},
	{"prose fine", checkProse, "mm", body("// f reports whether a waiter is there. A task says what it wants.", ""), ""},

	{"state plain", checkState, "mm", body("var count int", ""), "package-level variable count"},
	{"state map", checkState, "mm", body("var cache = map[int]int{}", ""), "package-level variable cache"},
	{"state cell", checkState, "internal/task", body("var lock sync.Mutex", ""), "package-level variable lock"},
	{"state table without value", checkState, "mm", body("var opTable [4]int", ""), "package-level variable opTable"},
	{"state table from a call", checkState, "mm", body("var opTable = makeTable()", ""), "package-level variable opTable"},
	{"state second of two", checkState, "mm", body("var opTable, n = []int{1}, 2", ""), "package-level variable n"},
	{"state table", checkState, "mm", body(table, "_ = opTable[1]"), ""},
	{"state pointer to a layout", checkState, "mm", body("var vmaLayout = task.Layout{}", "use(&vmaLayout)"), ""},
	{"state append to a literal", checkState, "mm", body("var someRule = append([]int{1}, otherRule...)", ""), ""},
	{"state assigned", checkState, "mm", body(table, "opTable = x"), "opTable is written to"},
	{"state element", checkState, "mm", body(table, "opTable[1] = 2"), "opTable is written to"},
	{"state field", checkState, "mm", body(table, "opTable[1].x += 2"), "opTable is written to"},
	{"state increment", checkState, "mm", body(table, "(opTable[1])++"), "opTable is written to"},
	{"state address", checkState, "mm", body(table, "p := &opTable[1]"), "opTable is written to"},
	{"state deleted", checkState, "mm", body(table, "delete(opTable, 1)"), "opTable is written to"},
	{"state copied to", checkState, "mm", body(table, "copy(opTable[:], x)"), "opTable is written to"},
	{"state range", checkState, "mm", body(table, "for opTable[0] = range 3 {}"), "opTable is written to"},
	{"state layout's field", checkState, "mm", body("var vmaLayout = task.Layout{}", "vmaLayout.Size = 3"), "vmaLayout is written to"},
	{"state local of that name", checkState, "mm", body(table, "opTable := 1; opTable = 2"), ""},
	{"state in another file", checkState, "mm", map[string]string{"a.go": "package x; " + table, "b.go": "package x; func f() { opTable[0] = 1 }"}, "mm/b.go:1: the table opTable is written to"},
	{"state constants", checkState, "mm", body(`var errA = errors.New("a"); var ErrB = fmt.Errorf("b: %w", errA); var _ I = t{}`, ""), ""},
	{"state embedded", checkState, "mm", one("package x\n\n//go:embed a\nvar files embed.FS\n"), ""},
	{"state elsewhere", checkState, "cmd/vmasim", body("var count int", ""), ""},
	{"state in a test", checkState, "mm", map[string]string{"x_test.go": "package x; var count int"}, ""},

	{"layers up", checkLayers, "vma", one(`package vma; import "vmasim/mm"`), "vma imports mm, which is not below it"},
	{"layers aside", checkLayers, "check", one(`package check; import "vmasim/explore"`), "which is not below it"},
	{"floors up", checkLayers, "judge/host", one(`package host; import "vmasim/report"`), "whose folder stands above"},
	{"floors of the ground", checkLayers, "internal/task", one(`package task; import "vmasim/judge/deep"`), "whose folder stands above"},
	{"layers down", checkLayers, "tree", one(`package tree; import ("fmt"; "vmasim/vma"; "vmasim/internal/ksync")`), ""},
	{"layers unknown", checkLayers, "internal/odds", one(`package odds`), "package internal/odds is in no layer"},
	{"layers test package", checkLayers, "workloads/driver", one(`package driver; import "vmasim/explore/exploretest"`), "is for tests only"},
	{"layers in a test", checkLayers, "vma", map[string]string{"x.go": "package vma", "x_test.go": `package vma; import "vmasim/mm"`}, ""},
	{"layers model", checkLayers, "check/seqmodel", one(`package seqmodel; import "vmasim/internal/task"`), "which is not below it"},
	{"layers of a renderer", checkLayers, "report", map[string]string{"graph.go": `package report; import ("vmasim/explore"; "vmasim/explore/trace")`}, "a renderer imports explore:"},
	{"layers of renderers", checkLayers, "report", map[string]string{"graph.go": `package report; import "vmasim/explore/trace"`, "x.go": `package report; import "vmasim/explore"`}, ""},
	{"floors on bench", checkLayers, "report", one(`package report; import "vmasim/bench"`), "whose folder stands above"},
	{"layers inside bench", checkLayers, "bench", one(`package bench; import "vmasim/bench/hostmm"`), "which is not below it"},
	{"layers of bench", checkLayers, "bench/simmm", one(`package simmm; import ("vmasim/fault"; "vmasim/bench"; "vmasim/workloads/measure")`), ""},

	{"length over", checkLength, "mm", one("package mm\n" + strings.Repeat("\n", maxLines)), "lines: fewer than"},
	{"length at the limit", checkLength, "mm", one("package mm" + strings.Repeat("\n", maxLines-1)), ""},
	{"length of a test", checkLength, "mm", map[string]string{"x_test.go": "package mm\n" + strings.Repeat("\n", maxLines)}, ""},

	{"format bad", checkFormat, "mm", one("package  mm\n"), "not formatted"},
	{"format bad test", checkFormat, "mm", map[string]string{"x_test.go": "package mm\nvar  x int\n"}, "not formatted"},
	{"format good", checkFormat, "mm", one("package mm\n"), ""},

	{"docs package", checkDocs, "mm", one("package mm"), "package mm has no comment"},
	{"docs func", checkDocs, "mm", one("// Package mm is.\npackage mm\n\nfunc Map() {}\n"), "Map has no comment"},
	{"docs method", checkDocs, "mm", one("// Package mm is.\npackage mm\n\nfunc (m *MM) Map() {}\n"), "Map has no comment"},
	{"docs generic method", checkDocs, "mm", one("// Package mm is.\npackage mm\n\nfunc (m *List[K, V]) Map() {}\n"), "Map has no comment"},
	{"docs type", checkDocs, "mm", one("// Package mm is.\npackage mm\n\ntype MM struct{}\n"), "MM has no comment"},
	{"docs type in a group", checkDocs, "mm", one("// Package mm is.\npackage mm\n\n// These.\ntype (\n\tMM struct{}\n)\n"), "MM has no comment"},
	{"docs const", checkDocs, "mm", one("// Package mm is.\npackage mm\n\nconst A = 1\n"), "A has no comment"},
	{"docs untyped group", checkDocs, "mm", one("// Package mm is.\npackage mm\n\nconst (\n\tA = 1\n)\n"), "A has no comment"},
	{"docs enumeration", checkDocs, "mm", one("// Package mm is.\npackage mm\n\nconst (\n\tA Kind = iota\n\tB\n)\n"), ""},
	{"docs fine", checkDocs, "mm", one("// Package mm is.\npackage mm\n\n// These.\nconst (\n\tA = 1\n\tB = 2\n)\n\ntype t struct{}\n\nfunc (t) Map() {}\n\nfunc (*T) String() string\n\nfunc g() {}\n"), ""},
	{"docs of tests", checkDocs, "mm", map[string]string{"x_test.go": "package mm; func Helper() {}"}, ""},

	{"leftovers", checkLeftovers, "mm", one("package mm // TODO: all"), "a TODO is left"},
	{"leftovers in a block", checkLeftovers, "mm", one("package mm /* see\nFIX" + "ME */"), "is left"},
	{"leftovers in a string", checkLeftovers, "mm", one(`package mm; const s = "TODO"`), ""},

	{"citations fact", checkCitations, "mm", one("package mm\n\n// f goes by R99.\nfunc f() {}\n"), "cites R99, which is not in docs/kernel.md"},
	{"citations document", checkCitations, "mm", one("package mm\n\n// f goes by kernel-facts §3.\nfunc f() {}\n"), "cites kernel-facts, which is not in the project"},
	{"citations in a test", checkCitations, "mm", map[string]string{"x_test.go": "package mm\n\nfunc f() {} // I77\n"}, "cites I77"},
	{"citations fine", checkCitations, "mm", one("package mm\n\n// f goes by K1, R26, I31 and B05 of docs/kernel.md.\nfunc f() {}\n"), ""},
	{"citations of budgets", checkCitations, "bench/gvisor", one("package x\n\n// B99 is met.\nfunc f() {}\n"), ""},
}
