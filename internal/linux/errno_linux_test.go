package linux

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestErrnos compares the names and texts with the machine's.
func TestErrnos(t *testing.T) {
	other := map[string]string{"EOPNOTSUPP": "ENOTSUP", "EUCLEAN": "EFSCORRUPTED"} // second names
	for e := Errno(0); int(e) < len(errnos); e++ {
		want := unix.ErrnoName(e)
		if got := Name(e); got != want && other[got] != want {
			t.Errorf("Name(%d) = %q, want %q", e, got, want)
		}
		if errnos[e].text != "" && errnos[e].text != e.Error() {
			t.Errorf("the text of %s is %q, want %q", Name(e), errnos[e].text, e.Error())
		}
	}
}
