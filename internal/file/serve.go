package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// Reader gives the contents of one file, from any place. It is for one goroutine; the caller closes it. Read returns
// ErrDamaged, wrapped, where what is stored is not what was taken in, and never a byte of such contents.
type Reader struct {
	Info Info
	*opener
}

// Open returns the contents of an attached file: ErrGone where there is none, ErrWithheld unless it was found clean.
// Where no scanner is configured it opens all the same, and Info.Warning says what to tell. Whether the caller may
// read it, and that it was read, is the caller's to check and to log. The contents are read under ctx.
func (s *Store) Open(ctx context.Context, id uuid.UUID) (*Reader, error) {
	r, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	info := s.info(r)
	switch {
	case r.State != StateAttached:
		return nil, ErrGone
	case !info.Openable:
		return nil, ErrWithheld
	}
	o, err := s.reader(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Reader{Info: info, opener: o}, nil
}

func (s *Store) reader(ctx context.Context, r row) (*opener, error) {
	if r.Blob == nil || r.Key == nil {
		return nil, ErrGone
	}
	dataKey, err := s.keys.Unwrap(r.Key)
	if err != nil {
		return nil, fmt.Errorf("unwrap file key: %w", err)
	}
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, err
	}
	return newOpener(aead, r.Size, func(offset int64) (io.ReadCloser, error) {
		return s.blobs.Get(ctx, *r.Blob, offset)
	}), nil
}

// Serve answers GET and HEAD with the file as an attachment: never shown in place, never kept by a cache, whole or by
// ranges (RFC 9110 section 14). It returns what Open returns, and errors of storage, before anything is written; where
// the contents turn out damaged later, it cuts the connection rather than end a wrong file well.
func (s *Store) Serve(w http.ResponseWriter, r *http.Request, id uuid.UUID) error {
	f, err := s.Open(r.Context(), id)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", f.Info.Type.Media())
	h.Set("Content-Disposition", Disposition(f.Info.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("ETag", `"`+f.Info.SHA256+`"`)
	watched := &watched{ReadSeeker: f}
	http.ServeContent(w, r, "", f.Info.Created, watched)
	if watched.err != nil {
		s.log.ErrorContext(r.Context(), "file cannot be read back", "file", id, "error", watched.err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// watched remembers what ServeContent does not return: an error of reading.
type watched struct {
	io.ReadSeeker
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		w.err = err
	}
	return n, err
}

// Disposition is the Content-Disposition of a file to be saved under a name: plain ASCII for old readers, the whole
// name in UTF-8 for the rest (RFC 6266, RFC 8187).
func Disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' || r == '/' {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
