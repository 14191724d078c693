package report

import (
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of Perfetto's messages that are written here, by their numbers in protos/perfetto/trace.
const (
	fieldPacket = 1 // Trace.packet

	packetTimestamp  = 8
	packetSequence   = 10 // trusted_packet_sequence_id
	packetTrackEvent = 11
	packetInterned   = 12
	packetFlags      = 13 // sequence_flags
	packetTrack      = 60 // track_descriptor

	trackUUID    = 1
	trackName    = 2
	trackProcess = 3
	trackThread  = 4
	trackParent  = 5
	trackCounter = 8

	processPID  = 1
	processName = 6

	threadPID  = 1
	threadTID  = 2
	threadName = 5

	eventAnnotation  = 4
	eventType        = 9
	eventNameIID     = 10
	eventTrack       = 11
	eventDoubleValue = 44 // double_counter_value

	internedNames      = 2 // event_names
	internedAnnotation = 3 // debug_annotation_names
	internedIID        = 1
	internedName       = 2

	annotationNameIID = 1
	annotationString  = 6

	flagCleared = 1 // SEQ_INCREMENTAL_STATE_CLEARED
	flagNeeds   = 2 // SEQ_NEEDS_INCREMENTAL_STATE

	sliceBegin  = 1
	sliceEnd    = 2
	instant     = 3
	counterType = 4
)

// argument is what Perfetto shows beside a slice.
type argument struct{ name, value string }

// perfetto writes Perfetto's own trace format, a protobuf. Names are written once, and numbers stand for them.
type perfetto struct {
	w        io.Writer
	sequence uint64
	begun    bool
	names    map[string]uint64
	keys     map[string]uint64
	fresh    []byte // InternedData of the packet that is being made
	tracks   uint64 // the last uuid given
	err      error
	written  int64
}

// newPerfetto returns a writer. Several of them that write to one file have different sequences.
func newPerfetto(w io.Writer, sequence uint64) *perfetto {
	return &perfetto{w: w, sequence: sequence, names: map[string]uint64{}, keys: map[string]uint64{}, tracks: sequence << 32}
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendNumber(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

// packet writes a packet of the fields.
func (p *perfetto) packet(fields []byte) {
	flags := uint64(flagNeeds)
	if !p.begun {
		flags |= flagCleared
		p.begun = true
	}
	if len(p.fresh) > 0 {
		fields = appendMessage(fields, packetInterned, p.fresh)
		p.fresh = nil
	}
	fields = appendNumber(fields, packetSequence, p.sequence)
	fields = appendNumber(fields, packetFlags, flags)
	if p.err != nil {
		return
	}
	n, err := p.w.Write(appendMessage(nil, fieldPacket, fields))
	p.written, p.err = p.written+int64(n), err
}

// intern returns the number that stands for a text from now on.
func (p *perfetto) intern(known map[string]uint64, field protowire.Number, text string) uint64 {
	n, ok := known[text]
	if !ok {
		n = uint64(len(known) + 1)
		known[text] = n
		p.fresh = appendMessage(p.fresh, field, appendText(appendNumber(nil, internedIID, n), internedName, text))
	}
	return n
}

func (p *perfetto) track(name string, parent uint64, more []byte) (uuid uint64) {
	p.tracks++
	d := appendNumber(nil, trackUUID, p.tracks)
	if name != "" {
		d = appendText(d, trackName, name)
	}
	if parent != 0 {
		d = appendNumber(d, trackParent, parent)
	}
	p.packet(appendMessage(nil, packetTrack, append(d, more...)))
	return p.tracks
}

// process makes the track of a process.
func (p *perfetto) process(pid uint64, name string) (uuid uint64) {
	return p.track("", 0, appendMessage(nil, trackProcess, appendText(appendNumber(nil, processPID, pid), processName, name)))
}

// thread makes the track of a thread of a process.
func (p *perfetto) thread(pid, tid uint64, name string) (uuid uint64) {
	t := appendNumber(appendNumber(nil, threadPID, pid), threadTID, tid)
	return p.track("", 0, appendMessage(nil, trackThread, appendText(t, threadName, name)))
}

// counter makes the track of a counter of a process.
func (p *perfetto) counter(process uint64, name string) (uuid uint64) {
	return p.track(name, process, appendMessage(nil, trackCounter, nil))
}

// event writes an event of a track.
func (p *perfetto) event(at uint64, kind uint64, track uint64, name string, args []argument, more []byte) {
	e := appendNumber(appendNumber(nil, eventType, kind), eventTrack, track)
	if name != "" {
		e = appendNumber(e, eventNameIID, p.intern(p.names, internedNames, name))
	}
	for _, a := range args {
		note := appendNumber(nil, annotationNameIID, p.intern(p.keys, internedAnnotation, a.name))
		e = appendMessage(e, eventAnnotation, appendText(note, annotationString, a.value))
	}
	e = append(e, more...)
	p.packet(appendMessage(appendNumber(nil, packetTimestamp, at), packetTrackEvent, e))
}

func (p *perfetto) begin(at, track uint64, name string, args ...argument) {
	p.event(at, sliceBegin, track, name, args, nil)
}

func (p *perfetto) end(at, track uint64, args ...argument) {
	p.event(at, sliceEnd, track, "", args, nil)
}

func (p *perfetto) instant(at, track uint64, name string, args ...argument) {
	p.event(at, instant, track, name, args, nil)
}

func (p *perfetto) count(at, track uint64, value float64) {
	bits := protowire.AppendTag(nil, eventDoubleValue, protowire.Fixed64Type)
	p.event(at, counterType, track, "", nil, protowire.AppendFixed64(bits, floatBits(value)))
}
