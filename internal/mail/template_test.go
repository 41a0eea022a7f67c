package mail_test

import (
	"flag"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

var _ = flag.Bool("update", false, "write the golden files")

func examples() []mailtest.Example {
	return []mailtest.Example{
		{Name: "received", Template: "received", Data: mail.Received{
			Name: "Ada Byron", What: "application to the alliance programme", Reference: "AL-7K2M-94QX",
			Next: "An alliance manager reads your application.", By: "Thursday 3 December 2026", ReceiptURL: "/r/token",
		}},
		{Name: "received_unconfirmed", Template: "received", Data: mail.Received{
			Name: "Win a prize at http://evil.example", What: "application to the alliance programme",
			Reference: "AL-7K2M-94QX", Next: "An alliance manager reads your application.",
			By: "Thursday 3 December 2026", ReceiptURL: "/r/token", ConfirmURL: "/confirm/token",
		}},
		{Name: "confirm", Template: "confirm", Data: mail.Confirm{
			What: "our newsletter", Wording: "Send me the monthly newsletter by email.", URL: "/confirm/token",
		}},
		{Name: "code", Template: "code", Data: mail.Code{Code: "402917", Reference: "AL-7K2M-94QX"}},
		{Name: "more", Template: "more", Data: mail.More{
			What: "application to the alliance programme", Reference: "AL-7K2M-94QX",
			Question: "Which regions do you cover today?\nAnd with how many people?", URL: "https://www.example.com/r/token",
		}},
		{Name: "letter", Template: "letter", Data: mail.Letter{
			Subject: "Your question about contracts", Name: "Ada", Reference: "CO-11RT-5W8H",
			Paragraphs: []string{
				"Yes, <b>every</b> clause keeps its history.", "Kind regards\nGrace Murray\nContracts",
			},
			URL: "/r/token", URLLabel: "Write back",
		}},
		{Name: "inbox", Template: "inbox", Data: mail.Inbox{
			Kind: "Alliance application", Subject: "", Reference: "AL-7K2M-94QX", Who: "Analytical Engines & Co",
			URL: "/staff/submissions/0190f2d0",
		}},
		{Name: "conduct", Template: "conduct", Data: mail.Conduct{
			What: "Many forms sent by a program", Evidence: "412 applications within one hour on 20 November 2026",
			Terms: "Section 4: automated sending", ObjectURL: "/contact",
		}},
	}
}

// Shows what a template with consent says; no core template needs one.
var news = mail.Template{Name: "confirm", Purpose: "newsletter", Data: mail.Confirm{}}

func TestGolden(t *testing.T) {
	t.Parallel()
	mailtest.Golden(t, mailtest.New(t, mailtest.Config(t, nil, "", mail.Core()...)), examples()...)
	mailtest.Golden(t, mailtest.New(t, mailtest.Config(t, nil, "", news)), mailtest.Example{
		Name: "consented", Template: "confirm", Data: mail.Confirm{What: "our newsletter", Wording: "Yes.", URL: "/news"},
	})
}

func TestCoreMatchesFilesAndDatabase(t *testing.T) {
	t.Parallel()
	rows, err := pgtest.New(t).Query(t.Context(), `SELECT name, purpose FROM mail_template`)
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]string{}
	for rows.Next() {
		var name, purpose string
		if err := rows.Scan(&name, &purpose); err != nil {
			t.Fatal(err)
		}
		stored[name] = purpose
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for _, e := range examples() {
		drawn[e.Template] = true
	}
	for _, c := range mail.Core() {
		if stored[c.Name] != c.Purpose {
			t.Errorf("template %s has purpose %q, in the database %q", c.Name, c.Purpose, stored[c.Name])
		}
		if !drawn[c.Name] {
			t.Errorf("template %s has no example", c.Name)
		}
		for _, end := range []string{".txt", ".html"} {
			if _, err := fs.Stat(web.FS, path.Join("mail", c.Name+end)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFilesComeInPairsWithARow(t *testing.T) {
	t.Parallel()
	var text, html []string
	files, err := fs.ReadDir(web.FS, "mail")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") || f.Name() == "why.txt" { // a part of both layouts
			continue
		}
		if name, ok := strings.CutSuffix(f.Name(), ".txt"); ok {
			text = append(text, name)
		} else if name, ok := strings.CutSuffix(f.Name(), ".html"); ok {
			html = append(html, name)
		} else {
			t.Errorf("web/mail/%s is no template", f.Name())
		}
	}
	if diff := cmp.Diff(text, html); diff != "" {
		t.Errorf("names of .txt and .html differ (-txt +html):\n%s", diff)
	}
	pool := pgtest.New(t)
	for _, name := range slices.DeleteFunc(text, func(n string) bool { return n == "layout" }) {
		var known bool
		err := pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM mail_template WHERE name = $1)`, name).Scan(&known)
		if err != nil || !known {
			t.Errorf("web/mail/%s.txt has no row in mail_template (%v)", name, err)
		}
	}
}

func TestCompareNamesDifferences(t *testing.T) {
	t.Parallel()
	q := mailtest.New(t, mailtest.Config(t, pgtest.New(t), "", news))
	err := q.Compare(t.Context())
	if err == nil || !strings.Contains(err.Error(), `template confirm: purpose "newsletter" here, "service" in the database`) ||
		!strings.Contains(err.Error(), "template letter is in the database only") {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	layout := func() fstest.MapFS {
		return fstest.MapFS{"layout.txt": {Data: []byte(`{{template "main" .Data}}`)}, "layout.html": {Data: []byte(`x`)}}
	}
	noMain := layout()
	noMain["code.txt"] = &fstest.MapFile{Data: []byte(`{{define "subject"}}x{{end}}`)}
	noMain["code.html"] = &fstest.MapFile{Data: []byte(`{{define "main"}}x{{end}}`)}
	for name, change := range map[string]func(*mail.Config){
		"no public URL":    func(c *mail.Config) { c.Identity.PublicURL = "www.example.com" },
		"no sender":        func(c *mail.Config) { c.Identity.From.Address = "post" },
		"no way out":       func(c *mail.Config) { c.Dir = "" },
		"not SMTP":         func(c *mail.Config) { c.SMTP = "https://user:secret@mail.example.com" },
		"starttls maybe":   func(c *mail.Config) { c.SMTP = "smtp://mail.example.com?starttls=maybe" },
		"twice":            func(c *mail.Config) { c.Templates = append(c.Templates, c.Templates[0]) },
		"no file":          func(c *mail.Config) { c.Files = layout() },
		"no main":          func(c *mail.Config) { c.Files, c.Templates = noMain, c.Templates[2:3] },
		"unknown template": func(c *mail.Config) { c.Templates = []mail.Template{{Name: "none", Data: mail.Code{}}} },
	} {
		t.Run(name, func(t *testing.T) {
			c := mailtest.Config(t, nil, "", mail.Core()...)
			change(&c)
			_, err := mail.New(c)
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestDrawRefusesForeignLinks(t *testing.T) {
	t.Parallel()
	q := mailtest.New(t, mailtest.Config(t, nil, "", mail.Core()...))
	for _, to := range []string{
		"https://evil.example/r/x", "//evil.example/r/x", "javascript:alert(1)", "", "r/x",
		"https://www.example.com.evil.example/", "https://www.example.com@evil.example/", "http://www.example.com/r/x",
	} {
		_, err := q.Draw("more", mail.More{What: "w", Question: "secret?", URL: to}, mail.Agreed{})
		if err == nil {
			t.Errorf("link to %q accepted", to)
		} else if strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error quotes the data: %v", err)
		}
	}
}

func TestGreetingCarriesNoMessage(t *testing.T) {
	t.Parallel()
	q := mailtest.New(t, mailtest.Config(t, nil, "", mail.Core()...))
	for name, want := range map[string]string{
		"Ada":                      "Hello Ada,",
		"  Ada   Byron ":           "Hello Ada Byron,",
		"José Núñez-O'Neil Jr.":    "Hello José Núñez-O'Neil Jr.,",
		"李小龍":                      "Hello 李小龍,",
		"":                         "Hello,",
		"win at evil.example":      "Hello,",
		"http://evil.example":      "Hello,",
		"call +1 900 555 0100":     "Hello,",
		strings.Repeat("word ", 9): "Hello,",
		"Ada\r\nBcc: x":            "Hello,",
		"Ada\u202e\u200b Byron":    "Hello Ada Byron,",
	} {
		drawn, err := q.Draw("letter", mail.Letter{Subject: "s", Name: name}, mail.Agreed{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(drawn.Text, "\n"); got != want {
			t.Errorf("greeting of %q: got %q, want %q", name, got, want)
		}
	}
}
