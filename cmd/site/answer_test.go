package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// serveAnswers serves h the way the site does.
func serveAnswers(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config, s.Listener = publicServer(h), newAnswers(s.Listener)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// TestAnswersArriveWhole: answers of every length around the size of the buffer arrive at once and whole, on a connection
// that goes on and on one that ends.
func TestAnswersArriveWhole(t *testing.T) {
	s := serveAnswers(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		if r.URL.Query().Has("end") {
			w.Header().Set("Connection", "close")
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
	})
	client := s.Client()
	client.Timeout = 10 * time.Second
	for base := 0; base <= 3*answerBuffer; base += answerBuffer {
		for n := max(0, base-250); n <= base; n++ { // the header takes part of the first buffer
			for _, end := range []string{"", "&end"} {
				if got := length(t, client, fmt.Sprintf("%s?n=%d%s", s.URL, n, end)); got != n {
					t.Fatalf("an answer of %d bytes%s arrives as %d", n, end, got)
				}
			}
		}
	}
}

// TestAnswersOfFiles: a file that the system sends by itself follows its header.
func TestAnswersOfFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "film.bin")
	if err := os.WriteFile(file, bytes.Repeat([]byte("film"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveAnswers(t, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	if got := length(t, s.Client(), s.URL); got != 400_000 {
		t.Errorf("%d of 400,000 bytes arrive", got)
	}
}

func length(t *testing.T, client *http.Client, address string) int {
	t.Helper()
	res, err := client.Get(address) //nolint:noctx // the client's own limit ends it
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return len(body)
}

// TestAnswersLeaveTogether: the first buffer of a page waits for its rest, and what a handler flushes does not.
func TestAnswersLeaveTogether(t *testing.T) {
	on := make(chan struct{})
	s := serveAnswers(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/flushed" {
			_, _ = io.WriteString(w, "a line")
			_ = http.NewResponseController(w).Flush()
		} else {
			_, _ = w.Write(bytes.Repeat([]byte("x"), answerBuffer+100))
		}
		<-on
	})
	for path, early := range map[string]bool{"/page": false, "/flushed": true} {
		c, err := net.Dial("tcp", s.Listener.Addr().String()) //nolint:noctx // of this machine
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // only read
		wait := 200 * time.Millisecond
		if early {
			wait = 10 * time.Second
		}
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: site\r\n\r\n", path)
		_ = c.SetReadDeadline(time.Now().Add(wait))
		answer := bufio.NewReader(c)
		_, err = answer.ReadByte()
		if late := errors.Is(err, os.ErrDeadlineExceeded); late == early {
			t.Errorf("%s: something arrives before the rest is written: %v, want %v", path, !late, early)
		}
		on <- struct{}{}
	}
}
