package interp

import (
	"errors"
	"fmt"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// Failure is the outcome of a system call that failed.
func Failure(e linux.Errno) workloads.Outcome {
	return workloads.Outcome{Kind: workloads.ResultErrno, Errno: e}
}

func success(value uint64) workloads.Outcome {
	return workloads.Outcome{Kind: workloads.ResultOK, Value: value}
}

// notRun is the outcome of a statement that cannot be run. It is an error without errno, which only "any" allows; its
// value says which.
func notRun(err error) workloads.Outcome {
	for i, known := range notRunErrors {
		if errors.Is(err, known) {
			return workloads.Outcome{Kind: workloads.ResultErrno, Value: uint64(i)}
		}
	}
	panic(err)
}

var (
	errUnaligned = errors.New("the address of a word is not a multiple of 8")

	notRunErrors = [...]error{workloads.ErrUnbound, workloads.ErrOverflow, errUnaligned}
	notRunLabels = [...]string{"unbound", "overflow", "unaligned"}
)

// Label names an outcome in statistics.
func Label(out workloads.Outcome) string {
	if out.Kind == workloads.ResultErrno && out.Errno == 0 {
		return notRunLabels[out.Value]
	}
	return out.String()
}

// Describe words an outcome for a report, with the reason where it is known.
func (a *Actor) Describe(s *workloads.Stmt, out workloads.Outcome) string {
	text := Describe(s, out)
	if out.Kind == workloads.ResultErrno && a.why != nil && errors.Is(a.why, out.Errno) {
		text = fmt.Sprintf("%s (%v)", text, a.why)
	}
	return text
}

// Describe words an outcome for a report: addresses as hexadecimal numbers, other values as decimal ones.
func Describe(s *workloads.Stmt, out workloads.Outcome) string {
	switch {
	case out.Kind == workloads.ResultErrno && out.Errno == 0:
		return "no result: " + notRunErrors[out.Value].Error()
	case out.Kind == workloads.ResultOK && s.Spec().Results&workloads.GivesAddress != 0:
		return fmt.Sprintf("%#x", out.Value)
	case out.Kind == workloads.ResultOK && s.Spec().Results&workloads.GivesValue != 0:
		return fmt.Sprint(out.Value)
	}
	return out.String()
}

// Stated gives a statement as it is written, without its expectation and its weight.
func Stated(s *workloads.Stmt) string {
	bare := *s
	bare.Expect, bare.Weight = nil, 0
	return bare.String()
}
