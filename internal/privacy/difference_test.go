package privacy_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/web"
)

// draft is a statement of clauses "id: text".
func draft(clauses ...string) consent.Draft {
	var b strings.Builder
	for _, c := range clauses {
		id, text, _ := strings.Cut(c, ": ")
		b.WriteString("## Title of " + id + " {#" + id + "}\n\n> Plain.\n\n" + text + "\n\nPromises: P-1\n\n")
	}
	return consent.Draft{Statement: consent.Statement{Body: b.String()}}
}

// say gives a name and its values: the sentences themselves do not matter here.
func say(name string, pairs ...any) string { return name + fmt.Sprint(pairs...) }

func compare(t testing.TB, from, to consent.Draft) privacy.Difference {
	t.Helper()
	d, err := privacy.Compare(say, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFatesOfClauses(t *testing.T) {
	t.Parallel()
	d := compare(t,
		draft("who: We run it.", "old: This goes.", "cookies: None is set.", "rights: You have some."),
		draft("rights: You have some.", "who: We own and run it.", "new: This comes.", "cookies: None is set."))
	var got []string
	for _, c := range d.Clauses {
		got = append(got, c.ID+" "+string(c.Fate))
	}
	want := []string{"rights Moved", "who Changed", "old Removed", "new New", "cookies Unchanged"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("fates (-got +want):\n%s", diff)
	}
	if d.Widens() {
		t.Error("words alone widen")
	}
}

func TestWordsAreMarked(t *testing.T) {
	t.Parallel()
	d := compare(t,
		draft("a: We keep it for [two](/x) years.\n\n- first\n- second"),
		draft("a: We keep it for **three** whole years.\n\n- first\n- third"))
	var got []string
	for _, block := range d.Clauses[0].Blocks {
		for _, run := range block.Runs {
			got = append(got, []string{"", "+", "-"}[run.Mark]+run.Text)
		}
	}
	want := []string{"Plain.", "We keep it for", "-two", "+three whole", "years.", "first", "-second", "+third"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("words (-got +want):\n%s", diff)
	}
}

// TestNothingIsLostInADifference: without what was added stands the earlier text, without what was removed the later.
func TestNothingIsLostInADifference(t *testing.T) {
	t.Parallel()
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"we", "keep", "data", "for", "a", "year", "never", "sell", "\n\n", "\n- "}), 1, 40)
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return "Begin. " + strings.Join(words.Draw(t, label), " ")
		}
		from, to := text("from"), text("to")
		d, err := privacy.Compare(say, draft("a: "+from), draft("a: "+to))
		if err != nil {
			t.Fatal(err)
		}
		c := d.Clauses[0]
		if c.Fate == privacy.FateSame {
			return
		}
		for without, want := range map[privacy.Mark]string{privacy.Added: from, privacy.Removed: to} {
			var kept []string
			for _, block := range c.Blocks {
				for _, run := range block.Runs {
					if run.Mark != without {
						kept = append(kept, strings.Fields(run.Text)...)
					}
				}
			}
			wanted := slices.DeleteFunc(strings.Fields("Plain. "+want), func(w string) bool { return w == "-" })
			if diff := cmp.Diff(kept, wanted); diff != "" {
				t.Fatalf("without %d (-got +want):\n%s", without, diff)
			}
		}
	})
}

