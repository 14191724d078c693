// Package campaign divides long work into files that machines work at with nothing in common but these: the parts of a search
// of a scenario ([Split]), and what shards of runs over many programs came to ([Result]). A batch system runs a command for each,
// and what they leave in a directory is added up ([Load]).
//
// A part of a search is a file NAME.part, which nothing changes once it is written. Where its search stands is in NAME.state beside it,
// which holds what was found, too, and is replaced as a whole now and then: so a process can end at any moment.
package campaign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vmasim/explore"
)

// version is that of the files' form.
const version = 1

// The kinds of file, which are also how their names end.
const (
	partKind   = "part"
	stateKind  = "state"
	resultKind = "result"
)

// envelope is what every file is: it says what it is, and tells whether it is damaged.
type envelope struct {
	Kind    string          `json:"vmasim"`
	Version int             `json:"version"`
	Sum     string          `json:"sha256"` // of the body
	Body    json.RawMessage `json:"body"`
}

func sum(body []byte) string {
	hash := sha256.Sum256(body)
	return hex.EncodeToString(hash[:])
}

// wrap makes a body a file.
func wrap(kind string, body any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	inner := bytes.TrimSpace(text.Bytes())
	var all bytes.Buffer
	e = json.NewEncoder(&all)
	e.SetEscapeHTML(false)
	err := e.Encode(envelope{kind, version, sum(inner), inner})
	return all.Bytes(), err
}

// unwrap returns the body of a file.
func unwrap(kind string, text []byte) (json.RawMessage, error) {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil || e.Kind == "" {
		if len(bytes.TrimSpace(text)) > 0 && bytes.HasPrefix(text, []byte(`{"vmasim":`)) {
			return nil, fmt.Errorf("is damaged: %w", err)
		}
		return nil, fmt.Errorf("is no %s of vmasim", kind)
	}
	switch {
	case e.Kind != kind:
		return nil, fmt.Errorf("is a %s, expected a %s", e.Kind, kind)
	case e.Version != version:
		return nil, fmt.Errorf("has version %d, expected %d: another version of vmasim has written it", e.Version, version)
	case e.Sum != sum(e.Body):
		return nil, errors.New("is damaged: its checksum is another")
	}
	return e.Body, nil
}

// Sweep removes what processes have left that were killed while they replaced a file.
func Sweep(file string) error {
	names, err := entries(filepath.Dir(file))
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, filepath.Base(file)+"."); ok && strings.Trim(rest, "0123456789") == "" {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(file), name)))
		}
	}
	return err
}

// States keeps where searches of parts stand, in files of package campaign.
type States struct{ explore.Files }

// Load implements [explore.Store].
func (s States) Load(name string) ([]byte, error) {
	text, err := s.Files.Load(name)
	if err != nil {
		return nil, err
	}
	body, err := unwrap(stateKind, text)
	if err != nil {
		return nil, fmt.Errorf("%w; without it, the part begins anew", err)
	}
	return body, nil
}

// Save implements [explore.Store].
func (s States) Save(name string, text []byte) error {
	all, err := wrap(stateKind, json.RawMessage(text))
	if err != nil {
		return err
	}
	return s.Files.Save(name, all)
}
