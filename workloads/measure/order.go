package measure

// Order returns in which order so many candidates take their turns in a round. It rotates from round to round, so that each is first, and last,
// as often as the others; in every second turn of all it goes backwards, so that none always has the same one before it.
func Order(candidates, round int) []int {
	order := make([]int, candidates)
	for i := range order {
		at := i
		if round/candidates%2 == 1 {
			at = candidates - 1 - i
		}
		order[i] = (round + at) % candidates
	}
	return order
}
