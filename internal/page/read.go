package page

import (
	"io"
	"mime"
	"net/http"
	"net/url"

	"clickcommerce.com/site/internal/form"
)

// ErrNoForm is the answer to a body that no form of ours sends.
var ErrNoForm = &Error{http.StatusUnsupportedMediaType, say("no_form")}

// MostForm is how many bytes a form of a few fields may have: far more than its fields hold, and little enough for anybody
// to send us at any time.
const MostForm = 64 << 10

// ReadForm reads a body of at most so many bytes into r.PostForm, as far as it goes: what can't be decoded stays as it
// came. After an error, ErrNoForm or ErrTooLarge, a page may show again what could be read.
func ReadForm(r *http.Request, most int64) error {
	r.PostForm = url.Values{}
	if r.Body == nil {
		return nil
	}
	raw, _ := io.ReadAll(io.LimitReader(r.Body, most+1)) // a broken connection has nobody to tell
	if len(raw) == 0 {
		return nil // a button without a field
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		_, _ = io.Copy(io.Discard, r.Body) // else the browser shows a broken connection instead of our page
		return ErrNoForm
	}
	var whole bool
	r.PostForm, whole = form.Decode(raw[:min(int64(len(raw)), most)])
	if !whole || int64(len(raw)) > most {
		_, _ = io.Copy(io.Discard, r.Body)
		return ErrTooLarge
	}
	return nil
}
