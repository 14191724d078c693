package report

import (
	"fmt"
	"strconv"
	"strings"

	"vmasim/internal/linux"
)

// count writes n with commas: 1,234,567.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return count(n) + " " + noun + "s"
}

// rate writes a rate with three digits: 1.23 M/s.
func rate(perSecond float64) string {
	units := []string{"/s", " k/s", " M/s", " G/s"}
	i := 0
	for perSecond >= 999.5 && i < len(units)-1 {
		perSecond /= 1000
		i++
	}
	return threeDigits(perSecond) + units[i]
}

// nanos writes a duration in ns with three digits: 376 ns, 1.06 µs. A dash stands for one that was not measured.
func nanos(n uint64) string {
	if n == 0 {
		return "-"
	}
	units := []string{" ns", " µs", " ms", " s"}
	i, v := 0, float64(n)
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if i == 0 {
		return strconv.FormatUint(n, 10) + units[0]
	}
	return threeDigits(v) + units[i]
}

func threeDigits(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// percent writes a share so that only all is 100 % and only nothing is 0 %.
func percent(part, whole uint64) string {
	p := 100 * float64(part) / float64(max(whole, 1))
	switch {
	case part == 0:
		return "0 %"
	case part == whole:
		return "100 %"
	case p < 0.01:
		return "<0.01 %"
	case p > 99.99:
		return ">99.99 %"
	}
	return fmt.Sprintf("%.2f %%", p)
}

// byteSize writes a size in binary units with up to three digits: 256 MiB.
func byteSize(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i, v := 0, float64(n)
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	digits := threeDigits(v)
	if strings.Contains(digits, ".") {
		digits = strings.TrimRight(strings.TrimRight(digits, "0"), ".")
	}
	return digits + " " + units[i]
}

func frames(n int) string { return byteSize(uint64(n) * linux.PageSize) }
