package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"vmasim/workloads/program"
)

// PartsText tells how many shards there are, and which lack.
func PartsText(w io.Writer, p *program.Parts, look Look) error {
	var b strings.Builder
	look.line(&b, "shards   "+partsLine(p))
	for _, words := range slices.Concat(p.Lack, p.Notes) {
		look.line(&b, "         "+words)
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

// partsLine says how many parts there are, and how many of them lack.
func partsLine(p *program.Parts) string {
	if p.Ended == p.Of {
		return fmt.Sprintf("all %d are done", p.Of)
	}
	return fmt.Sprintf("%d of %d are done", p.Ended, p.Of)
}
