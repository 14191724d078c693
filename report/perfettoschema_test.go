package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// schemaField is what Perfetto's published definition, protos/perfetto/trace/perfetto_trace.proto, says of a field.
type schemaField struct {
	name     string
	kind     string // a scalar type, an enum of schemaEnums, or a message of schema
	repeated bool
	oneof    string // the fields of one oneof exclude each other
}

// schema has the fields that vmasim writes, by the message and the number.
var schema = map[string]map[protowire.Number]schemaField{
	"Trace": {1: {"packet", "TracePacket", true, ""}},
	"TracePacket": {
		8:  {"timestamp", "uint64", false, ""},
		10: {"trusted_packet_sequence_id", "uint32", false, ""},
		11: {"track_event", "TrackEvent", false, "data"},
		12: {"interned_data", "InternedData", false, ""},
		13: {"sequence_flags", "uint32", false, ""},
		60: {"track_descriptor", "TrackDescriptor", false, "data"},
	},
	"TrackDescriptor": {
		1: {"uuid", "uint64", false, ""},
		2: {"name", "string", false, "static_or_dynamic_name"},
		3: {"process", "ProcessDescriptor", false, ""},
		4: {"thread", "ThreadDescriptor", false, ""},
		5: {"parent_uuid", "uint64", false, ""},
		8: {"counter", "CounterDescriptor", false, ""},
	},
	"ProcessDescriptor": {1: {"pid", "int32", false, ""}, 6: {"process_name", "string", false, ""}},
	"ThreadDescriptor":  {1: {"pid", "int32", false, ""}, 2: {"tid", "int64", false, ""}, 5: {"thread_name", "string", false, ""}},
	"CounterDescriptor": {},
	"TrackEvent": {
		4:  {"debug_annotations", "DebugAnnotation", true, ""},
		9:  {"type", "TrackEvent.Type", false, ""},
		10: {"name_iid", "uint64", false, "name_field"},
		11: {"track_uuid", "uint64", false, ""},
		44: {"double_counter_value", "double", false, "counter_value_field"},
	},
	"DebugAnnotation":     {1: {"name_iid", "uint64", false, "name_field"}, 6: {"string_value", "string", false, "value"}},
	"InternedData":        {2: {"event_names", "EventName", true, ""}, 3: {"debug_annotation_names", "DebugAnnotationName", true, ""}},
	"EventName":           {1: {"iid", "uint64", false, ""}, 2: {"name", "string", false, ""}},
	"DebugAnnotationName": {1: {"iid", "uint64", false, ""}, 2: {"name", "string", false, ""}},
}

// schemaEnums are how many values an enum has: those of TrackEvent.Type are unspecified, slice begin, slice end, instant, counter.
var schemaEnums = map[string]uint64{"TrackEvent.Type": 5}

// wire returns how a field is encoded.
func (f *schemaField) wire() protowire.Type {
	switch f.kind {
	case "uint32", "uint64", "int32", "int64", "TrackEvent.Type":
		return protowire.VarintType
	case "double":
		return protowire.Fixed64Type
	}
	return protowire.BytesType
}

// fits says why a number is none of the field's type.
func (f *schemaField) fits(n uint64) error {
	most := uint64(math.MaxUint64)
	switch f.kind {
	case "uint32":
		most = math.MaxUint32
	case "int32":
		most = math.MaxInt32 // none that vmasim writes is negative
	case "int64":
		most = math.MaxInt64
	case "TrackEvent.Type":
		most = schemaEnums[f.kind] - 1
	}
	if n > most {
		return fmt.Errorf("%d is no %s", n, f.kind)
	}
	return nil
}

// message is a message that was read: numbers, texts and messages by the name of the field.
type message struct {
	numbers map[string]uint64
	texts   map[string]string
	parts   map[string][]*message
}

// part returns the message in a field that is not repeated, nil if there is none.
func (m *message) part(name string) *message {
	if len(m.parts[name]) == 0 {
		return nil
	}
	return m.parts[name][0]
}

func (m *message) has(name string) bool {
	_, number := m.numbers[name]
	_, text := m.texts[name]
	return number || text || m.part(name) != nil
}