func TestUsesAreWeighed(t *testing.T) {
	t.Parallel()
	base := consent.Use{
		Activity: "contact", Purpose: "service", Data: []string{"name", "email address"}, Recipient: "own department",
		Retention: "18 months", Basis: "your request",
	}
	with := func(change func(*consent.Use)) consent.Use {
		u := base
		change(&u)
		return u
	}
	for name, tt := range map[string]struct {
		from, to []consent.Use
		wider    []bool
	}{
		"nothing":           {[]consent.Use{base}, []consent.Use{base}, nil},
		"a purpose more":    {nil, []consent.Use{base}, []bool{true}},
		"a purpose less":    {[]consent.Use{base}, nil, []bool{false}},
		"another recipient": {[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Recipient = "processor" })}, []bool{true, false}},
		"more data":         {[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Data = append(slices.Clone(u.Data), "phone") })}, []bool{true}},
		"less data":         {[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Data = u.Data[:1] })}, []bool{false}},
		"longer":            {[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Retention = "2 years" })}, []bool{true}},
		"shorter":           {[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Retention = "500 days" })}, []bool{false}},
		"nobody can tell":   {[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Retention = "as long as it is useful" })}, []bool{true}},
		"counted from later": {
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "18 months after the request" })},
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "18 months after the last message" })},
			[]bool{true},
		},
		"longer beside a number that stays": {
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "refused: 6 months; granted: while the account exists" })},
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "refused: 6 months; granted: for ever" })},
			[]bool{true},
		},
		"shorter in part": {
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "refused: 6 months; granted: while the account exists" })},
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "refused: 3 months; granted: while the account exists" })},
			[]bool{false},
		},
		"a limit at last": {
			[]consent.Use{with(func(u *consent.Use) { u.Retention = "not stated in this version" })}, []consent.Use{base}, []bool{false},
		},
		"consent no more": {
			[]consent.Use{with(func(u *consent.Use) { u.Basis = "your consent" })}, []consent.Use{base}, []bool{true},
		},
		"consent from now on": {
			[]consent.Use{base}, []consent.Use{with(func(u *consent.Use) { u.Basis = "your consent" })}, []bool{false},
		},
	} {
		d := compare(t, consent.Draft{Uses: tt.from}, consent.Draft{Uses: tt.to})
		var got []bool
		for _, u := range d.Uses {
			got = append(got, u.Wider)
		}
		if diff := cmp.Diff(got, tt.wider); diff != "" {
			t.Errorf("%s (-got +want):\n%s%+v", name, diff, d.Uses)
		}
	}
}

// TestRealVersions compares those that came with the site: a change of use, and a change of words.
func TestRealVersions(t *testing.T) {
	t.Parallel()
	ids, err := consent.Drafts(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	read := func(id string) consent.Draft {
		d, err := consent.ReadDraft(web.FS, id)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := compare(t, read("2006-12-05"), read("2026-11-01")); !d.Widens() {
		t.Error("2026-11-01 names new uses, and is not said to widen")
	}
	d := compare(t, read("2026-11-01"), read("2026-11-16"))
	if len(d.Uses) > 0 || len(d.Only(privacy.FateChanged)) == 0 || len(d.Only(privacy.FateMoved)) != 1 {
		t.Errorf("2026-11-16 is a change of words: %d uses, %d clauses changed, %d moved",
			len(d.Uses), len(d.Only(privacy.FateChanged)), len(d.Only(privacy.FateMoved)))
	}
	d = compare(t, read("2026-11-16"), read("2026-11-18"))
	for _, u := range d.Uses {
		if !u.Wider || u.ByNotice || !needsConsent(u.Purpose) || !strings.HasSuffix(u.Sentence, "postal address") {
			t.Errorf("2026-11-18 names the number and the postal address of those who agree, and says also: %+v", u)
		}
	}
	if len(d.Uses) == 0 {
		t.Error("2026-11-18 changes no use")
	}
	if len(ids) < 4 {
		t.Errorf("%v", ids)
	}
}

func TestChangesPage(t *testing.T) {
	h := bench(t)
	doc := document(t, h.Get("/privacy/changes/2006-12-05...2026-11-01"), http.StatusOK)
	if n := doc.Find("article.diff").Length(); n < 15 {
		t.Errorf("%d clauses shown", n)
	}
	for tag, prefix := range map[string]string{"ins": "added: ", "del": "removed: "} {
		doc.Find("article.diff " + tag).Each(func(_ int, s *goquery.Selection) {
			if !strings.HasPrefix(s.Text(), prefix) {
				t.Fatalf("%s does not begin with %q for who hears the page: %q", tag, prefix, s.Text())
			}
		})
	}
	for _, path := range []string{
		"/privacy/changes/2006-12-05", "/privacy/changes/2006-12-05...2006-12-05", "/privacy/changes/1999-01-01...2026-11-01",
		"/privacy/changes/...", "/privacy/changes/2006-12-05...2026-11-01...2026-11-16",
	} {
		if w := h.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func needsConsent(purpose string) bool { return consent.Purpose(purpose).Words() != "" }
