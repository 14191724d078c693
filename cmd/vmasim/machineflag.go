package main

import (
	"strings"

	"github.com/spf13/cobra"

	"vmasim/workloads"
)

// The flag --machine of run, explore and replay.
const (
	machineKind = "SETTING=VALUE"
	machineHelp = "settings of the kernel in place of the scenario's \"machine\", with commas between, such as zero-page=off"
)

func setMachine(to *[]workloads.MachineSetting, text string) error {
	settings, err := workloads.ParseSettings(text)
	*to = append(*to, settings...)
	return err
}

// completeMachine completes the setting behind the last comma, or its value.
func completeMachine(toComplete string) (words []cobra.Completion) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	names, values := workloads.Settings()
	for i, name := range names {
		if forms := strings.Split(values[i], "|"); len(forms) > 1 {
			for _, v := range forms {
				words = append(words, before+name+"="+v)
			}
			continue
		}
		words = append(words, before+name+"=")
	}
	return words
}
