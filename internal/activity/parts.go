package activity

import (
	"bufio"
	"bytes"
	"io"
	"mime/multipart"
	"slices"
	"strings"
)

// newParts reads a multipart body. A browser sends a file's name as it is, and some systems allow control characters in
// it; package multipart gives up on such a header, and what the form says after the file would be lost. They are left
// out before it sees them.
func newParts(body io.Reader, boundary string) *multipart.Reader {
	return multipart.NewReader(&plainHeaders{body: bufio.NewReader(body), boundary: []byte("--" + boundary)}, boundary)
}

// plainHeaders passes a multipart body on, without the control characters in the headers of its parts.
type plainHeaders struct {
	body     *bufio.Reader
	boundary []byte
	line     []byte // what is read of a line and not yet passed on
	within   bool   // a line that is longer than the buffer
	header   bool   // between a boundary and the empty line that ends the header
	err      error
}

// Read implements io.Reader.
func (h *plainHeaders) Read(p []byte) (int, error) {
	for len(h.line) == 0 {
		if h.err != nil {
			return 0, h.err
		}
		h.next()
	}
	n := copy(p, h.line)
	h.line = h.line[n:]
	return n, nil
}

// next reads a line, or as much of it as the buffer holds.
func (h *plainHeaders) next() {
	begins := !h.within
	h.line, h.err = h.body.ReadSlice('\n')
	if h.within = h.err == bufio.ErrBufferFull; h.within { //nolint:errorlint // ReadSlice returns it bare
		h.err = nil
	}
	text := bytes.TrimRight(h.line, "\r\n")
	switch {
	case begins && bytes.Equal(bytes.TrimRight(text, " \t"), h.boundary):
		h.header = true
	case begins && len(text) == 0:
		h.header = false
	case h.header:
		end := string(h.line[len(text):])
		h.line = append(slices.DeleteFunc(text, control), end...)
	}
}

func control(b byte) bool { return b < ' ' && b != '\t' || b == 0x7f }

// fileName is the name of a part's file as its owner knows it: browsers write a quotation mark and the ends of lines so
// (HTML Standard, "multipart/form-data encoding algorithm").
func fileName(part *multipart.Part) string {
	return strings.NewReplacer("%22", `"`, "%0D", "", "%0A", "").Replace(part.FileName())
}
