package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"vmasim/judge"
	"vmasim/report"
	"vmasim/workloads/campaign"
)

// diffKind is what wrote the result of diff --random.
const diffKind = "diff --random"

// shardKinds are the commands whose results are added up.
func shardKinds() map[string]mergeKind {
	return map[string]mergeKind{generateKind: mergeGenerated, diffKind: mergeDiff, compareKind: mergeCompare}
}

// plainDiff is a result with all that it has, as JSON.
type plainDiff judge.Result

// saveDiff writes what random operations came to.
func saveDiff(o *diffOptions, r *judge.Result) error {
	body, err := json.Marshal((*plainDiff)(r))
	if err != nil {
		return err
	}
	set := func(name string, value any) campaign.Setting {
		return campaign.Setting{Name: name, Value: fmt.Sprint(value)}
	}
	ruleset := "the kernel's"
	if o.rules != nil {
		ruleset = o.rules.String()
	}
	result := campaign.Result{
		Kind: diffKind, Number: max(o.shard.number, 1), Of: max(o.shard.of, 1), Ended: !r.Interrupted, Done: fmt.Sprintf("operations so far: %d", r.Operations), Body: body,
		Run: []campaign.Setting{
			campaign.Build(), set("kernel", r.Kernel.Release), set("rules", ruleset), set("seed", o.Seed), set("operations", o.Operations), set("length", o.Length),
			set("flags every", o.FlagsEvery), set("deep", o.deep), set("keep going", o.Keep),
		},
	}
	return result.Save(o.result)
}

// mergeDiff adds up what shards of diff --random came to.
func mergeDiff(_ context.Context, cmd *cobra.Command, all *campaign.Shards, o *exploreOptions) error {
	var results []*judge.Result
	for _, r := range all.Results {
		one := &judge.Result{}
		if err := json.Unmarshal(r.Body, (*plainDiff)(one)); err != nil {
			return fmt.Errorf("%s is damaged: %w", r.File, err)
		}
		results = append(results, one)
	}
	sum := judge.Merge(results)
	stdout := cmd.OutOrStdout()
	switch o.format.Name {
	case "text":
		look := o.look.of(stdout, false)
		if err := report.PartsText(stdout, &all.Sum, look); err != nil {
			return err
		}
		if err := report.DiffText(stdout, sum, look); err != nil {
			return err
		}
	case "json":
		if err := report.DiffPartsJSON(stdout, sum, &all.Sum); err != nil {
			return err
		}
	default:
		return usageError{errors.New("shards of diff are added up to text or json: expected one of them")}
	}
	var t tally
	if err := t.add(false, sum.Drifts == 0); err != nil {
		return err
	}
	status := t.status()
	if sum.Kernel.Judges() != nil {
		status = statusError(exitUsage)
	}
	return mergeStatus(&all.Sum, sum.Drifts > 0, status)
}
