package turns

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Sum is a checksum of the scenarios, by which shards of one measurement are known.
func (m *Measurement) Sum() string {
	hash := sha256.New()
	for _, p := range m.Points {
		hash.Write(p.scenario.Source)
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// Merge adds up the rounds of measurements of the same points under the same rules. There is at least one.
func Merge(shards []*Measurement) *Measurement {
	all := *shards[0]
	all.Points = nil
	for i, p := range shards[0].Points {
		point := *p
		point.Rounds = nil
		for _, m := range shards {
			point.Rounds = append(point.Rounds, m.Points[i].Rounds...)
		}
		all.Points = append(all.Points, &point)
	}
	for _, m := range shards[1:] {
		all.Elapsed += m.Elapsed
		for _, host := range m.Hosts {
			if !slices.Contains(all.Hosts, host) {
				all.Hosts = append(slices.Clip(all.Hosts), host)
			}
		}
	}
	all.Interrupted = false // shards that are not finished are told of by themselves
	return &all
}
