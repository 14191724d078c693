package vma

import (
	"testing"

	"vmasim/internal/task"
)

func TestReserved(t *testing.T) {
	var r, other Reserved
	tk := &task.Task{}
	if v := r.Entry(tk); !r.Is(v) || other.Is(v) || r.Is(nil) {
		t.Error("the entry is not told from others")
	}
}
