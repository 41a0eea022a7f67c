package webinar_test

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
)

// parse takes a written mail apart.
func parse(t *testing.T, raw string) letter {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	l := letter{to: to[0].Address, subject: subject}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("mail of type %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // NextRawPart returns it bare
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		switch kind {
		case "text/plain":
			l.text = string(body)
		case "text/calendar":
			l.method, l.ics = params["method"], string(body)
		}
	}
}

// value returns the value of a property of a calendar entry.
func (l letter) value(name string) string {
	flat := strings.ReplaceAll(l.ics, "\r\n ", "")
	_, event, _ := strings.Cut(flat, "BEGIN:VEVENT")
	for _, line := range strings.Split(event, "\r\n") {
		key, value, _ := strings.Cut(line, ":")
		if base, _, _ := strings.Cut(key, ";"); base == name {
			return value
		}
	}
	return ""
}
