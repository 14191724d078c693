package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/campaign"
	"vmasim/workloads/program"
)

// shard is what --shard says: which of so many shares of a run over many programs a process has. The zero value is all.
type shard struct{ number, of int }

// Set implements pflag.Value.
func (s *shard) Set(text string) error {
	number, of, ok := strings.Cut(text, "/")
	var wrong, alsoWrong error
	s.number, wrong = strconv.Atoi(number)
	s.of, alsoWrong = strconv.Atoi(of)
	if !ok || wrong != nil || alsoWrong != nil || s.number < 1 || s.number > s.of {
		return errors.New("expected I/N, as 3/16: the third of sixteen")
	}
	return nil
}

// checkResult refuses the name of a result that merge would not find.
func checkResult(text string) error {
	if !strings.HasSuffix(text, ".result") {
		return errors.New("expected the name of a file that ends in .result, by which vmasim merge finds it")
	}
	return nil
}

// generateKind is what wrote the result of explore --generate.
const generateKind = "explore --generate"

// saveHunt writes what a hunt came to.
func saveHunt(o *exploreOptions, hunt *program.Hunt, found *program.Generated) error {
	body, err := json.Marshal(hunt.Hunted())
	if err != nil {
		return err
	}
	set := func(name string, value any) campaign.Setting {
		return campaign.Setting{Name: name, Value: fmt.Sprint(value)}
	}
	r := campaign.Result{
		Kind: generateKind, Number: max(o.shard.number, 1), Of: max(o.shard.of, 1), Ended: !found.Interrupted && !found.TimedOut,
		Done: fmt.Sprintf("programs so far: %d", found.Done), Body: body,
		Run: []campaign.Setting{
			campaign.Build(), set("rules", found.Rules), set("rules to compare with", found.Against), set("seed", found.Seed), set("programs", found.Programs),
			set("executions each", found.Bound), set("strategies", found.Strategies), set("machine", workloads.FormatSettings(o.Machine)), set("memory model", o.Model),
			set("oracles without", o.Without), set("depth", o.Depth),
		},
	}
	return r.Save(o.result)
}

// mergeGenerated adds up what shards of explore --generate came to.
func mergeGenerated(ctx context.Context, cmd *cobra.Command, all *campaign.Shards, o *exploreOptions) error {
	format, err := report.FormatByName(report.GeneratedFormats(), o.format.Name)
	if err != nil {
		return usageError{err}
	}
	var bodies []json.RawMessage
	for _, r := range all.Results {
		bodies = append(bodies, r.Body)
	}
	found, err := program.MergeHunts(ctx, bodies)
	if err != nil {
		return err
	}
	found.Parts = &all.Sum
	if err := format.New(cmd.OutOrStdout(), o.look.of(cmd.OutOrStdout(), false))(found); err != nil {
		return err
	}
	return mergeStatus(found.Parts, found.Worse(), verdictStatus(ctx.Err() != nil, !found.Worse()))
}
