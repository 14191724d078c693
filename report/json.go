package report

import (
	"encoding/json"
	"io"

	"vmasim/workloads/driver"
)

// result is the object that --format json prints. docs/output.md names every key; keys are only ever added.
type result struct {
	Scenario    string        `json:"scenario"`
	Rules       string        `json:"rules"`
	Machine     string        `json:"machine"`
	Seed        uint64        `json:"seed"`
	Tasks       int           `json:"tasks"`
	ElapsedNS   int64         `json:"elapsed_ns"`
	Ops         map[string]op `json:"ops"`
	Faults      faults        `json:"faults"`
	VMAs        vmas          `json:"vmas"`
	Memory      memory        `json:"memory"`
	Unexpected  []unexpected  `json:"unexpected"`
	Violations  []violation   `json:"violations"`
	Interrupted bool          `json:"interrupted"`
}

type op struct {
	Count  uint64            `json:"count"`
	Errors map[string]uint64 `json:"errors"`
	P50    uint64            `json:"p50_ns"`
	P99    uint64            `json:"p99_ns"`
	Max    uint64            `json:"max_ns"`
}

type faults struct {
	Total          uint64 `json:"total"`
	MmapLock       uint64 `json:"mmap_lock"`
	VMALockSuccess uint64 `json:"vma_lock_success"`
	VMALockAbort   uint64 `json:"vma_lock_abort"`
	VMALockRetry   uint64 `json:"vma_lock_retry"`
	VMALockMiss    uint64 `json:"vma_lock_miss"`
	Segv           uint64 `json:"segv"`
	Sigbus         uint64 `json:"sigbus"`
}

type vmas struct {
	MapCount     int    `json:"map_count"`
	Allocated    uint64 `json:"allocated"`
	Reused       uint64 `json:"reused"`
	GracePeriods uint64 `json:"grace_periods"`
}

type memory struct {
	ArenaBytes  uint64 `json:"arena_bytes"`
	FramesInUse int    `json:"frames_in_use"`
	FramesPeak  int    `json:"frames_peak"`
}

type unexpected struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	Statement string `json:"statement"`
	Got       string `json:"got"`
	Expected  string `json:"expected"`
	Task      string `json:"task"`
	Count     uint64 `json:"count"`
}

type violation struct {
	Oracle  string `json:"oracle"`
	Message string `json:"message"`
	Task    string `json:"task"`
	Func    string `json:"func"`
	Where   string `json:"where"`
	Count   uint64 `json:"count"`
}

func newJSON(w io.Writer) func(*driver.Result) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(r *driver.Result) error { return encoder.Encode(resultOf(r)) }
}

func resultOf(r *driver.Result) result {
	out := result{
		Scenario: r.Scenario, Rules: r.Rules, Machine: r.Machine, Seed: r.Seed, Tasks: r.Tasks, ElapsedNS: r.Elapsed.Nanoseconds(),
		Ops:    map[string]op{},
		Faults: faults(r.Faults), VMAs: vmas(r.VMAs), Memory: memory(r.Memory),
		Unexpected: []unexpected{}, Violations: []violation{}, Interrupted: r.Interrupted,
	}
	for _, o := range r.Ops {
		errs := map[string]uint64{}
		for _, e := range o.Errors {
			errs[e.Name] = e.Count
		}
		out.Ops[o.Kind] = op{o.Count, errs, o.P50, o.P99, o.Max}
	}
	for _, u := range r.Unexpected {
		out.Unexpected = append(out.Unexpected, unexpected{u.Pos.File, u.Pos.Line, u.Pos.Col, u.Stmt, u.Got, u.Expected, u.Task, u.Count})
	}
	for _, v := range r.Violations {
		out.Violations = append(out.Violations, violation{v.Oracle, v.Message, v.Task, v.Func, v.Where, v.Count})
	}
	return out
}
