package driver

import (
	"encoding/json"
	"maps"
	"slices"

	"vmasim/workloads"
)

// Ops are the kinds of statement that ran, in the manual's order. In JSON they are an object with a key for each kind.
type Ops []Op

// MarshalJSON implements [json.Marshaler].
func (all Ops) MarshalJSON() ([]byte, error) {
	byKind := map[string]Op{}
	for _, o := range all {
		byKind[o.Kind] = o
	}
	return json.Marshal(byKind)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (all *Ops) UnmarshalJSON(text []byte) error {
	var byKind map[string]Op
	err := json.Unmarshal(text, &byKind)
	*all = nil
	for kind := range workloads.Kind(workloads.NumKinds) {
		if o, ran := byKind[kind.String()]; ran {
			o.Kind = kind.String()
			*all = append(*all, o)
		}
	}
	return err
}

// Errors are the errors of a kind of statement, by name. In JSON they are an object with a key for each.
type Errors []Error

// MarshalJSON implements [json.Marshaler].
func (all Errors) MarshalJSON() ([]byte, error) {
	counts := map[string]uint64{}
	for _, e := range all {
		counts[e.Name] = e.Count
	}
	return json.Marshal(counts)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (all *Errors) UnmarshalJSON(text []byte) error {
	var counts map[string]uint64
	err := json.Unmarshal(text, &counts)
	*all = nil
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		*all = append(*all, Error{name, counts[name]})
	}
	return err
}
