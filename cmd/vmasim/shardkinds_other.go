//go:build !linux

package main

// shardKinds are the commands whose results are added up.
func shardKinds() map[string]mergeKind {
	return map[string]mergeKind{generateKind: mergeGenerated, compareKind: mergeCompare}
}