// decode reads a message, and refuses whatever the schema does not have.
func decode(name string, b []byte) (*message, error) {
	m := &message{map[string]uint64{}, map[string]string{}, map[string][]*message{}}
	oneofs := map[string]string{}
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		f, known := schema[name][number]
		if n < 0 || !known || f.wire() != wire {
			return nil, fmt.Errorf("%s has a field %d of wire type %d", name, number, wire)
		}
		if !f.repeated && m.has(f.name) {
			return nil, fmt.Errorf("%s has %s twice", name, f.name)
		}
		if other := oneofs[f.oneof]; f.oneof != "" && other != "" {
			return nil, fmt.Errorf("%s has both %s and %s", name, other, f.name)
		}
		oneofs[f.oneof] = f.name
		b = b[n:]
		var err error
		switch wire {
		case protowire.VarintType:
			m.numbers[f.name], n = protowire.ConsumeVarint(b)
			err = f.fits(m.numbers[f.name])
		case protowire.Fixed64Type:
			m.numbers[f.name], n = protowire.ConsumeFixed64(b)
		default:
			var bytes []byte
			if bytes, n = protowire.ConsumeBytes(b); n < 0 {
				break
			}
			if f.kind == "string" {
				m.texts[f.name] = string(bytes)
				if !utf8.Valid(bytes) {
					err = fmt.Errorf("%q is not UTF-8", bytes)
				}
				break
			}
			var part *message
			part, err = decode(f.kind, bytes)
			m.parts[f.name] = append(m.parts[f.name], part)
		}
		if n < 0 {
			err = errors.New("it is cut off")
		}
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.name, err)
		}
		b = b[n:]
	}
	return m, nil
}

// traceReader reads a trace as the definition of its messages says that it is to be read, and draws it.
type traceReader struct {
	tracks    map[uint64]*readTrack
	processes map[uint64]bool          // by pid
	sequences map[uint64]*readSequence // by id
	lines     []string                 // the picture: one for each track and each event
}

type readTrack struct {
	name, kind string   // kind: process, thread, counter
	open       []uint64 // when each slice that is open began
	last       uint64   // the time of the last event
}

// readSequence is what packets of one writer have interned since it was cleared.
type readSequence struct{ names, keys map[uint64]string }

// read reads a trace. The texts that it returns, if any, tell of ways in which Perfetto would lose data or show it wrong.
func read(b []byte) ([]string, error) {
	trace, err := decode("Trace", b)
	if err != nil {
		return nil, err
	}
	r := &traceReader{map[uint64]*readTrack{}, map[uint64]bool{}, map[uint64]*readSequence{}, nil}
	for i, p := range trace.parts["packet"] {
		if err := r.packet(p); err != nil {
			return r.lines, fmt.Errorf("packet %d: %w", i+1, err)
		}
	}
	for uuid, track := range r.tracks {
		if len(track.open) > 0 {
			return r.lines, fmt.Errorf("%d slices of track %d, %s, do not end", len(track.open), uuid, track.name)
		}
	}
	return r.lines, nil
}

func (r *traceReader) packet(p *message) error {
	id, flags := p.numbers["trusted_packet_sequence_id"], p.numbers["sequence_flags"]
	if id == 0 {
		return errors.New("it is of no sequence")
	}
	if flags&flagCleared != 0 {
		r.sequences[id] = &readSequence{map[uint64]string{}, map[uint64]string{}}
	}
	s := r.sequences[id]
	if s == nil {
		return fmt.Errorf("sequence %d does not begin with a packet that clears its state", id)
	}
	if in := p.part("interned_data"); in != nil {
		for field, known := range map[string]map[uint64]string{"event_names": s.names, "debug_annotation_names": s.keys} {
			for _, n := range in.parts[field] {
				iid, text := n.numbers["iid"], n.texts["name"]
				if old, ok := known[iid]; iid == 0 || text == "" || ok && old != text {
					return fmt.Errorf("%s has %d: %q, which was %q", field, iid, text, old)
				}
				known[iid] = text
			}
		}
	}
	switch d, e := p.part("track_descriptor"), p.part("track_event"); {
	case d != nil:
		return r.track(d)
	case e != nil && !p.has("timestamp"):
		return errors.New("the event has no time")
	case e != nil:
		return r.event(p.numbers["timestamp"], e, s, flags)
	}
	return errors.New("it has no data")
}

