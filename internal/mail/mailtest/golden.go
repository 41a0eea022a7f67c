package mailtest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/jba/templatecheck"

	"clickcommerce.com/site/internal/mail"
)

// Example is data to draw a template with; its golden files are named after Name.
type Example struct {
	Name, Template string
	Data           any
}

// Golden draws the examples and wants the words in testdata/NAME.txt and testdata/NAME.html of the calling package. It
// also wants every field that a template names to exist, both parts to say the same, and every link to be absolute.
// The calling package declares the flag -update, which writes the files instead.
func Golden(t *testing.T, q *mail.Queue, examples ...Example) {
	t.Helper()
	update := flag.Lookup("update")
	agreed := mail.Agreed{
		At:      time.Date(2026, time.March, 3, 17, 0, 0, 0, time.UTC),
		Wording: "Send me news about new products by email.", Unsubscribe: "/unsubscribe/token", Preferences: "/preferences/token",
	}
	for _, e := range examples {
		t.Run(e.Name, func(t *testing.T) {
			check(t, q, e)
			drawn, err := q.Draw(e.Template, e.Data, agreed)
			if err != nil {
				t.Fatal(err)
			}
			if html, text := htmlWords(t, drawn.HTML), words(drawn.Text); !cmp.Equal(html, text) {
				t.Errorf("the parts differ (-HTML +text):\n%s", cmp.Diff(html, text))
			}
			head := "Subject: " + drawn.Subject + "\nPreview: " + drawn.Preview + "\n\n"
			for file, got := range map[string]string{e.Name + ".txt": head + drawn.Text, e.Name + ".html": drawn.HTML} {
				compare(t, filepath.Join("testdata", file), got, update != nil && update.Value.String() == "true")
			}
		})
	}
}

func check(t *testing.T, q *mail.Queue, e Example) {
	t.Helper()
	text, html := q.Parsed(e.Template)
	if text == nil {
		t.Fatalf("no template %s", e.Template)
	}
	for _, part := range []string{"subject", "preview", "main"} {
		if p := text.Lookup(part); p != nil {
			if err := templatecheck.CheckText(p, e.Data); err != nil {
				t.Errorf("%s of %s.txt: %v", part, e.Template, err)
			}
		}
	}
	if err := templatecheck.CheckHTML(html.Lookup("main"), e.Data); err != nil {
		t.Errorf("main of %s.html: %v", e.Template, err)
	}
}

func compare(t *testing.T, file, got string, update bool) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(got, "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("%s (-got +want):\n%s", file, diff)
	}
}

func htmlWords(t *testing.T, html string) []string {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	doc.Find("a").Each(func(_ int, a *goquery.Selection) {
		if to := a.AttrOr("href", ""); !strings.HasPrefix(to, "https://www.example.com/") && a.Text() != to {
			t.Errorf("link %q leads neither to the site nor where it says", to)
		}
	})
	doc.Find("head, .preview, .brand").Remove()
	// Elements end words.
	doc.Find("p, h1, th, td, a, br").Each(func(_ int, s *goquery.Selection) { s.AfterHtml(" ") })
	return words(doc.Text())
}

var address = regexp.MustCompile(`https?://\S+`)

// words leaves what is said: no addresses of links (HTML has them in attributes), no punctuation, no layout.
func words(text string) []string {
	return strings.FieldsFunc(address.ReplaceAllString(text, " "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
