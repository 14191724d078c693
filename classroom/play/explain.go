package play

import "vmasim/classroom/explain"

// Known is a name that is explained.
type Known struct {
	Name     string   `json:"name"`
	Kinds    []string `json:"kinds"` // of what it may mean
	Sentence string   `json:"sentence"`
}

// Names returns all names that are explained, each once, with one sentence.
func Names() (all []Known) {
	places := map[string]int{}
	for _, e := range explain.All() {
		for _, name := range e.Names() {
			i, again := places[name]
			if !again {
				i = len(all)
				places[name] = i
				all = append(all, Known{Name: name, Sentence: e.Sentence()})
			}
			all[i].Kinds = append(all[i].Kinds, e.Kind)
		}
	}
	return all
}

// Explain says what a name means.
func Explain(name string) ([]explain.Entry, error) { return explain.Find(name) }
