package explore

import (
	"errors"
	"os"
	"path/filepath"
)

// Store keeps checkpoints, which are text, by name.
type Store interface {
	Load(name string) ([]byte, error)    // fs.ErrNotExist: there is none
	Save(name string, text []byte) error // in one piece or not at all
	Remove(name string) error
}

func (o *Options) store() Store {
	if o.Store == nil {
		return Files{}
	}
	return o.Store
}

// Files is the Store of those who have a file system.
type Files struct{}

// Load implements [Store]: it reads the file of that name.
func (Files) Load(name string) ([]byte, error) { return os.ReadFile(name) }

// Remove implements [Store]: it removes the file.
func (Files) Remove(name string) error { return os.Remove(name) }

// Save implements [Store]: it replaces the file.
func (Files) Save(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), name)
}
