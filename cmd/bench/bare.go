package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
)

// serveBare is the limit of a page: net/http and nothing else, writing bytes that were compressed before, chosen by
// what the client takes. It runs in a process of its own.
func serveBare(file, address string) error {
	compressed, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("bytes of the page: %w", err)
	}
	plain, err := io.ReadAll(brotli.NewReader(strings.NewReader(string(compressed))))
	if err != nil {
		return fmt.Errorf("bytes of the page: %w", err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content := plain
		h := w.Header()
		if strings.Contains(r.Header.Get("Accept-Encoding"), "br") {
			content = compressed
			h.Set("Content-Encoding", "br")
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Vary", "Accept-Encoding")
		h.Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content) // the load generator may be gone
	})
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// startBare starts it on the bytes of a page of the site.
func (b *bench) startBare(ctx context.Context, page string) (*process, error) {
	compressed, err := fetchBrotli(ctx, page)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "page.br")
	if err := os.WriteFile(file, compressed, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: exec.CommandContext(ctx, self, "bare", file, address), url: "http://" + address} //nolint:gosec // this very program
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		return nil, err
	}
	if err := waitFor(ctx, p.url+"/"); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

func fetchBrotli(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "br")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "br" {
		return nil, fmt.Errorf("%s: %s, encoding %q", address, resp.Status, resp.Header.Get("Content-Encoding"))
	}
	return io.ReadAll(resp.Body)
}

// waitFor polls an address until it answers 200.
func waitFor(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	last := errors.New("no answer")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", address, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddress is a local one on which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
