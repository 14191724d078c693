package mm_test

import "vmasim/internal/rules"

func defaultRules() rules.Set {
	rs, err := rules.Parse(rules.Default)
	if err != nil {
		panic(err)
	}
	return rs
}
