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
		return files{}
	}
	return o.Store
}

// files is the Store of those who have a file system.
type files struct{}

func (files) Load(name string) ([]byte, error) { return os.ReadFile(name) }
func (files) Remove(name string) error         { return os.Remove(name) }

func (files) Save(name string, text []byte) error {
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
