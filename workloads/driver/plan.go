package driver

import (
	"errors"
	"fmt"
	"math"
	"os"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/mm"
	"vmasim/vma"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// MaxTasks bounds the tasks of a run, all threads together: as many as one thread may have.
const MaxTasks = 65536

// defaultSeed is the seed when none is named: runs repeat.
const defaultSeed = 1

// Plan is what scenario and options come to.
type Plan struct {
	Rules       rules.Set
	Seed        uint64
	Memory      uint64 // bytes
	MaxMapCount int
	MaxVMARefs  int32 // 0: the kernel's
	Counts      []int // tasks of each thread
	machine     []*workloads.MachineSetting
	beside      mm.Beside
}

// Config describes the machine that the scenario asks for.
func (p *Plan) Config() mm.Config {
	cfg := mm.Config{Rules: p.Rules, Memory: p.Memory, MaxMapCount: p.MaxMapCount, MaxVMARefs: p.MaxVMARefs, ReadAround: mm.ReadAroundDevice, Beside: p.beside}
	interp.Configure(&cfg.Settings, p.machine)
	return cfg
}

// NewPlan says what a scenario with the options comes to. The error joins all mistakes.
func NewPlan(sc *workloads.Scenario, opts *Options) (*Plan, error) {
	p := &Plan{Seed: defaultSeed, Memory: mm.DefaultMemory, MaxMapCount: linux.DefaultMaxMapCount, machine: sc.Machine, beside: interp.Beside(sc)}
	switch {
	case opts.Seed != nil:
		p.Seed = *opts.Seed
	case sc.Seed != nil:
		p.Seed = sc.Seed.Value
	}
	err := errors.Join(
		sc.CheckNames(workloads.Names{Rules: checkRules}),
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

func (p *Plan) setRules(sc *workloads.Scenario, opts *Options) (err error) {
	switch {
	case opts.Rules != "":
		p.Rules, err = rules.Parse(opts.Rules)
	case sc.Rules != nil:
		p.Rules, _ = rules.Parse(sc.Rules.Spec) // CheckNames tells what is wrong
	default:
		p.Rules, err = rules.Parse(rules.Default)
	}
	return err
}

func checkRules(spec string) error {
	_, err := rules.Parse(spec)
	return err
}

func (p *Plan) setMemory(sc *workloads.Scenario, opts *Options) error {
	switch {
	case opts.Memory != 0:
		p.Memory = opts.Memory
		return CheckMemory(p.Memory)
	case sc.Memory != nil:
		p.Memory = sc.Memory.Value
		if err := CheckMemory(p.Memory); err != nil {
			return at(sc.Memory.Pos, err)
		}
	}
	return nil
}

// CheckMemory refuses a size in bytes that a run cannot have. It looks at what is available, not at what is installed:
// filling this machine's last page would end other programs.
func CheckMemory(size uint64) error {
	switch available := availableMemory(); {
	case size < minMemory || size%linux.PageSize != 0:
		return fmt.Errorf("memory of %d bytes, expected a multiple of 4K and at least %dM", size, minMemory>>20)
	case size > available:
		return fmt.Errorf("memory of %dM, but this machine has only %dM to give", size>>20, available>>20)
	}
	return nil
}

// minMemory is the smallest arena in which a scenario can do anything.
const minMemory = 1 << 20

func (p *Plan) setLimits(sc *workloads.Scenario) error {
	var errs []error
	for _, l := range sc.Limits {
		highest := uint64(math.MaxInt32)
		if l.Kind == workloads.LimitVMARefs {
			highest = vma.VMARefLimit
		}
		switch {
		case l.Value < 1 || l.Value > highest:
			errs = append(errs, at(l.Pos, fmt.Errorf("limit of %d, expected 1 to %d", l.Value, highest)))
		case l.Kind == workloads.LimitVMARefs:
			p.MaxVMARefs = int32(l.Value)
		default:
			p.MaxMapCount = int(l.Value)
		}
	}
	if sc.Window != nil {
		p.MaxMapCount += interp.WindowFillers(p.Config().Settings, sc.Window)
	}
	return errors.Join(errs...)
}

// checkFiles opens the real files as the run will.
func checkFiles(sc *workloads.Scenario) error {
	var errs []error
	for _, f := range sc.Files {
		if f.Path == "" {
			errs = append(errs, checkTemp(f))
			continue
		}
		file, err := os.OpenFile(sc.ResolvePath(f), f.Mode, 0)
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
	if !f.Pattern || f.Memory {
		return nil // creating it will tell
	}
	if free := freeDisk(os.TempDir()); f.Size > free {
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
