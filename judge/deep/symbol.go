package deep

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// symbol is where a function of the kernel's is.
type symbol struct{ start, end uint64 }

// findSymbol looks a function up in /proc/kallsyms. It ends where the next symbol begins.
func findSymbol(name string) (symbol, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return symbol{}, err
	}
	defer f.Close()
	var s symbol
	var others []uint64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // address, type, name, and the module
		if len(fields) < 3 {
			continue
		}
		address, err := strconv.ParseUint(fields[0], 16, 64)
		if err != nil {
			return s, fmt.Errorf("/proc/kallsyms: %w", err)
		}
		if fields[2] == name {
			s.start = address
		} else {
			others = append(others, address)
		}
	}
	if s.start == 0 {
		return s, fmt.Errorf("/proc/kallsyms does not say where %s is (kernel.kptr_restrict)", name)
	}
	for _, address := range others { // modules come last, in an order of their own
		if address > s.start && (s.end == 0 || address < s.end) {
			s.end = address
		}
	}
	if s.end == 0 {
		return s, errors.New("/proc/kallsyms ends early")
	}
	return s, nil
}
