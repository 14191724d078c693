package program

import (
	"os"
	"testing"

	"vmasim/workloads"
)

// TestFilesLieOnDisk: a temporary file is read as one on a disk is, whatever the folder for temporary files lies on.
func TestFilesLieOnDisk(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("no folder that lies in memory: ", err)
	}
	t.Setenv("TMPDIR", "/dev/shm")
	sc, err := workloads.LoadBuiltin("read-under-lock")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range sc.Verdicts {
		CheckVerdict(t, sc, v, 1)
	}
}
