package imports

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// longestLine bounds the lines of a log, in bytes. strace shortens strings, so that its lines are short.
const longestLine = 1 << 20

// lineReader reads a text line by line, in memory that does not grow with the text.
type lineReader struct {
	name string
	in   *bufio.Reader
	no   int // of the line that was read last
	long []byte
}

func newLineReader(name string, r io.Reader) *lineReader {
	return &lineReader{name: name, in: bufio.NewReaderSize(r, 256<<10)}
}

// next returns the next line without its end, valid until the next call; io.EOF behind the last.
func (r *lineReader) next() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.continued(line)
	}
	if len(line) == 0 && err != nil {
		return nil, err
	}
	r.no++
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// continued reads the rest of a line that is longer than the buffer.
func (r *lineReader) continued(begun []byte) ([]byte, error) {
	r.long = append(r.long[:0], begun...)
	for {
		more, err := r.in.ReadSlice('\n')
		r.long = append(r.long, more...)
		if len(r.long) > longestLine {
			return nil, mistake(r.name, r.no+1, longestLine, "the line goes on beyond %d bytes, expected its end", longestLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return r.long, err
		}
	}
}
