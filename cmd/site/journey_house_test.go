package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"

	"clickcommerce.com/site/web"
)

// house is the whole program, answering at an address of its own, with a clock that can be put forward.
type house struct {
	*app
	url   string
	ahead *atomic.Int64
	read  map[string]bool // mails, by the names of their files
}

// newHouse opens the program with what the rooms bring as examples, but without submissions.
func newHouse(t *testing.T, host string) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return openHouse(t, l, fmt.Sprintf("http://%s:%d", host, l.Addr().(*net.TCPAddr).Port))
}

// openHouse answers at a listener what the world knows by that address.
func openHouse(t *testing.T, l net.Listener, url string) *house {
	t.Helper()
	h := &house{url: url, ahead: &atomic.Int64{}, read: map[string]bool{}}
	now := func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }
	h.app = newAppAt(t, web.FS, now, "PUBLIC_URL="+h.url)
	for _, load := range h.rooms.demo {
		if err := load(t.Context(), web.FS); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.index.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: h.front(), ReadHeaderTimeout: patience}}
	server.Start()
	t.Cleanup(server.Close)
	return h
}

// pass lets time go by.
func (h *house) pass(d time.Duration) { h.ahead.Add(int64(d)) }

// work does what is due, as the jobs of a serving program would.
func (h *house) work(t *testing.T) {
	t.Helper()
	for _, w := range h.workers() {
		if err := w.Run(t.Context()); err != nil {
			t.Fatalf("%s: %v", w.Name, err)
		}
	}
}

// letter is a mail as it is read.
type letter struct{ subject, text string }

// link is the first address of the site in a mail below that path.
func (l letter) link(t *testing.T, below string) string {
	t.Helper()
	found := regexp.MustCompile(`http://\S+` + regexp.QuoteMeta(below) + `\S*`).FindString(l.text)
	if found == "" {
		t.Fatalf("the mail %q has no link to %s:\n%s", l.subject, below, l.text)
	}
	return found
}

// letter lets the mail be sent that is due, and reads the one to an address with those words in its subject. Each is
// read once.
func (h *house) letter(t *testing.T, to, subject string) letter {
	t.Helper()
	if err := h.mail.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	var others []string
	for _, name := range h.mails(t) {
		l, addressed := readLetter(t, name)
		others = append(others, addressed+": "+l.subject)
		if addressed == to && strings.Contains(l.subject, subject) && !h.read[name] {
			h.read[name] = true
			return l
		}
	}
	t.Fatalf("no new mail to %s about %q among:\n%s", to, subject, strings.Join(others, "\n"))
	return letter{}
}

func readLetter(t *testing.T, name string) (l letter, to string) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Header.AddressList("To")
	if err != nil || len(list) != 1 {
		t.Fatalf("%s is addressed to %v: %v", name, list, err)
	}
	if l.subject, err = r.Header.Subject(); err != nil {
		t.Fatal(err)
	}
	part, err := r.NextPart() // the words come before their picture in HTML
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(part.Body)
	if err != nil {
		t.Fatal(err)
	}
	l.text = string(text)
	return l, list[0].Address
}

// nothing fails where such a mail has left.
func (h *house) nothing(t *testing.T, to, subject string) {
	t.Helper()
	if err := h.mail.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range h.mails(t) {
		if l, addressed := readLetter(t, name); addressed == to && strings.Contains(l.subject, subject) {
			t.Errorf("%s got %q", to, l.subject)
		}
	}
}

func (h *house) mails(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.cfg.VarDir, "mail", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
