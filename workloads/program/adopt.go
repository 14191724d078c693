package program

import (
	"errors"
	"fmt"
	"strings"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/workloads"
)

// Misfit says why a schedule is not one of the program, and how much of it can be run all the same.
type Misfit struct {
	Belongs  error             // to something else; nil: it does not
	Diverged *trace.Divergence // the step that is not possible; nil: all are
	Why      string            // it is not
	Steps    int               // that can be run
}

func (m *Misfit) Error() string {
	var parts []string
	if m.Belongs != nil {
		parts = append(parts, m.Belongs.Error())
	}
	switch {
	case m.Diverged == nil:
		parts = append(parts, fmt.Sprintf("all its %d steps are possible here, too", m.Steps))
	case m.Why == "":
		parts = append(parts, m.Diverged.Error())
	default:
		parts = append(parts, m.Diverged.Error()+"; "+m.Why)
	}
	return strings.Join(parts, "; ")
}

// Adopt makes what a schedule says is left of a scenario a program, and the schedule one of it: as many of its steps as can be run. The
// misfit says what is wrong with it, nil that nothing is.
func Adopt(sc *workloads.Scenario, s Setting, schedule explore.Schedule) (_ *Program, _ explore.Schedule, _ *Misfit, err error) {
	m := &Misfit{}
	p, err := NewFor(sc, s, schedule)
	if err != nil {
		m.Belongs = err
		if p, err = New(sc, s); err != nil {
			return nil, schedule, nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if m.Belongs == nil {
		if other, ok := errors.AsType[*explore.FingerprintError](schedule.Belongs(p)); ok {
			m.Belongs = fmt.Errorf("the schedule %w", p.refusal(other))
		}
	}
	fit := schedule.UpTo(len(schedule.Tasks))
	fit.Scenario, fit.Rules = p.Fingerprints()
	t, err := p.Replay(fit)
	if err != nil {
		return nil, schedule, nil, err
	}
	m.Steps, m.Diverged = len(t.Steps), t.Diverged
	if t.Diverged != nil {
		fit = fit.UpTo(len(t.Steps))
		if m.Why, err = p.why(fit, t.Diverged.Schedule); err != nil {
			return nil, schedule, nil, err
		}
	}
	if m.Belongs == nil && m.Diverged == nil {
		m = nil
	}
	return p, fit, m, nil
}

// why says why a task takes no step behind a schedule: it waits, has ended, or the run is over.
func (p *Program) why(fit explore.Schedule, name string) (string, error) {
	t, err := p.Replay(fit)
	if err != nil {
		return "", err
	}
	if len(t.Next) == 0 {
		return "there the run is over: " + t.Ending.String(), nil
	}
	for _, n := range t.Next {
		if n.Task != name {
			continue
		}
		text := fmt.Sprintf("%s waits at %s", name, strings.TrimSpace(n.Op.String()+" "+n.Cell))
		if len(n.Why) > 0 {
			text += ": " + strings.Join(n.Why, "; ")
		}
		return text, nil
	}
	for _, task := range t.Tasks {
		if task == name {
			return name + " has ended", nil
		}
	}
	return "", nil
}