// track declares a track.
func (r *traceReader) track(d *message) error {
	uuid, track := d.numbers["uuid"], &readTrack{}
	if uuid == 0 || r.tracks[uuid] != nil {
		return fmt.Errorf("track %d is 0, or declared twice", uuid)
	}
	parent, hasParent := d.numbers["parent_uuid"]
	switch process, thread := d.part("process"), d.part("thread"); {
	case process != nil:
		track.kind, track.name = "process", process.texts["process_name"]
		r.processes[process.numbers["pid"]] = true
		if process.numbers["pid"] == 0 {
			return errors.New("a process without a pid")
		}
	case thread != nil:
		track.kind, track.name = "thread", thread.texts["thread_name"]
		if !r.processes[thread.numbers["pid"]] || thread.numbers["tid"] == 0 {
			return fmt.Errorf("thread %s is of no process that was declared, or has no tid", track.name)
		}
	case d.part("counter") != nil:
		track.kind, track.name = "counter", d.texts["name"]
		if !hasParent {
			return fmt.Errorf("counter %s is of no process", track.name)
		}
	}
	if track.kind == "" || track.name == "" {
		return fmt.Errorf("track %d has no kind, or no name", uuid)
	}
	if hasParent && r.tracks[parent] == nil {
		return fmt.Errorf("the parent of %s is track %d, which is not declared", track.name, parent)
	}
	r.tracks[uuid] = track
	r.lines = append(r.lines, track.kind+" "+track.name)
	return nil
}

// event takes an event. Those of a track come in the order of time: then sorting by time, which keeps the order of equals, changes nothing in a
// track.
func (r *traceReader) event(at uint64, e *message, s *readSequence, flags uint64) error {
	track := r.tracks[e.numbers["track_uuid"]]
	if track == nil {
		return fmt.Errorf("an event of track %d, which is not declared before", e.numbers["track_uuid"])
	}
	if at < track.last {
		return fmt.Errorf("an event of %s at %d, after one at %d", track.name, at, track.last)
	}
	track.last = at
	name := s.names[e.numbers["name_iid"]]
	if e.has("name_iid") && (name == "" || flags&flagNeeds == 0) {
		return fmt.Errorf("name %d is not interned, or the packet does not say that it needs what is", e.numbers["name_iid"])
	}
	kind := e.numbers["type"]
	on := map[uint64]string{sliceBegin: "thread", sliceEnd: "thread", instant: "process", counterType: "counter"}[kind]
	if track.kind != on || (name != "") != (kind == sliceBegin || kind == instant) || e.has("double_counter_value") != (kind == counterType) {
		return fmt.Errorf("an event of type %d, called %q, on the track of a %s", kind, name, track.kind)
	}
	line := fmt.Sprintf("%s %s %d %s", track.kind, track.name, at, name)
	switch kind {
	case sliceBegin:
		track.open = append(track.open, at)
	case sliceEnd:
		if len(track.open) == 0 {
			return fmt.Errorf("%s ends what has not begun", line)
		}
		track.open = track.open[:len(track.open)-1]
		line += "end"
	case counterType:
		v := math.Float64frombits(e.numbers["double_counter_value"])
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s is %g", track.name, v)
		}
		line += fmt.Sprint(v)
	}
	for _, a := range e.parts["debug_annotations"] {
		key := s.keys[a.numbers["name_iid"]]
		if key == "" || flags&flagNeeds == 0 || !a.has("string_value") {
			return fmt.Errorf("an annotation of %s is called %d, which is not interned, or has no value", line, a.numbers["name_iid"])
		}
		line += fmt.Sprintf(" %s=%s", key, a.texts["string_value"])
	}
	r.lines = append(r.lines, line)
	return nil
}

