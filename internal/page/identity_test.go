package page_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

// A fault in site.yaml is told when it is read, by the name of its entry.
func TestLoadSite(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(web.FS, "content/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for says, edit := range map[string][2]string{
		"":                           {},
		"inboxes.contact is missing": {"  contact: hello@example.com\n", ""},
		"inboxes.career":             {"careers@example.com", "careers at example.com"},
		"inboxes.survey":             {"surveys@example.com", "Surveys <surveys@example.com>"},
		"sender.address":             {"post@mail.example.com", "post"},
		"privacy_email":              {"click.legal@clickcommerce.com", "click.legal"},
		"legal_name is missing":      {"legal_name: Click Commerce, Inc.", ""},
		"not found":                  {"hosting: US", "hostage: US"},
	} {
		text := strings.Replace(string(raw), edit[0], edit[1], 1)
		_, err := page.LoadSite(fstest.MapFS{"content/site.yaml": {Data: []byte(text)}})
		if (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}

func TestInbox(t *testing.T) {
	t.Parallel()
	site := page.Site{Inboxes: map[string]string{"contact": "hello@example.com", "survey": "surveys@example.com"}}
	for kind, want := range map[string]string{"survey": "surveys@example.com", "visit": "hello@example.com"} {
		if got := site.Inbox(kind); got != want {
			t.Errorf("%s: %s, not %s", kind, got, want)
		}
	}
}
