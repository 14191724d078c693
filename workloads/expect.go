package workloads

import (
	"strconv"
	"strings"

	"vmasim/internal/linux"
)

// ResultKind is what may come of a statement, or be expected to.
type ResultKind uint8

const (
	ResultOK         ResultKind = iota
	ResultErrno                 // a system call failed
	ResultSegvMaperr            // no VMA there
	ResultSegvAccerr            // a VMA that does not allow the access
	ResultSegvKernel            // no canonical address
	ResultSigbus                // past the end of the file

	ResultAny   // expected only: whatever comes
	ResultSegv  // expected only: any kind of SEGV
	ResultValue // expected only: ok, with this value
)

// Outcome is what came of a statement.
type Outcome struct {
	Kind  ResultKind
	Errno linux.Errno // ResultErrno
	Value uint64      // ResultOK: the word loaded, the address mapped
}

func (o Outcome) String() string {
	if o.Kind == ResultErrno {
		return linux.Name(o.Errno)
	}
	return wordByValue(resultWords, o.Kind)
}

// accessOutcomes are the outcomes of accesses by their ends. Where a kernel would call the OOM killer, it is ENOMEM.
var accessOutcomes = [...]Outcome{
	linux.OK:         {Kind: ResultOK},
	linux.SegvMaperr: {Kind: ResultSegvMaperr},
	linux.SegvAccerr: {Kind: ResultSegvAccerr},
	linux.SegvKernel: {Kind: ResultSegvKernel},
	linux.Sigbus:     {Kind: ResultSigbus},
	linux.OOM:        {Kind: ResultErrno, Errno: linux.ENOMEM},
	linux.Killed:     {Kind: ResultErrno, Errno: linux.EINTR},
}

// AccessOutcome returns the outcome of an access.
func AccessOutcome(end linux.AccessEnd) Outcome { return accessOutcomes[end] }

// Result is one of the results that a statement may have.
type Result struct {
	Pos   Pos
	Kind  ResultKind
	Errno linux.Errno // ResultErrno
	Value *Expr       // ResultValue
}

// Expect is what a statement states behind "=>": one of Results.
type Expect struct {
	Results []Result
}

var resultWords = []Word{
	{"ok", int(ResultOK), "it succeeds; what is meant when nothing is stated"},
	{"any", int(ResultAny), "errors are counted and nothing more"},
	{"SEGV", int(ResultSegv), "SEGV_MAPERR, SEGV_ACCERR or SEGV_KERNEL"},
	{"SEGV_MAPERR", int(ResultSegvMaperr), "nothing is mapped there"},
	{"SEGV_ACCERR", int(ResultSegvAccerr), "the mapping does not allow the access"},
	{"SEGV_KERNEL", int(ResultSegvKernel), "no canonical address: a SIGSEGV with si_code SI_KERNEL, which does not say where"},
	{"SIGBUS", int(ResultSigbus), "the file does not reach that far"},
}

// Allows reports whether o is as stated. A nil Expect, where nothing is stated,
// allows success only. It does not allocate.
func (x *Expect) Allows(o Outcome, env *Env) bool {
	if x == nil {
		return o.Kind == ResultOK
	}
	for i := range x.Results {
		if x.Results[i].allows(o, env) {
			return true
		}
	}
	return false
}

func (r *Result) allows(o Outcome, env *Env) bool {
	switch r.Kind {
	case ResultAny:
		return true
	case ResultErrno:
		return o.Kind == ResultErrno && o.Errno == r.Errno
	case ResultSegv:
		return o.Kind == ResultSegvMaperr || o.Kind == ResultSegvAccerr || o.Kind == ResultSegvKernel
	case ResultValue:
		if o.Kind != ResultOK {
			return false
		}
		v, err := r.Value.Eval(env)
		return err == nil && v == o.Value
	default:
		return o.Kind == r.Kind
	}
}

func (r *Result) String() string {
	switch r.Kind {
	case ResultErrno:
		return linux.Name(r.Errno)
	case ResultValue:
		return r.Value.String()
	default:
		return wordByValue(resultWords, r.Kind)
	}
}

func (x *Expect) String() string {
	words := make([]string, len(x.Results))
	for i := range x.Results {
		words[i] = x.Results[i].String()
	}
	return strings.Join(words, " | ")
}

// lastErrno is Linux's largest errno, EHWPOISON.
const lastErrno = linux.EHWPOISON

func errnoByName(name string) (linux.Errno, bool) {
	e, ok := errnoIndex[name]
	return e, ok
}

// errnoIndex finds the errnos by name.
var errnoIndex = func() map[string]linux.Errno {
	index := map[string]linux.Errno{}
	for e := lastErrno; e > 0; e-- { // of two with one name the first
		if name := linux.Name(e); name != "" {
			index[name] = e
		}
	}
	return index
}()

func isResultWord(name string) bool {
	if _, ok := wordByName(resultWords, name); ok {
		return true
	}
	_, ok := errnoByName(name)
	return ok
}

// resultNames lists the words that can stand behind "=>", for suggestions.
func resultNames() []string {
	names := wordNames(resultWords)
	for e := linux.Errno(1); e <= lastErrno; e++ {
		if name := linux.Name(e); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// ParseResult reads a single result as it is written behind "=>", if it is one.
func ParseResult(word string) (Result, bool) {
	if w, ok := wordByName(resultWords, word); ok {
		return Result{Kind: ResultKind(w.Value)}, true
	}
	if errno, ok := errnoByName(word); ok {
		return Result{Kind: ResultErrno, Errno: errno}, true
	}
	n, err := strconv.ParseUint(word, 10, 64)
	return Result{Kind: ResultValue, Value: Constant(n)}, err == nil
}
