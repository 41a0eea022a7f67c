package mail_test

import (
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/mail/mailtest"
)

func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	evil := "Hello\r\nBcc: victim@example.com\r\n\r\nBuy\u2028now\x00\u202e\\\\u0000"
	id := w.add(w.about(mail.Message{Person: valid(ada), Template: "letter", Address: "ada@example.com", Data: mail.Letter{
		Subject: evil, Name: evil, Reference: evil, Paragraphs: []string{evil, ".\r\n.\r\nMAIL FROM:<x@example.com>"},
	}}))
	var refused []uuid.UUID
	for _, to := range []string{
		"ada@example.com\r\nbcc: victim@example.com", "ada@example.com, victim@example.com", "ada <ada@example.com>",
		"ada@example.com> rcpt to:<victim@example.com", "ada", "@", "ada@exa mple.com",
	} {
		refused = append(refused, w.letter(w.person(to), to))
	}
	w.drain()
	for _, r := range refused {
		want := row{State: "failed", Attempts: 1, Error: "the address is not a mail address"}
		if diff := cmp.Diff(w.state(r), want); diff != "" {
			t.Errorf("bad address (-got +want):\n%s", diff)
		}
	}
	if got := w.row(id).State; got != "sent" {
		t.Fatalf("state %s: %s", got, w.row(id).Error)
	}
	mails := w.server.Mails()
	if len(mails) != 1 || mails[0].To != "ada@example.com" {
		t.Fatalf("got %d mails", len(mails))
	}
	m := parse(t, mails[0].Raw)
	if m.Header.Get("Bcc") != "" {
		t.Error("a header was injected")
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if want := `Hello Bcc: victim@example.com Buy now\\u0000 (Hello Bcc: victim@example.com Buy now\\u0000)`; err != nil || subject != want {
		t.Errorf("subject %q, want %q", subject, want)
	}
}

type invitation struct{ Subject, ICS string }

func (i invitation) Invitation() (method, ics string) { return "REQUEST", i.ICS }

func TestInvitationCarriesACalendar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Templates = []mail.Template{{Name: "letter", Purpose: "service", Data: invitation{}}}
	files := w.config.Files
	w.config.Files = overlay(t, files, map[string]string{
		"letter.txt": `{{define "subject"}}{{.Subject}}{{end}}{{define "main"}}x{{end}}`, "letter.html": `{{define "main"}}x{{end}}`,
	})
	w.queue = mailtest.New(t, w.config)
	w.add(w.about(mail.Message{
		Person: valid(w.person("ada@example.com")), Template: "letter", Address: "ada@example.com",
		Data: invitation{"Webinar", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
	}))
	w.drain()
	mails := w.server.Mails()
	if len(mails) != 1 || !strings.Contains(mails[0].Raw, "text/calendar; method=REQUEST; charset=UTF-8") ||
		!strings.Contains(mails[0].Raw, "BEGIN:VCALENDAR") {
		t.Errorf("got %v", mails)
	}
}

func TestWrittenMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.SMTP, w.config.Dir = "", filepath.Join(t.TempDir(), "mail")
	w.queue = mailtest.New(t, w.config)
	id := w.letter(w.person("ada@example.com"), "ada@example.com")
	w.drain()
	file := filepath.Join(w.config.Dir, id.String()+".eml")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := parse(t, string(raw)).Header.Get("Subject"); got != "Words" {
		t.Errorf("subject %q", got)
	}
	entries, err := fs.ReadDir(os.DirFS(w.config.Dir), ".")
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v: want the mail alone", len(entries), err)
	}
}
