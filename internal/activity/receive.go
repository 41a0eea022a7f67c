package activity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
)

const (
	maxText   = 4 << 20 // bytes of a form without files: four times what any field takes, so that too much can be shown again
	maxPairs  = 2000    // fields that are read; what follows is ignored
	overshoot = 9       // how many times its limit a file may be sent before reading ends
)

// received is what came with a POST, before anything is judged.
type received struct {
	values  url.Values
	files   []file.Staged
	errs    form.Errors
	status  int // set where the sending as such is refused: 413, 415
	message string
}

// receive reads the body. Whatever happens, it returns what could be read, so that the page can show it again. Files
// are staged only where stage is set; an error is ours, not the sender's.
func (d *Desk) receive(w http.ResponseWriter, r *http.Request, f form.Form, stage bool) (*received, error) {
	in := &received{values: url.Values{}, errs: form.Errors{}}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		in.readPairs(r.Body)
		return in, nil
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxText+overshoot*largest(f))
		err := d.readParts(r.Context(), in, multipart.NewReader(r.Body, params["boundary"]), f, stage)
		if err == nil && stage {
			err = d.resume(r.Context(), in, f)
		}
		return in, err
	}
	in.status = http.StatusUnsupportedMediaType
	in.message = "What arrived was not sent by this form, so it could not be read. Please fill in the form and send it again."
	return in, nil
}

func largest(f form.Form) int64 {
	var n int64
	for _, field := range f.Fields {
		n = max(n, field.MaxBytes)
	}
	return n
}

// readPairs decodes a urlencoded body as far as it goes.
func (in *received) readPairs(body io.Reader) {
	raw, _ := io.ReadAll(io.LimitReader(body, maxText+1)) // a broken connection has nobody to tell
	if len(raw) > maxText {
		in.tooMuch()
		raw = raw[:maxText]
	}
	for n := 0; len(raw) > 0 && n < maxPairs; n++ {
		pair, rest, _ := bytes.Cut(raw, []byte("&"))
		raw = rest
		name, value, _ := strings.Cut(string(pair), "=")
		in.values.Add(unescape(name), unescape(value))
	}
}

func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}

func (in *received) tooMuch() {
	in.status = http.StatusRequestEntityTooLarge
	in.message = "That is more than this form takes. What could be read is below: shorten it and send again."
}

// readParts decodes a multipart body part by part; files go to the store as they are read.
func (d *Desk) readParts(ctx context.Context, in *received, parts *multipart.Reader, f form.Form, stage bool) error {
	var text int
	for range maxPairs {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			in.broken(err)
			return nil
		}
		name := part.FormName()
		if field, ok := f.Field(name); ok && field.Kind == form.File {
			if part.FileName() == "" || !stage {
				continue
			}
			if err := d.stage(ctx, in, field, part); err != nil {
				return err
			}
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(part, int64(maxText-text)))
		text += len(raw)
		in.values.Add(name, string(raw))
		if err != nil {
			in.broken(err)
			return nil
		}
		if text >= maxText {
			in.tooMuch()
			return nil
		}
	}
	return nil
}

// broken says why the rest of the body could not be read.
func (in *received) broken(err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		in.tooMuch()
		return
	}
	in.status = http.StatusBadRequest
	in.message = "The sending broke off. What arrived is below: please check it and send again."
}

func (d *Desk) stage(ctx context.Context, in *received, field form.Field, part *multipart.Part) error {
	types, err := file.Types(field.Accept)
	if err != nil {
		return fmt.Errorf("form field %s: %w", field.Name, err)
	}
	source := &tracked{Reader: part}
	staged, err := d.Files.Stage(ctx, file.Upload{
		Name: part.FileName(), Reader: source, Accept: types, Max: field.MaxBytes, Field: field.Name,
	})
	var refused *file.Refusal
	switch {
	case errors.As(err, &refused):
		in.errs.Add(field.Name, refused.Message)
		if refused.Reason == file.TooLarge {
			in.status = http.StatusRequestEntityTooLarge
		}
		return nil
	case err != nil && source.err != nil:
		in.errs.Add(field.Name, "This file did not arrive whole. Please choose it again.")
		in.broken(source.err)
		return nil //nolint:nilerr // the fault is the sending's: the page tells it
	case err != nil:
		return err
	}
	in.replace(staged)
	return nil
}

// tracked remembers that reading failed, to tell a broken sending from a broken store.
type tracked struct {
	io.Reader
	err error
}

func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

// replace keeps one file a field: the newest.
func (in *received) replace(s file.Staged) {
	for i, old := range in.files {
		if old.Field == s.Field {
			in.files[i] = s
			return
		}
	}
	in.files = append(in.files, s)
}

// resume takes up the files that an earlier page kept, unless they were replaced or are to be removed.
func (d *Desk) resume(ctx context.Context, in *received, f form.Form) error {
	for _, field := range f.Fields {
		token := in.values.Get(field.Name + "_kept")
		if field.Kind != form.File || token == "" || in.has(field.Name) {
			continue
		}
		if in.values.Get(field.Name+"_remove") != "" {
			if err := d.Files.Discard(ctx, token); err != nil {
				return err
			}
			continue
		}
		staged, err := d.Files.Resume(ctx, token)
		var refused *file.Refusal
		switch {
		case err == nil && staged.Field == field.Name:
			in.replace(staged)
		case errors.As(err, &refused):
			in.errs.Add(field.Name, refused.Message)
		case err == nil, errors.Is(err, file.ErrGone):
			in.errs.Add(field.Name, "The file kept from before is no longer there. Please choose it again.")
		default:
			return err
		}
	}
	return nil
}

func (in *received) has(field string) bool {
	for _, s := range in.files {
		if s.Field == field {
			return true
		}
	}
	return false
}

// withFiles returns the values with the ids of the files in the places of their fields.
func (in *received) withFiles() url.Values {
	values := url.Values{}
	for name, list := range in.values {
		values[name] = list
	}
	for _, s := range in.files {
		values[s.Field] = []string{s.ID.String()}
	}
	return values
}

// kept returns the files as the page shows them again.
func (in *received) kept() map[string][]form.Kept {
	kept := map[string][]form.Kept{}
	for _, s := range in.files {
		kept[s.Field] = append(kept[s.Field], form.Kept{
			Name: s.Name, Size: file.Size(s.Size), Token: s.Token, RemoveName: s.Field + "_remove",
		})
	}
	return kept
}
