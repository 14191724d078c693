package explore

import (
	"cmp"
	"encoding/json"
	"time"
)

// Progress is how far a search is, with what earlier runs did if it went on from a checkpoint.
type Progress struct {
	Executions int
	Rate       float64 // executions a second, in this run
	Elapsed    time.Duration
	States     int           // found, by a strategy that remembers them
	Open       int           // alternatives that are known and were not tried
	Share      float64       // of the search that is done, from 0 to 1, or of the current bound; 0: not known
	Total      int           // executions that this makes, about; 0: not known
	Left       time.Duration // that it will take, about; 0: not known
	Counted    string        // [StrategyInfo.Counts]
	Bound      int           // how many of these; otherwise -1
}

// saveInterval is how often a checkpoint is written.
const saveInterval = 10 * time.Second

// tick tells the progress and writes the checkpoint now and then until the returned function is called.
func (s *search) tick() (stop func()) {
	if s.o.Progress == nil && s.o.Checkpoint == "" {
		return func() {}
	}
	every := s.o.Every
	if every <= 0 {
		every = time.Second
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(every)
		defer tick.Stop()
		saved := time.Now()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if s.o.Progress != nil {
				s.o.Progress(s.progress())
			}
			s.asked.Add(1)
			if s.o.Checkpoint != "" && time.Since(saved) >= cmp.Or(s.o.saveEvery, saveInterval) {
				s.saveNow()
				saved = time.Now()
			}
		}
	}()
	return func() { close(quit); <-gone }
}

// standing is where a shard stands that is not done.
type standing struct {
	saved  json.RawMessage // what the strategy goes on from; nil: from the start
	result *result         // until then
	share  float64         // that is done
	open   int
	states int
}

// publish notes where a shard stands, for progress reports.
func (s *search) publish(index int, part shard, r *result) error {
	at := &standing{result: r.clone()}
	at.share, at.open = part.share()
	at.states = part.states()
	if s.o.Checkpoint != "" {
		saved, err := json.Marshal(part.save())
		if err != nil {
			return err
		}
		at.saved = saved
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[index] = at
	return nil
}

// progress says how far the search is, from what the workers told when they were last asked.
func (s *search) progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, d := int(s.started.Load()), time.Since(s.begun)
	p := Progress{
		Executions: s.report.Earlier + n, Rate: float64(n) / d.Seconds(), Elapsed: s.before + d, Bound: -1,
	}
	if s.phase == nil {
		return p
	}
	if p.Counted = s.o.Strategy.Counts(); p.Counted != "" {
		p.Bound = s.nth
	}
	for _, at := range s.open {
		p.Open += at.open
		p.States += at.states
	}
	done := p.Executions - s.offset + s.phase.before
	switch {
	case s.phase.draws > 0:
		p.Total = int(s.phase.draws)
		p.Share = min(float64(p.Executions)/float64(p.Total), 1)
	case s.phase.total > 0:
		share := s.phase.done
		for i, at := range s.open {
			share += at.share * s.phase.weight(i)
		}
		p.Share = min(share/s.phase.total, 1)
		if p.Share > 0 {
			p.Total = int(float64(done) / p.Share)
		}
	}
	if p.Total > done && p.Rate > 0 {
		p.Left = time.Duration(float64(p.Total-done) / p.Rate * float64(time.Second))
	}
	if s.o.Time > 0 {
		p.Left = lessTime(p.Left, s.o.Time-d)
	}
	return p
}

// lessTime returns what comes first, the end of the search, which may not be known, or of the time that it has.
func lessTime(left, limit time.Duration) time.Duration {
	limit = max(limit, 0)
	if left == 0 || limit < left {
		return limit
	}
	return left
}
