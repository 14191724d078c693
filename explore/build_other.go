//go:build !linux

package explore

import (
	"encoding/hex"
	"hash/fnv"
	"io"
	"os"
	"runtime/debug"
)

// build identifies this program's code, to which alone it means something where a search stands: by the executable's bytes, or, where
// there is no such file, as in a browser, by what the build says of itself.
func build() string {
	hash := fnv.New64a()
	if !hashExecutable(hash) {
		if info, ok := debug.ReadBuildInfo(); ok {
			hash.Write([]byte(info.String()))
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// hashExecutable adds the executable's bytes, and reports whether it could.
func hashExecutable(to io.Writer) bool {
	path, err := os.Executable()
	if err != nil {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err == nil
}