// picture reads a trace and draws it, a line for each track and each event.
func picture(t *testing.T, b []byte) []string {
	t.Helper()
	lines, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestReadRefuses: the reader that traces are held to refuses what is not as the schema has it, so that a trace that passes says something.
func TestReadRefuses(t *testing.T) {
	made := func(write func(p *perfetto)) []byte {
		var b strings.Builder
		p := newPerfetto(&b, 1)
		process := p.process(1, "run")
		if process != 1<<32+1 {
			t.Fatalf("the first track is %d", process)
		}
		write(p)
		return []byte(b.String())
	}
	good := made(func(p *perfetto) {
		task := p.thread(1, 2, "a")
		p.begin(5, task, "munmap A", argument{"k", "v"})
		p.end(9, task)
		p.count(9, p.counter(1<<32+1, "frames"), 3)
	})
	want := []string{"process run", "thread a", "thread a 5 munmap A k=v", "thread a 9 end", "counter frames", "counter frames 9 3"}
	if lines, err := read(good); err != nil || !slices.Equal(lines, want) {
		t.Fatalf("%q, %v", lines, err)
	}
	packet := func(fields []byte) []byte {
		return append(slices.Clone(good), appendMessage(nil, fieldPacket, appendNumber(appendNumber(fields, packetSequence, 1), packetFlags, flagNeeds))...)
	}
	event := func(fields []byte) []byte {
		return packet(appendMessage(appendNumber(nil, packetTimestamp, 20), packetTrackEvent, fields))
	}
	const process, task, frames = 1<<32 + 1, 1<<32 + 2, 1<<32 + 3
	of := func(kind, track uint64) []byte {
		return appendNumber(appendNumber(nil, eventType, kind), eventTrack, track)
	}
	for says, b := range map[string][]byte{
		"Trace has a field 2":                                       appendNumber(nil, 2, 1),
		"TracePacket.track_event: TrackEvent has a fie":             event(appendNumber(nil, 2, 1)),
		"TrackEvent has a field 10 of wire type 2":                  event(appendText(nil, eventNameIID, "munmap")),
		"5 is no TrackEvent.Type":                                   event(of(5, task)),
		"4294967296 is no uint32":                                   packet(appendNumber(nil, packetSequence, 1<<32)),
		"has trusted_packet_sequence_id twice":                      packet(appendNumber(nil, packetSequence, 1)),
		"both track_event and track_descriptor":                     packet(appendMessage(appendMessage(nil, packetTrackEvent, of(1, task)), packetTrack, nil)),
		"is not UTF-8":                                              packet(appendMessage(nil, packetTrack, appendText(nil, trackName, "\xff"))),
		"cut off":                                                   good[:len(good)-1],
		"does not begin with a packet that clears":                  appendMessage(nil, fieldPacket, appendNumber(nil, packetSequence, 7)),
		"it has no data":                                            packet(nil),
		"the event has no time":                                     packet(appendMessage(nil, packetTrackEvent, of(sliceEnd, task))),
		"which is not declared before":                              event(of(sliceEnd, 9)),
		"ends what has not begun":                                   event(of(sliceEnd, task)),
		"do not end":                                                event(appendNumber(of(sliceBegin, task), eventNameIID, 1)),
		"name 77 is not interned":                                   event(appendNumber(of(sliceBegin, task), eventNameIID, 77)),
		"an event of type 4, called \"\", on the track of a thread": event(of(counterType, task)),
		"an event of type 2, called \"\", on the track of a counte": event(of(sliceEnd, frames)),
		"an event of type 3, called \"\", on the track of a proces": event(of(instant, process)),
		"at 8, after one at 9":                                      packet(appendMessage(appendNumber(nil, packetTimestamp, 8), packetTrackEvent, of(sliceEnd, task))),
		"declared twice":                                            packet(appendMessage(nil, packetTrack, appendNumber(nil, trackUUID, task))),
		"is of no process that was decla":                           made(func(p *perfetto) { p.thread(9, 9, "a") }),
		"the parent of x is track 5":                                made(func(p *perfetto) { p.counter(5, "x") }),
		"is NaN":                                                    made(func(p *perfetto) { p.count(1, p.counter(process, "x"), math.NaN()) }),
		"event_names has 1: \"b\", which was \"munmap A\"":          packet(appendMessage(nil, packetInterned, appendMessage(nil, internedNames, appendText(appendNumber(nil, internedIID, 1), internedName, "b")))),
	} {
		if _, err := read(b); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("expected %q, got %v", says, err)
		}
	}
}
