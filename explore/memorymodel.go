package explore

import (
	"fmt"
	"strconv"
	"strings"
)

// MemoryModel says what loads may see. The zero value is sequential consistency: the latest store.
type MemoryModel struct {
	Views bool // loads and stores may be out of order, see [views]
	TSO   bool // loads may come before earlier stores, see [buffers]
	Limit int  // how many accesses of an execution may be so; 0: any number
}

// Weak reports whether accesses may be out of order.
func (m MemoryModel) Weak() bool { return m.Views || m.TSO }

// Family is the name of the model, whatever its limit.
func (m MemoryModel) Family() string {
	m.Limit = 0
	return m.String()
}

// MemoryModelInfo describes a memory model.
type MemoryModelInfo struct {
	Name string
	Doc  string
}

// MemoryModels returns those that there are.
func MemoryModels() []MemoryModelInfo {
	return []MemoryModelInfo{
		{"sc", "sequentially consistent: a load sees the latest store"},
		{"views", "a load may see an older store, and a store take an earlier place, where nothing binds the task: as the kernel's memory model (LKMM) allows, without load buffering"},
		{"views:N", "views, with at most N such accesses in an execution"},
		{"tso", "as x86 does: a load may come before earlier stores of its task to other cells, and nothing else is out of order"},
	}
}

// ParseMemoryModel reads the name of a memory model.
func ParseMemoryModel(text string) (MemoryModel, error) {
	name, limit, limited := strings.Cut(text, ":")
	switch n, err := strconv.Atoi(limit); {
	case text == "sc":
		return MemoryModel{}, nil
	case text == "tso":
		return MemoryModel{TSO: true}, nil
	case name == "views" && !limited:
		return MemoryModel{Views: true}, nil
	case name == "views" && err == nil && n > 0:
		return MemoryModel{Views: true, Limit: n}, nil
	}
	return MemoryModel{}, fmt.Errorf("unknown memory model %q, expected sc, views, views:N with N from 1, or tso", text)
}

func (m MemoryModel) String() string {
	switch {
	case m.TSO:
		return "tso"
	case !m.Views:
		return "sc"
	case m.Limit > 0:
		return fmt.Sprintf("views:%d", m.Limit)
	}
	return "views"
}
