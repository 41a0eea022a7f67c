// Package mailtest gives tests a mail server that answers as told, a queue that writes as a made-up company, and golden
// files of what is written.
package mailtest

import (
	"io/fs"
	netmail "net/mail"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/web"
)

// Config returns a configuration to change and hand to mail.New: all templates given, keys of its own, the server at
// smtpURL, or a folder of the test's own where that is empty. The pool may be nil where nothing is stored.
func Config(t testing.TB, pool *pgxpool.Pool, smtpURL string, templates ...mail.Template) mail.Config {
	t.Helper()
	files, err := fs.Sub(web.FS, "mail")
	if err != nil {
		t.Fatal(err)
	}
	return mail.Config{
		Pool:      pool,
		Keys:      keytest.New(t),
		Files:     files,
		Templates: templates,
		Identity: mail.Identity{
			Name:         "Click Commerce",
			LegalName:    "Click Commerce, Inc.",
			Address:      []string{"100 Example Plaza, Suite 1200", "Chicago, IL 60601", "United States"},
			From:         netmail.Address{Name: "Click Commerce", Address: "post@mail.example.com"},
			PublicURL:    "https://www.example.com",
			PrivacyEmail: "privacy@example.com",
		},
		SMTP: smtpURL,
		Dir:  t.TempDir(),
	}
}

// New returns a queue of that configuration.
func New(t testing.TB, c mail.Config) *mail.Queue {
	t.Helper()
	q, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
