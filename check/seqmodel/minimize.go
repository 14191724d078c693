package seqmodel

// Minimize drops what it can from a failing sequence so that it still fails:
// runs of steps first, ever shorter ones, down to single steps. fails must
// start from scratch each time and skip what makes no sense any more.
func Minimize[T any](steps []T, fails func([]T) bool) []T {
	for run := max(1, len(steps)/2); ; {
		dropped := false
		for i := 0; i < len(steps); {
			shorter := append(steps[:i:i], steps[min(i+run, len(steps)):]...)
			if fails(shorter) {
				steps, dropped = shorter, true
				continue
			}
			i += run
		}
		switch {
		case run > 1:
			run /= 2
		case !dropped:
			return steps
		}
	}
}
