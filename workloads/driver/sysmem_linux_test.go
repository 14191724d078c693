package driver

import "testing"

func TestMemAvailable(t *testing.T) {
	const text = "MemTotal:       24684100 kB\nMemFree:        23321000 kB\nMemAvailable:   23869992 kB\n"
	if n, ok := memAvailable(text); !ok || n != 23869992<<10 {
		t.Errorf("%d %v", n, ok)
	}
	for _, bad := range []string{"", "MemFree: 1 kB\n", "MemAvailable:\n", "MemAvailable: x kB\n"} {
		if n, ok := memAvailable(bad); ok {
			t.Errorf("%q: %d", bad, n)
		}
	}
	if n := availableMemory(); n < 1<<24 {
		t.Errorf("this machine has %d bytes to give", n)
	}
}
