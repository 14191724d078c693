package page

import (
	"bytes"
	"strings"
	"testing"
)

const oneLine = `{"scenario":"s","at_ns":5,"event":"begin","what":"statement","task":"a","name":"munmap A"}` + "\n"

// TestWriteTimeline: the page has the whole file in it, loads nothing, and needs no engine.
func TestWriteTimeline(t *testing.T) {
	var b bytes.Buffer
	if err := WriteTimeline(&b, "a<b>.ndjson", []byte(oneLine), "vmasim 1"); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, outside := range []string{"src=", "http-equiv", "@import", "url(", "wasm", "a<b>"} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q in it", outside)
		}
	}
	if got := unpackedPart(t, page, "record"); got != oneLine {
		t.Errorf("the page holds %q", got)
	}
	if !strings.Contains(page, "<title>Timeline of a&lt;b&gt;.ndjson</title>") || b.Len() > 100_000 {
		t.Errorf("%d bytes, or a title that is not escaped", b.Len())
	}
}

// TestCheckTimeline: a file that is something else is refused, with the place where it is wrong; one that was cut off is a timeline.
func TestCheckTimeline(t *testing.T) {
	const packet = "\x0a\x04\x50\x01\x68\x03" // of sequence 1, with flags
	for text, says := range map[string]string{
		oneLine:                          "",
		oneLine + oneLine[:20]:           "",
		packet + packet:                  "",
		packet + packet[:3]:              "",
		"":                               "f: no timeline: expected a file that",
		"\x7fELF":                        "f: no timeline: expected a file that",
		oneLine + "{\"at_ns\": x}\n":     "f:2:11: invalid character 'x'",
		oneLine[:20]:                     "f:1:20: unexpected end of JSON input",
		`{"scenario":"x","steps":[]}`:    "f:1:1: no keys event and at_ns, expected a line that",
		packet + "hello":                 "f: byte 6: no timeline",
		packet + "\x0a\x02\x08\xff":      "f: byte 6: a packet that is no message",
		"\x0aa text that begins so late": "f: no timeline",
	} {
		err := CheckTimeline("f", []byte(text))
		if says == "" && err != nil || says != "" && (err == nil || !strings.HasPrefix(err.Error(), says)) {
			t.Errorf("%q: %v, expected %q", text, err, says)
		}
	}
}
