package driver

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"vmasim/internal/rules"
	"vmasim/mm"
	"vmasim/workloads"
)

// MaxTasks bounds the tasks of a run, all threads together: as many as one thread may have.
const MaxTasks = 4096

// defaultSeed is the seed when nobody names one: runs repeat unless they are told not to.
const defaultSeed = 1

// plan is what scenario and options come to.
type plan struct {
	rules       rules.Set
	seed        uint64
	memory      uint64
	maxMapCount int
	counts      []int // tasks of each thread
}

// newPlan joins all mistakes into one error.
func newPlan(sc *workloads.Scenario, opts *Options) (*plan, error) {
	p := &plan{seed: defaultSeed, memory: mm.DefaultMemory, maxMapCount: mm.DefaultMaxMapCount}
	switch {
	case opts.Seed != nil:
		p.seed = *opts.Seed
	case sc.Seed != nil:
		p.seed = sc.Seed.Value
	}
	err := errors.Join(
		p.setRules(sc, opts),
		p.setMemory(sc, opts),
		p.setLimits(sc),
		p.setCounts(sc, opts),
		checkFiles(sc),
	)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *plan) setRules(sc *workloads.Scenario, opts *Options) (err error) {
	switch {
	case opts.Rules != "":
		p.rules, err = rules.Parse(opts.Rules)
	case sc.Rules != nil:
		if p.rules, err = rules.Parse(sc.Rules.Spec); err != nil {
			err = at(sc.Rules.Pos, err)
		}
	default:
		p.rules, err = rules.Parse(rules.Default)
	}
	return err
}

func (p *plan) setMemory(sc *workloads.Scenario, opts *Options) error {
	switch {
	case opts.Memory != 0:
		p.memory = opts.Memory
		return CheckMemory(p.memory)
	case sc.Memory != nil:
		p.memory = sc.Memory.Value
		if err := CheckMemory(p.memory); err != nil {
			return at(sc.Memory.Pos, err)
		}
	}
	return nil
}

// CheckMemory refuses a size in bytes that a run cannot have. It looks at what is available, not at what is installed:
// filling this machine's last page would end somebody else's program.
func CheckMemory(size uint64) error {
	switch available := availableMemory(); {
	case size < minMemory || size%mm.PageSize != 0:
		return fmt.Errorf("memory of %d bytes, expected a multiple of 4K and at least %dM", size, minMemory>>20)
	case size > available:
		return fmt.Errorf("memory of %dM, but this machine has only %dM to give", size>>20, available>>20)
	}
	return nil
}

// minMemory is the smallest arena in which a scenario can do anything.
const minMemory = 1 << 20

func (p *plan) setLimits(sc *workloads.Scenario) error {
	for _, l := range sc.Limits {
		if l.Kind != workloads.LimitMaxMapCount {
			continue
		}
		if l.Value < 1 || l.Value > math.MaxInt32 {
			return at(l.Pos, fmt.Errorf("limit of %d, expected 1 to %d", l.Value, math.MaxInt32))
		}
		p.maxMapCount = int(l.Value)
	}
	return nil
}

func (p *plan) setCounts(sc *workloads.Scenario, opts *Options) error {
	if opts.Threads < 0 || opts.Threads > MaxTasks {
		return fmt.Errorf("%d threads, expected 1 to %d", opts.Threads, MaxTasks)
	}
	total := 0
	for _, t := range sc.Threads {
		n := t.Count
		if t.Multiplied && opts.Threads > 0 {
			n = opts.Threads
		}
		p.counts = append(p.counts, n)
		total += n
	}
	if total > MaxTasks {
		return at(sc.Threads[0].Pos, fmt.Errorf("%d tasks in all threads together, expected at most %d", total, MaxTasks))
	}
	return nil
}

// checkFiles opens the real files as the run will.
func checkFiles(sc *workloads.Scenario) error {
	var errs []error
	for _, f := range sc.Files {
		if f.Path == "" {
			errs = append(errs, checkTemp(f))
			continue
		}
		file, err := os.OpenFile(sc.ResolvePath(f), openMode(f), 0)
		if err != nil {
			errs = append(errs, at(f.Pos, fmt.Errorf("cannot open %q: %w", f.Path, reason(err))))
			continue
		}
		_ = file.Close() // nothing was written
	}
	return errors.Join(errs...)
}

// checkTemp refuses a temporary file that would fill the disk. Without a pattern it is sparse.
func checkTemp(f *workloads.File) error {
	if f.Size > math.MaxInt64 {
		return at(f.Pos, fmt.Errorf("file of %d bytes, expected at most %d", f.Size, math.MaxInt64))
	}
	var st unix.Statfs_t
	if !f.Pattern || unix.Statfs(os.TempDir(), &st) != nil {
		return nil // creating it will tell
	}
	if free := st.Bavail * uint64(st.Bsize); f.Size > free {
		return at(f.Pos, fmt.Errorf("file of %dM, but %s has only %dM left", f.Size>>20, os.TempDir(), free>>20))
	}
	return nil
}

// reason strips the operation and the path off an error of package os.
func reason(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func at(pos workloads.Pos, err error) error { return fmt.Errorf("%s: %w", pos, err) }
