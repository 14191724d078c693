// Package phystest gives tests the folder that files with pages to be read belong in.
package phystest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// DiskDir returns a folder for a test whose files must be read from a device: that of temporary files, or one beside the package
// where those live in memory. It skips the test where neither is on a disk, since a page of a tmpfs is never read.
func DiskDir(tb testing.TB) string {
	tb.Helper()
	if dir := tb.TempDir(); !inMemory(tb, dir) {
		return dir
	}
	dir, err := os.MkdirTemp(".", ".disk-")
	if err != nil {
		tb.Skipf("temporary files are on a tmpfs, and nothing can be made here: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // the rest may stay in the folder
	if inMemory(tb, dir) {
		tb.Skip("temporary files and the sources are on a tmpfs, whose pages are never read from a device")
	}
	return dir
}

func inMemory(tb testing.TB, dir string) bool {
	tb.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		tb.Fatalf("statfs %s: %v", dir, err)
	}
	return st.Type == linux.TMPFS_MAGIC
}
