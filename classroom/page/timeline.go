package page

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"text/template"

	"google.golang.org/protobuf/encoding/protowire"
)

var (
	//go:embed assets/timeline.html
	timelineHTML string
	//go:embed assets/timeline/*.js
	timelineScripts embed.FS
)

// timelineScript returns the script that reads and draws timelines.
func timelineScript() (string, error) {
	return joined(timelineScripts, "timeline", "record", "timeline", "keys")
}

// WriteTimeline writes a page that shows a recorded run, which is the content of a file of that name: what vmasim run --trace or --events, or
// --format perfetto, has written. It needs no engine.
func WriteTimeline(w io.Writer, name string, record []byte, version string) error {
	gz, err := packed(record)
	if err != nil {
		return err
	}
	elements, err := joined(scripts, "script", "element")
	if err != nil {
		return err
	}
	js, err := timelineScript()
	if err != nil {
		return err
	}
	t, err := template.New("timeline").Parse(timelineHTML)
	if err != nil {
		return err
	}
	text, err := json.Marshal(name) // which has no "<"
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]string{
		"Version": html.EscapeString(version), "Title": html.EscapeString("Timeline of " + name), "Name": string(text), "Style": pageCSS, "Script": inScript(elements + js),
		"Record": base64.StdEncoding.EncodeToString(gz),
	})
}

// errNoTimeline is what is wrong with a file that is something else.
var errNoTimeline = errors.New("no timeline: expected a file that vmasim run --trace or --events, or --format perfetto, has written")

// CheckTimeline says what keeps a file from being a timeline, with the place in it. One that was cut off is one, up to there.
func CheckTimeline(name string, record []byte) error {
	switch {
	case len(record) > 0 && record[0] == '{':
		return checkLines(name, record)
	case len(record) > 0 && record[0] == 0x0a:
		return checkPackets(name, record)
	}
	return fmt.Errorf("%s: %w", name, errNoTimeline)
}

func checkLines(name string, record []byte) error {
	for n := 1; len(record) > 0; n++ {
		line, rest, whole := bytes.Cut(record, []byte("\n"))
		record = rest
		var e struct {
			At    *int64  `json:"at_ns"`
			Event *string `json:"event"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			if !whole && n > 1 {
				return nil
			}
			column := 1
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
				column = max(1, int(syntax.Offset))
			}
			return fmt.Errorf("%s:%d:%d: %w: expected a line that vmasim run --events has written", name, n, column, err)
		}
		if e.At == nil || e.Event == nil {
			return fmt.Errorf("%s:%d:1: no keys event and at_ns, expected a line that vmasim run --events has written; of an explored run, --format perfetto is a timeline", name, n)
		}
	}
	return nil
}

func checkPackets(name string, record []byte) error {
	for at := 0; at < len(record); {
		number, wire, n := protowire.ConsumeTag(record[at:])
		if n > 0 && (number != 1 || wire != protowire.BytesType) {
			return fmt.Errorf("%s: byte %d: %w", name, at, errNoTimeline)
		}
		packet, m := protowire.ConsumeBytes(record[at+max(0, n):])
		if n < 0 || m < 0 {
			if at == 0 {
				return fmt.Errorf("%s: %w", name, errNoTimeline)
			}
			return nil // it is cut off
		}
		for len(packet) > 0 {
			_, _, k := protowire.ConsumeField(packet)
			if k < 0 {
				return fmt.Errorf("%s: byte %d: a packet that is no message: %w", name, at, errNoTimeline)
			}
			packet = packet[k:]
		}
		at += n + m
	}
	return nil
}
