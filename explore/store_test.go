package explore

import (
	"io/fs"
	"testing"
)

// held is a Store in memory, as a page has it.
type held map[string][]byte

func (h held) Load(name string) ([]byte, error) {
	if text, ok := h[name]; ok {
		return text, nil
	}
	return nil, fs.ErrNotExist
}

func (h held) Save(name string, text []byte) error {
	h[name] = text
	return nil
}

func (h held) Remove(name string) error {
	delete(h, name)
	return nil
}

// TestStore: a search goes on from a checkpoint that is no file. Between is called before each execution.
func TestStore(t *testing.T) {
	store, before := held{}, 0
	o := Options{Checkpoint: "search", Store: store, Between: func() { before++ }}
	whole := explored(t, generate(1), Options{})
	o.Executions = whole.Executions / 2
	first := explored(t, generate(1), o)
	if !first.Stopped || len(store["search"]) == 0 || before < first.Executions {
		t.Errorf("%d executions, %d calls between, checkpoint %q", first.Executions, before, store["search"])
	}
	o.Executions = 0
	last := explored(t, generate(1), o)
	if last.Earlier != first.Executions || last.Executions != whole.Executions || len(store) > 0 {
		t.Errorf("%d executions of %d, %d earlier; %d checkpoints are left", last.Executions, whole.Executions, last.Earlier, len(store))
	}
}
