package file

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func (h *house) serve(id uuid.UUID) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Serve(w, r, id); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	}))
	h.t.Cleanup(srv.Close)
	return srv
}

func get(t *testing.T, method, url string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	must(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

func TestServe(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	body := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	s := h.attached("Résumé \"Žofie\"; 50%.txt", body)
	srv := h.serve(s.ID)
	etag := `"` + s.SHA256 + `"`
	tests := []struct {
		name, method string
		header       []string
		status       int
		want         []byte
	}{
		{"whole", "GET", nil, 200, body},
		{"head", "HEAD", nil, 200, nil},
		{"start", "GET", []string{"Range", "bytes=0-4"}, 206, body[:5]},
		{"across chunks", "GET", []string{"Range", "bytes=65530-131080"}, 206, body[65530:131081]},
		{"end", "GET", []string{"Range", "bytes=-7"}, 206, body[len(body)-7:]},
		{"resumed", "GET", []string{"Range", "bytes=100000-", "If-Range", etag}, 206, body[100000:]},
		{"resumed otherwise", "GET", []string{"Range", "bytes=100000-", "If-Range", `"x"`}, 200, body},
		{"beyond", "GET", []string{"Range", "bytes=999999-"}, 416, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, got, err := get(t, tt.method, srv.URL, tt.header...)
			must(t, err)
			if res.StatusCode != tt.status || tt.status < 300 && !bytes.Equal(got, tt.want) {
				t.Errorf("status %d, %d bytes; want %d, %d bytes", res.StatusCode, len(got), tt.status, len(tt.want))
			}
		})
	}
	res, _, err := get(t, "GET", srv.URL)
	must(t, err)
	got := map[string]string{}
	want := map[string]string{
		"Content-Type": "text/plain", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "ETag": etag,
		"Content-Security-Policy": "sandbox; default-src 'none'", "Cross-Origin-Resource-Policy": "same-origin",
	}
	for k := range want {
		got[k] = res.Header.Get(k)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("header (-got +want):\n%s", diff)
	}
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition"))
	if err != nil || kind != "attachment" || params["filename"] != s.Name {
		t.Errorf("disposition %q %q, %v; want the name %q", kind, params, err, s.Name)
	}
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "127.0.0.1:1")
	waiting, staged := h.attached("cv.txt", []byte("Jane")), h.stage("cv.txt", []byte("Jane"))
	for id, want := range map[uuid.UUID]error{waiting.ID: ErrWithheld, staged.ID: ErrGone, uuid.New(): ErrGone} {
		w := httptest.NewRecorder()
		err := h.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), id)
		if !errors.Is(err, want) || len(w.Header()) > 0 {
			t.Errorf("serve: %v with header %v, want %v", err, w.Header(), want)
		}
	}
}

func TestServeNeverEndsDamagedFileWell(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	body := bytes.Repeat([]byte("0123456789"), 40_000)
	late, early := h.attached("late.txt", body), h.attached("early.txt", body)
	spoil(t, h.blobPath(late.ID), 3*sealedSize)
	spoil(t, h.blobPath(early.ID), 10)
	_, got, err := get(t, "GET", h.serve(late.ID).URL)
	if err == nil || !bytes.HasPrefix(body, got) {
		t.Errorf("damaged late: %d bytes, error %v; want the connection cut", len(got), err)
	}
	res, got, err := get(t, "GET", h.serve(early.ID).URL)
	must(t, err)
	if res.StatusCode != http.StatusTeapot || strings.Contains(string(got), "0123") {
		t.Errorf("damaged early: status %d, %q", res.StatusCode, got)
	}
}

func spoil(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte{0xff, 0xfe, 0xfd}, at)
	must(t, errors.Join(err, f.Close()))
}

func TestDisposition(t *testing.T) {
	tests := map[string]string{
		"cv.pdf":       `attachment; filename="cv.pdf"; filename*=UTF-8''cv.pdf`,
		"my cv.pdf":    `attachment; filename="my cv.pdf"; filename*=UTF-8''my%20cv.pdf`,
		"Žo\"f\\%.pdf": `attachment; filename="_o_f__.pdf"; filename*=UTF-8''%C5%BDo%22f%5C%25.pdf`,
		"a\r\nb: c":    `attachment; filename="a__b: c"; filename*=UTF-8''a%0D%0Ab%3A%20c`,
	}
	for in, want := range tests {
		if got := Disposition(in); got != want {
			t.Errorf("Disposition(%q) = %s, want %s", in, got, want)
		}
	}
}
