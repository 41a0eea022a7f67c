package contact_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// TestSource holds that what the form's address says of how its reader came is shown before it is sent, stays the
// sender's to change or remove, and is kept and forgotten as what they sent (P-11).
func TestSource(t *testing.T) {
	b := bench(t)
	shown := func(path string) string {
		doc, err := goquery.NewDocumentFromReader(b.Get(path).Body)
		if err != nil {
			t.Fatal(err)
		}
		field := doc.Find(`input[name="source"]`)
		if field.Length() != 1 || field.AttrOr("type", "") != "text" {
			t.Fatalf("%s: %d fields for the source", path, field.Length())
		}
		return field.AttrOr("value", "")
	}
	for path, want := range map[string]string{
		"/contact?utm_campaign=spring-fair": "spring-fair", "/contact?from=Channel-Weekly": "channel-weekly", "/contact": "",
		"/contact?utm_campaign=u-8839201": "", "/contact?source=typed": "",
	} {
		if got := shown(path); got != want {
			t.Errorf("%s: the field says %q, want %q", path, got, want)
		}
	}
	for typed, want := range map[string]string{"spring-fair": "spring-fair", "my sister, at the fair": "my sister, at the fair", "": ""} {
		values := filled(t, b)
		values.Set("source", typed)
		values.Set("question", "How I came: "+typed)
		address, id := sent(t, b, values)
		rec, err := b.Store.Get(context.Background(), id)
		if err != nil || rec.Source != want {
			t.Errorf("%q is kept as %q, %v", typed, rec.Source, err)
		}
		if w := b.Post(address+"/withdraw", nil); w.Code != http.StatusSeeOther {
			t.Errorf("withdraw: %d", w.Code)
		}
		var left int
		if err := b.Pool.QueryRow(context.Background(), `
			SELECT count(*) FROM submission s LEFT JOIN answers a ON a.submission_id = s.id
			WHERE s.id = $1 AND (s.source IS NOT NULL OR a.values ? 'source')`, id).Scan(&left); err != nil || left > 0 {
			t.Errorf("withdrawn: %q is still there, %v", typed, err)
		}
	}
}
