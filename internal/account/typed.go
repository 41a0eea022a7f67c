package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/form"
)

const (
	typedMost = 1 << 20       // bytes of what was typed that we carry: as many as a letter, or a record taken by phone, may have
	bodyMost  = 3 * typedMost // bytes of a form of this room: what was typed, sealed, and some fields
	typedLife = 24 * time.Hour

	typedField = "typed"
	nextField  = "next"
)

// typed is what somebody sent after the session had ended. It travels sealed through the pages of sign-in, and is then
// shown with a button that sends it again.
type typed struct {
	Kind      Kind       `json:"kind"`
	Path      string     `json:"path"`
	Values    url.Values `json:"values"`
	Multipart bool       `json:"multipart,omitempty"`
	Files     []string   `json:"files,omitempty"` // names of fields whose files have to be chosen again
	At        time.Time  `json:"at"`
}

var errTooLong = errors.New("account: more was typed than can be carried")

// typedIn reads what a request brought but secrets; errTooLong where it is more than we carry. Files are read only to be
// dropped, as far as the site lets a body be read.
func (s *Service) typedIn(r *http.Request, kind Kind) (*typed, error) {
	t := &typed{Kind: kind, Path: r.URL.RequestURI(), At: s.now()}
	var err error
	if media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "multipart/form-data" {
		t.Multipart = true
		err = t.readParts(multipart.NewReader(r.Body, params["boundary"]))
	} else {
		err = t.readValues(r.Body)
	}
	if err != nil {
		return nil, err
	}
	for name := range t.Values {
		if secretField(name) {
			delete(t.Values, name)
		}
	}
	return t, nil
}

// keep reads what a request brought and returns it sealed; errTooLong where it is more than we carry.
func (s *Service) keep(r *http.Request, kind Kind) (string, error) {
	t, err := s.typedIn(r, kind)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	if len(raw) > typedMost+typedMost/2 {
		return "", errTooLong
	}
	return s.keys.Seal("typed", raw), nil
}

// carried returns what a page on the way in brings along from before it, "" where that is nothing: its own fields are
// nobody's loss.
func (s *Service) carried(r *http.Request, kind Kind) string {
	if !doors(r.URL.Path) || read(r) != nil {
		return ""
	}
	sealed := r.PostForm.Get(typedField)
	if s.typedOf(kind, sealed) == nil {
		return ""
	}
	return sealed
}

func (t *typed) readValues(body io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(body, typedMost+1))
	if err != nil {
		return err
	}
	if len(raw) > typedMost {
		return errTooLong
	}
	var whole bool
	if t.Values, whole = form.Decode(raw); !whole {
		return errTooLong
	}
	return nil
}

func (t *typed) readParts(parts *multipart.Reader) error {
	t.Values = url.Values{}
	left := typedMost
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == nil && n == form.MaxPairs {
			return errTooLong
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if part.FileName() != "" {
			t.Files = append(t.Files, part.FormName())
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(part, int64(left)+1))
		if err != nil {
			return err
		}
		if left -= len(raw) + len(part.FormName()); left < 0 {
			return errTooLong
		}
		t.Values.Add(part.FormName(), string(bytes.ToValidUTF8(raw, nil)))
	}
}

// secretField tells whether a field holds what must not be carried: this room's own passwords and codes.
func secretField(name string) bool {
	return slices.Contains([]string{"password", "present", "code", typedField}, name)
}

// typedOf opens what keep closed; nil where there is nothing, or it isn't for this door, or it is too old.
func (s *Service) typedOf(kind Kind, sealed string) *typed {
	if sealed == "" {
		return nil
	}
	raw, err := s.keys.Open("typed", sealed)
	if err != nil {
		return nil
	}
	var t typed
	if err := json.Unmarshal(raw, &t); err != nil || t.Kind != kind || s.now().Sub(t.At) > typedLife {
		return nil
	}
	if local(kind, t.Path) != t.Path {
		return nil
	}
	return &t
}

// shown lists the values in words for the page that offers to send them again, but those that nobody types.
func (t *typed) shown() []fact {
	var list []fact
	for _, name := range t.names() {
		for _, value := range t.Values[name] {
			if value != "" && !strings.HasPrefix(name, "_") && uuid.Validate(value) != nil {
				list = append(list, fact{form.Labelled(name), value})
			}
		}
	}
	return list
}

func (t *typed) hidden() []form.Hidden {
	var list []form.Hidden
	for _, name := range t.names() {
		for _, value := range t.Values[name] {
			list = append(list, form.Hidden{Name: name, Value: value})
		}
	}
	return list
}

func (t *typed) names() []string {
	names := make([]string, 0, len(t.Values))
	for name := range t.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
