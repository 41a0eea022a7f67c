package activity

import (
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
	"clickcommerce.com/site/internal/page"
)

const (
	maxText = 4 << 20   // bytes of names and values: four times what any field takes, so that too much can be shown again
	drained = 256 << 20 // bytes that are read and thrown away, so that a browser gets our page and not a broken connection
)

// received is what came with a POST, before anything is judged.
type received struct {
	say     page.Say
	values  url.Values
	text    int // bytes of names and values that came in parts
	files   []file.Staged
	tried   map[string]bool // fields for which a file came, whatever became of it
	dealt   map[string]bool // fields for which it is decided whether the file that an earlier page kept is used
	missed  bool            // a file came that we did not keep, through no fault of its own
	errs    form.Errors
	status  int // set where the sending as such is refused: 413, 415
	message string
}

// way says how a sending is read.
type way struct {
	stage  bool // files go to the store
	sealed bool // but only where a valid seal came before the first file
	resume bool // files that an earlier page kept are looked up
	// unknown says that the form is not at hand: files are passed over.
	unknown bool
}

// receive reads the body. Whatever happens, it returns what could be read, so that the page can show it again; an error
// is ours, not the sender's.
func (d *Desk) receive(w http.ResponseWriter, r *http.Request, f form.Form, how way) (*received, error) {
	in := newReceived(d.say)
	whole := r.Body
	var err error
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		in.readPairs(r.Body)
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxText+drained) // what of a file is too much is skipped, for what follows it
		err = d.readParts(r.Context(), in, newParts(r.Body, params["boundary"]), f, how)
	default:
		in.status, in.message = page.ErrNoForm.Status, page.ErrNoForm.Message
		return in, nil
	}
	if in.status == http.StatusRequestEntityTooLarge {
		_, _ = io.CopyN(io.Discard, whole, drained)
	}
	if how.resume && err == nil {
		err = d.resume(r.Context(), in, f)
	}
	return in, err
}

func newReceived(say page.Say) *received {
	return &received{
		say: say, values: url.Values{}, tried: map[string]bool{}, dealt: map[string]bool{}, errs: form.Errors{},
	}
}

// readPairs decodes a urlencoded body as far as it goes.
func (in *received) readPairs(body io.Reader) {
	raw, _ := io.ReadAll(io.LimitReader(body, maxText+1)) // a broken connection has nobody to tell
	if len(raw) > maxText {
		in.tooMuch()
		raw = raw[:maxText]
	}
	var whole bool
	if in.values, whole = form.Decode(raw); !whole {
		in.tooMuch()
	}
}

func (in *received) tooMuch() {
	in.status = http.StatusRequestEntityTooLarge
	in.message = in.say("too_much")
}

// readParts decodes a multipart body part by part; files go to the store as they are read. Where that fails, the rest is
// still read, so that nothing typed is lost.
func (d *Desk) readParts(ctx context.Context, in *received, parts *multipart.Reader, f form.Form, how way) error {
	var fault error
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return fault
		}
		if err == nil && n == form.MaxPairs {
			in.tooMuch()
			return fault
		}
		if err != nil {
			in.broken(err)
			return fault
		}
		field, known := f.Field(part.FormName())
		if known && field.Kind == form.File || how.unknown && part.FileName() != "" {
			if err := d.readFile(ctx, in, part, f, field, how); err != nil {
				fault, how.stage = err, false // a store that failed is not asked again
			}
			continue
		}
		if err := in.readValue(part); err != nil {
			in.broken(err)
			return fault
		}
	}
}

// readFile hands a file to the store: one a field, a second is skipped.
func (d *Desk) readFile(ctx context.Context, in *received, part *multipart.Part, f form.Form, field form.Field, how way) error {
	name := part.FormName()
	if part.FileName() == "" || in.tried[name] {
		return nil
	}
	in.tried[name] = true
	if !how.stage {
		in.missed = true
		return nil
	}
	if how.sealed && !d.ours(in, f) {
		in.errs.Add(name, in.say("file_not_taken"))
		return nil
	}
	err := d.stage(ctx, in, field, part)
	in.missed = err != nil
	return err
}

// readValue reads what was typed into a field, as far as maxText allows.
func (in *received) readValue(part *multipart.Part) error {
	name := part.FormName()
	in.text += len(name)
	raw, err := io.ReadAll(io.LimitReader(part, int64(max(maxText-in.text, 0))))
	in.text += len(raw)
	if in.text >= maxText {
		err = errors.Join(err, &http.MaxBytesError{Limit: maxText})
	}
	if len(name) < maxText {
		in.values.Add(name, string(raw))
	}
	return err
}

