package workloads

import (
	"errors"
	"testing"
)

func TestErrorListUnwraps(t *testing.T) {
	_, err := Parse("x.vma", []byte("bad\n"))
	var one *SyntaxError
	if !errors.As(err, &one) || one.Pos != (Pos{"x.vma", 1, 1}) {
		t.Errorf("%v", err)
	}
}
