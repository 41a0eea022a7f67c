package site_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// discard is a client that takes everything and keeps its header map, as a connection does not: what is measured is
// ours alone.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkCachedPage counts what the way through router, middleware and cache costs beside net/http.
func BenchmarkCachedPage(b *testing.B) {
	s := open(b, nil)
	r := httptest.NewRequest(http.MethodGet, "/products/contracts", nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	w := &discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		delete(r.Header, "X-Request-Id")
		s.ServeHTTP(w, r)
	}
}

// BenchmarkServed compares, over real connections, a page with bare net/http that writes the same compressed bytes.
// At least 0.85 of its speed is wanted. The load generator takes part of both.
func BenchmarkServed(b *testing.B) {
	s := open(b, nil)
	w := ask(s, http.MethodGet, "/products/contracts", nil, "Accept-Encoding", "gzip")
	if zr, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes())); err != nil || zr.Close() != nil {
		b.Fatal("not compressed")
	}
	same := w.Body.Bytes()
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(same)
	})
	for _, of := range []struct {
		name string
		h    http.Handler
	}{{"bare", bare}, {"site", s}} {
		b.Run(of.name, func(b *testing.B) {
			server := httptest.NewServer(of.h)
			defer server.Close()
			request := []byte("GET /products/contracts HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
			b.RunParallel(func(p *testing.PB) {
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = conn.Close() }()
				answer := make([]byte, 64<<10)
				length := 0
				for p.Next() {
					if _, err := conn.Write(request); err != nil {
						b.Error(err)
						return
					}
					if length == 0 { // the first answer tells how long each is
						n, _ := conn.Read(answer)
						length = n
						continue
					}
					if _, err := io.ReadFull(conn, answer[:length]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