// ours tells whether the seal that came before a file is one of this form's, so that nobody stores files with us who
// did not ask for the page first. One that expired will do: its file is kept while the page is read once more.
func (d *Desk) ours(in *received, f form.Form) bool {
	seal, err := form.OpenSeal(d.Ring, in.values.Get(form.SealField))
	return err == nil && !errors.Is(seal.Check(f, seal.Statement, d.Now()), form.ErrSealForged)
}

// broken says why the rest of the body could not be read.
func (in *received) broken(err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		in.tooMuch()
		return
	}
	in.status = http.StatusBadRequest
	in.message = in.say("broke_off")
}

func (d *Desk) stage(ctx context.Context, in *received, field form.Field, part *multipart.Part) error {
	types, err := file.Types(field.Accept)
	if err != nil {
		return fmt.Errorf("form field %s: %w", field.Name, err)
	}
	source := &tracked{Reader: part}
	staged, err := d.Files.Stage(ctx, file.Upload{
		Name: fileName(part), Reader: source, Accept: types, Max: field.MaxBytes, Field: field.Name,
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
		in.errs.Add(field.Name, in.say("file_not_whole"))
		if in.broken(source.err); in.status == http.StatusRequestEntityTooLarge {
			in.errs[field.Name] = in.say("file_large", "limit", file.Size(field.MaxBytes))
		}
		return nil // the fault is the sending's: the page tells it
	case err != nil:
		return err
	}
	in.files = append(in.files, staged)
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

// chooseAgain asks for a file that came and was not kept, though nothing is wrong with it.
func (in *received) chooseAgain() string {
	if !in.missed {
		return ""
	}
	return " " + in.say("choose_again")
}

// The fields beside a file's, by which it is carried from page to page.
func keptName(field string) string   { return field + "_kept" }
func removeName(field string) string { return field + "_remove" }

// isFileField tells whether a name is one of those.
func isFileField(name string) bool {
	return strings.HasSuffix(name, keptName("")) || strings.HasSuffix(name, removeName(""))
}

// resume takes up the files that an earlier page kept. Those that were replaced or are to be removed are deleted.
func (d *Desk) resume(ctx context.Context, in *received, f form.Form) error {
	for _, field := range f.Fields {
		token := in.values.Get(keptName(field.Name))
		if field.Kind != form.File || token == "" {
			continue
		}
		var err error
		if in.has(field.Name) || in.values.Get(removeName(field.Name)) != "" {
			err = d.Files.Discard(ctx, token)
		} else {
			err = d.takeUp(ctx, in, field.Name, token)
		}
		if err != nil {
			return err
		}
		in.dealt[field.Name] = true
	}
	return nil
}

func (d *Desk) takeUp(ctx context.Context, in *received, field, token string) error {
	staged, err := d.Files.Resume(ctx, token)
	var refused *file.Refusal
	switch {
	case err == nil && staged.Field == field:
		in.files = append(in.files, staged)
	case errors.As(err, &refused):
		in.errs.Add(field, refused.Message)
	case err == nil, errors.Is(err, file.ErrGone):
		in.errs.Add(field, in.say("file_gone"))
	default:
		return err
	}
	return nil
}

// unresolved carries on the kept files that could not be looked up: the next page asks for them again.
func (in *received) unresolved(f form.Form) []form.Hidden {
	var hidden []form.Hidden
	for _, field := range f.Fields {
		if field.Kind != form.File || in.dealt[field.Name] || in.has(field.Name) {
			continue
		}
		for _, name := range []string{keptName(field.Name), removeName(field.Name)} {
			if value := in.values.Get(name); value != "" {
				hidden = append(hidden, form.Hidden{Name: name, Value: value})
			}
		}
	}
	return hidden
}

func (in *received) has(field string) bool {
	for _, s := range in.files {
		if s.Field == field {
			return true
		}
	}
	return false
}

// withFiles returns the values with the ids of the files in the places of their fields, where nothing else belongs.
func (in *received) withFiles(f form.Form) url.Values {
	values := url.Values{}
	for name, list := range in.values {
		if field, ok := f.Field(name); !ok || field.Kind != form.File {
			values[name] = list
		}
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
		kept[s.Field] = []form.Kept{{
			Name: s.Name, Size: file.Size(s.Size), Token: s.Token, RemoveName: removeName(s.Field),
		}}
	}
	return kept
}
