package activity

import (
	"bytes"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

const boundary = "xYzZY"

// seeds are bodies as browsers and programs send them; SEAL stands for a good seal.
func seeds() []string {
	part := func(name, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	upload := func(field, name, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name +
			"\"\r\nContent-Type: text/plain\r\n\r\n" + value + "\r\n"
	}
	end := "--" + boundary + "--\r\n"
	whole := part("seal", "SEAL") + part("name", "Ada") + part("phone", "+1 312 555 0100") + upload("cv", "cv.txt", "Ada Lovelace")
	return []string{
		whole + end,
		whole + part("cv_kept", "AAAA") + part("cv_remove", "yes") + end,
		whole + upload("cv", "again.txt", "Again") + upload("letter", "l.txt", "Dear") + end,
		upload("cv", "early.txt", "Early") + part("seal", "SEAL") + end,
		upload("cv", "", "") + part("cv", "no file") + end,
		whole[:len(whole)-20],
		whole + "--" + boundary,
		whole + "--" + boundary + "\r\nContent-Disposition: form-data; name=\"na",
		strings.Repeat(part("name", "x"), 2500) + end,
		part("name", "\xff\xfe\x00\u202e") + part("\xc3\x28", "%zz") + end,
		"--" + boundary + "\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Disposition: form-data; name=name\r\n\r\n=C3=\r\n" + end,
		"--" + boundary + "\r\nContent-Disposition: form-data\r\nContent-Disposition: ;;;\r\n\r\nx\r\n" + end,
		upload("cv", "../../etc/passwd\x00.txt", strings.Repeat("x", 3000)) + part("seal", "SEAL") + end,
		part("seal", "SEAL") + upload("cv", "large.txt", strings.Repeat("x", 3000)) + end,
		"seal=SEAL&name=Ada&cv=x&why=%zz&&=&a=b=c&" + strings.Repeat("n=1&", 3000),
		"name=%F0%28%8C%28&name=%00",
	}
}

// FuzzReceive reads what anybody may send. Files go to a real store, in a folder and a database of their own.
func FuzzReceive(f *testing.F) {
	for _, body := range seeds() {
		f.Add([]byte(body), true, true)
		f.Add([]byte(body), true, false)
		f.Add([]byte(body), false, true)
	}
	ring, now := keytest.New(f), func() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }
	blobs, err := file.OpenBlobs("", f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	d := &Desk{say: func(name string, _ ...any) string { return name }, Config: Config{
		Ring: ring, Now: now, Log: log,
		Files: file.New(file.Config{Pool: pgtest.New(f), Blobs: blobs, Keys: ring, Now: now, Log: log}),
	}}
	upload := form.Field{Name: "cv", Kind: form.File, Accept: []string{".txt"}, MaxBytes: 2000}
	letter := upload
	letter.Name = "letter"
	asked := form.Form{Kind: "fuzz", Fields: []form.Field{
		{Name: "name", Kind: form.Text, Required: true}, {Name: "phone", Kind: form.Phone}, {Name: "why", Kind: form.LongText}, upload, letter,
	}}.Settled()
	seal := form.NewSeal(asked, "2026-11-01", now()).Close(ring)

	f.Fuzz(func(t *testing.T, body []byte, multipart, stage bool) {
		body = bytes.ReplaceAll(body, []byte("SEAL"), []byte(seal))
		kind := "application/x-www-form-urlencoded"
		if multipart {
			kind = mime.FormatMediaType("multipart/form-data", map[string]string{"boundary": boundary})
		}
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(bytes.NewReader(body)))
		r.Header.Set("Content-Type", kind)
		in, err := d.receive(httptest.NewRecorder(), r, asked, way{stage: stage, sealed: true, resume: stage})
		if err != nil {
			t.Fatalf("a fault of ours: %v", err)
		}
		check(t, asked, in, len(body), stage)
	})
}

// check tells whether what was read is no more than what came, and fit to be judged and drawn.
func check(t *testing.T, f form.Form, in *received, sent int, stage bool) {
	t.Helper()
	values, size := 0, 0
	for name, list := range in.values {
		values += len(list)
		for _, value := range list {
			size += len(name) + len(value)
		}
	}
	if values > form.MaxPairs || size > min(sent, maxText) {
		t.Errorf("%d values of %d bytes were kept of %d", values, size, sent)
	}
	if in.status != 0 && in.message == "" && len(in.errs) == 0 {
		t.Errorf("refused with %d and without a word", in.status)
	}
	taken := map[string]string{}
	for _, s := range in.files {
		field, ok := f.Field(s.Field)
		if _, second := taken[s.Field]; second || !ok || field.Kind != form.File || s.Size > field.MaxBytes || !stage {
			t.Errorf("file %+v", s)
		}
		taken[s.Field] = s.ID.String()
	}
	parsed, errs := f.Parse(in.withFiles(f))
	for name, list := range parsed {
		field, ok := f.Field(name)
		if !ok && name != "phone_e164" || len(list) != 1 {
			t.Errorf("%s: %q", name, list)
		}
		if id := list[0]; field.Kind == form.File && (taken[name] != id || uuid.Validate(id) != nil) {
			t.Errorf("field %s holds %q for a file", name, id)
		}
	}
	if errs["phone"] != "" {
		t.Errorf("an optional phone number was refused: %s", errs["phone"])
	}
	view := f.View(form.Shown{Values: in.values, Errors: errs, Kept: in.kept(), Hidden: in.unresolved(f)})
	if len(view.Fields) != len(f.Fields) {
		t.Errorf("%d fields are drawn", len(view.Fields))
	}
}
