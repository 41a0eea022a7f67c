package form_test

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/key/keytest"
)

func sample() form.Form {
	return form.Form{
		Kind: "sample", Title: "Sample", Button: "Send",
		Fields: []form.Field{
			{Name: "email", Label: "Email address", Kind: form.Email, Required: true, Why: "to answer"},
			{Name: "country", Label: "Country", Kind: form.Country, Why: "to read the number"},
			{Name: "phone", Label: "Phone", Kind: form.Phone, Why: "to call"},
			{Name: "why", Label: "Why", Kind: form.LongText, Max: 20, Why: "to judge"},
			{Name: "kind", Label: "Kind", Kind: form.Choice, Options: opts("a", "b"), Why: "to route"},
			{Name: "regions", Label: "Regions", Kind: form.Several, Options: opts("n", "s", "w"), Why: "to route"},
			{Name: "start", Label: "Start", Kind: form.Date, Why: "to plan"},
			{Name: "news", Label: "News by mail", Kind: form.Consent, Purpose: "product_news", Channel: "email", Why: "your choice"},
		},
	}
}

func opts(values ...string) []form.Option {
	var list []form.Option
	for _, v := range values {
		list = append(list, form.Option{Value: v, Label: strings.ToUpper(v)})
	}
	return list
}

func TestParse(t *testing.T) {
	for name, tt := range map[string]struct {
		sent     url.Values
		want     form.Values
		complain []string
	}{
		"empty": {url.Values{}, form.Values{}, []string{"email"}},
		"all": {
			url.Values{
				"email": {" Ada@Bücher.Example "}, "country": {"US"}, "phone": {"(312) 555-0100"}, "why": {"a\r\nb"},
				"kind": {"b"}, "regions": {"s", "n", "s", "x"}, "start": {"31 January 2027"}, "news": {"yes"}, "unknown": {"x"},
			},
			form.Values{
				"email": {"ada@xn--bcher-kva.example"}, "country": {"US"}, "phone": {"(312) 555-0100"},
				"phone_e164": {"+13125550100"}, "why": {"a\nb"}, "kind": {"b"}, "regions": {"n", "s"},
				"start": {"2027-01-31"}, "news": {"yes"},
			},
			nil,
		},
		"a leading plus wins over the country": {
			url.Values{"email": {"a@b.example"}, "country": {"US"}, "phone": {"+44 20 7946 0000"}},
			form.Values{"email": {"a@b.example"}, "country": {"US"}, "phone": {"+44 20 7946 0000"}, "phone_e164": {"+442079460000"}},
			nil,
		},
		"an optional phone never blocks": {
			url.Values{"email": {"a@b.example"}, "phone": {"ask for Ada"}},
			form.Values{"email": {"a@b.example"}, "phone": {"ask for Ada"}},
			nil,
		},
		"too long, out of list, no date": {
			url.Values{"email": {"a@b.example"}, "why": {strings.Repeat("é", 21)}, "kind": {"z"}, "start": {"soon"}, "country": {"XX"}},
			form.Values{"email": {"a@b.example"}, "why": {strings.Repeat("é", 21)}, "kind": {"z"}, "start": {"soon"}, "country": {"XX"}},
			[]string{"country", "kind", "start", "why"},
		},
		"hidden marks, controls and NUL go": {
			url.Values{"email": {"a@b.example\x00"}, "why": {"\u202eevil\u200b\x07"}},
			form.Values{"email": {"a@b.example"}, "why": {"evil"}},
			nil,
		},
		"what nobody sees is no answer": {
			url.Values{"email": {"a@b.example"}, "why": {"\u200d \u3164\u2062\ufe0f\u0301\u2800"}},
			form.Values{"email": {"a@b.example"}},
			nil,
		},
		"joiners stay within words": {
			url.Values{"email": {"a@b.example"}, "why": {"\u0645\u06cc\u200c\u062e\u0648"}},
			form.Values{"email": {"a@b.example"}, "why": {"\u0645\u06cc\u200c\u062e\u0648"}},
			nil,
		},
		"of another encoding": {
			url.Values{"email": {"a@b.example"}, "why": {"caf\xe9"}},
			form.Values{"email": {"a@b.example"}, "why": {"caf\ufffd"}},
			[]string{"why"},
		},
		"header injection": {url.Values{"email": {"a@b.example\r\nBcc: x@y.example"}}, form.Values{"email": {"a@b.example Bcc: x@y.example"}}, []string{"email"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, errs := sample().Parse(tt.sent)
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("values (-got +want):\n%s", diff)
			}
			var names []string
			for _, f := range sample().Fields {
				if errs[f.Name] != "" {
					names = append(names, f.Name)
				}
			}
			if diff := cmp.Diff(sortedCopy(names), sortedCopy(tt.complain)); diff != "" {
				t.Errorf("complaints (-got +want):\n%s", diff)
			}
		})
	}
}

func sortedCopy(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

func TestRequiredPhone(t *testing.T) {
	f := form.Form{Fields: []form.Field{
		{Name: "country", Label: "Country", Kind: form.Country},
		{Name: "phone", Label: "Phone", Kind: form.Phone, Required: true},
	}}
	for phone, ok := range map[string]bool{
		"312 555 0100": true, "+1 (312) 555-0100 ext. 7": true, "0100": false, "1234567890123456789": false,
		"call me": false, "+49 30 901820": true,
	} {
		_, errs := f.Parse(url.Values{"country": {"US"}, "phone": {phone}})
		if (errs["phone"] == "") != ok {
			t.Errorf("%q: complaint %q", phone, errs["phone"])
		}
	}
	if _, errs := f.Parse(url.Values{"phone": {"030 901820"}}); errs["phone"] != "" {
		t.Errorf("a national number without a country was refused: %s", errs["phone"])
	}
}

// TestOptionalPhoneStopsNothing sends what nobody would call a number.
func TestOptionalPhoneStopsNothing(t *testing.T) {
	f := form.Form{Fields: []form.Field{{Name: "phone", Label: "Phone", Kind: form.Phone, Max: 40}}}
	long := "+1 312 555 0100, extension 7, weekdays from nine to five, or ask for Ada"
	for name, phone := range map[string]string{"long": long, "very long": strings.Repeat("call me ", 100), "words": "call me"} {
		phone = strings.TrimSpace(phone)
		values, errs := f.Parse(url.Values{"phone": {phone}})
		if errs["phone"] != "" || values.Get("phone") != phone {
			t.Errorf("%s: complaint %q, kept %q", name, errs["phone"], values.Get("phone"))
		}
	}
	f.Fields[0].Required = true
	if _, errs := f.Parse(url.Values{"phone": {"+1" + strings.Repeat(" ", 60) + "312 555 0100"}}); errs["phone"] != "" {
		t.Errorf("a required one of 73 characters: %s", errs["phone"])
	}
	if _, errs := f.Parse(url.Values{"phone": {strings.Repeat("1", 201)}}); !strings.Contains(errs["phone"], "too long") {
		t.Errorf("a required one of 201 characters: %q", errs["phone"])
	}
}

// TestCheckSeesAllAndOverrulesNothing gives a rule over two fields an answer with a fault of its own.
func TestCheckSeesAllAndOverrulesNothing(t *testing.T) {
	f := form.Form{
		Fields: []form.Field{{Name: "a", Kind: form.Text, Max: 2}, {Name: "b", Kind: form.Text}},
		Check: func(v form.Values, errs form.Errors) {
			for name := range v {
				errs.Add(name, "seen: "+v.Get(name))
			}
		},
	}
	_, errs := f.Parse(url.Values{"a": {"long"}, "b": {"x"}})
	if !strings.Contains(errs["a"], "too long") || errs["b"] != "seen: x" {
		t.Errorf("%v", errs)
	}
}

func TestParseEmail(t *testing.T) {
	for text, want := range map[string]string{
		"Ada.Lovelace+x@Example.COM": "ada.lovelace+x@example.com",
		"a@b":                        "", "a b@c.example": "", "Ada <a@b.example>": "", "@b.example": "", "a@": "",
		"a@b@c.example": "", "ü@b.example": "", strings.Repeat("a", 65) + "@b.example": "",
	} {
		if got, _ := form.ParseEmail(text); got != want {
			t.Errorf("ParseEmail(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTooLongSaysByHowMuch(t *testing.T) {
	_, errs := sample().Parse(url.Values{"email": {"a@b.example"}, "why": {strings.Repeat("x", 1220)}})
	if want := "This is 1,200 characters too long. Shorten it to 20 characters or fewer."; errs["why"] != want {
		t.Errorf("got %q, want %q", errs["why"], want)
	}
}

func TestAnswersInWords(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		values form.Values
		want   []string
	}{
		{
			form.Values{"country": {"FR"}, "kind": {"a"}, "regions": {"n", "s"}, "start": {"2027-03-01"}, "news": {"yes"}},
			[]string{"Country: France", "Kind: A", "Regions: N, S", "Start: 1 March 2027"},
		},
		{form.Values{"phone": {"312-555-0100"}, "phone_e164": {"+13125550100"}}, []string{"Phone: 312-555-0100 (+13125550100)"}},
		{form.Values{"phone": {"+1 312 555 0100"}, "phone_e164": {"+13125550100"}}, []string{"Phone: +1 312 555 0100"}},
	} {
		var got []string
		for _, a := range form.Answers(sample().Fields, v.values) {
			got = append(got, a.Label+": "+strings.Join(a.Texts, ", "))
		}
		if diff := cmp.Diff(got, v.want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
	}
}

func TestSeal(t *testing.T) {
	ring, f, now := keytest.New(t), sample(), time.Unix(1_800_000_000, 0)
	text := form.NewSeal(f, "2026-11-01", now).Close(ring)
	if text != form.NewSeal(f, "2026-11-01", now.Add(10*time.Second)).Close(ring) {
		t.Error("two pages of one minute carry different seals")
	}
	seal, err := form.OpenSeal(ring, text)
	if err != nil {
		t.Fatal(err)
	}
	other := sample()
	other.Fields[0].Label = "Another wording"
	for name, tt := range map[string]struct {
		form      form.Form
		statement string
		now       time.Time
		want      error
	}{
		"at once":           {f, "2026-11-01", now, nil},
		"after a day":       {f, "2026-11-01", now.Add(25 * time.Hour), form.ErrSealExpired},
		"from the future":   {f, "2026-11-01", now.Add(-time.Hour), form.ErrSealForged},
		"another wording":   {other, "2026-11-01", now, form.ErrSealStale},
		"another statement": {f, "2026-12-01", now, form.ErrSealStale},
		"another form":      {form.Form{Kind: "other"}, "2026-11-01", now, form.ErrSealForged},
	} {
		if got := seal.Check(tt.form, tt.statement, tt.now); !errors.Is(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	f.Anonymous = true
	a, b := form.NewSeal(f, "2026-11-01", now), form.NewSeal(f, "2026-11-01", now)
	if a.Close(ring) == b.Close(ring) {
		t.Error("two anonymous pages carry one nonce")
	}
}

func TestViewCarriesOtherSteps(t *testing.T) {
	f := form.Form{Kind: "s", Fields: []form.Field{
		{Name: "a", Label: "A", Kind: form.Text, Step: "One"}, {Name: "b", Label: "B", Kind: form.Text, Step: "Two"},
	}}
	v := f.View(form.Shown{Seal: "x", Step: 1, Values: url.Values{"a": {"typed"}}})
	if diff := cmp.Diff(v.Hidden, []form.Hidden{{Name: form.SealField, Value: "x"}, {Name: "a", Value: "typed"}}); diff != "" {
		t.Error(diff)
	}
	if len(v.Fields) != 1 || v.Fields[0].Name != "b" || v.Lead != "Two" || v.Step != 2 || v.Steps != 2 {
		t.Errorf("view of the second step: %+v", v)
	}
}

func TestDayInWordsIsShownAsTyped(t *testing.T) {
	f := form.Form{Kind: "s", Fields: []form.Field{{Name: "start", Label: "Start", Kind: form.Date}}}
	for typed, want := range map[string]string{"": "date", "2027-01-31": "date", "31 February": "text"} {
		v := f.View(form.Shown{Values: url.Values{"start": {typed}}}).Fields[0]
		if v.Type != want || v.Value != typed {
			t.Errorf("%q is drawn as %s with %q", typed, v.Type, v.Value)
		}
	}
}

func TestCountries(t *testing.T) {
	list := form.Countries()
	if len(list) < 235 || len(list) > 255 {
		t.Errorf("%d countries", len(list))
	}
	if form.CountryName("US") != "United States" || form.CountryName("DE") != "Germany" {
		t.Error("names are not English")
	}
	for code, want := range map[string]string{
		"SZ": "Eswatini", "TR": "Türkiye", "MK": "North Macedonia", "CZ": "Czechia", "CV": "Cabo Verde", "MM": "Myanmar", "AC": "AC",
	} {
		if got := form.CountryName(code); got != want {
			t.Errorf("%s is called %s, want %s", code, got, want)
		}
	}
}

// What Parse returns is a fixed point: sent again it comes back unchanged, and it is always fit to be stored.
func checkStable(t interface{ Errorf(string, ...any) }, f form.Form, sent url.Values) {
	once, _ := f.Parse(sent)
	twice, _ := f.Parse(url.Values(once))
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Errorf("parsing the answers again changed them:\n%s", diff)
	}
	for name, list := range once {
		for _, text := range list {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				t.Errorf("%s: %q is not fit to be stored", name, text)
			}
		}
	}
}

func TestParseIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := url.Values{}
		for _, f := range sample().Fields {
			sent[f.Name] = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, f.Name)
		}
		checkStable(t, sample(), sent)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("email=a%40b.example&why=x&regions=n&regions=s&phone=%2B13125550100&country=US&start=2027-01-31")
	f.Add("email=%00%ff&why=%e2%80%ae&news=yes")
	f.Fuzz(func(t *testing.T, body string) {
		sent, _ := url.ParseQuery(body)
		checkStable(t, sample(), sent)
	})
}

func FuzzSeal(f *testing.F) {
	ring := keytest.New(f)
	f.Add(form.NewSeal(sample(), "2026-11-01", time.Unix(1_800_000_000, 0)).Close(ring))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		seal, err := form.OpenSeal(ring, text)
		if err == nil && seal.Close(ring) != text {
			t.Errorf("%q opened but does not close to itself", text)
		}
	})
}

// TestSettled changes a settled form: what is recorded must be what was shown (P-18).
func TestSettled(t *testing.T) {
	f := form.Form{Kind: "x", Title: "A", Fields: []form.Field{{Name: "email", Label: "Email", Kind: form.Email}}}
	s := f.Settled().Settled()
	if !bytes.Equal(s.Revision().Digest, f.Revision().Digest) {
		t.Error("settling changed the revision")
	}
	for name, change := range map[string]func(*form.Form){
		"kind":    func(f *form.Form) { f.Kind = "y" },
		"subject": func(f *form.Form) { f.Subject[0] = 1 },
		"name":    func(f *form.Form) { f.Name = "B" },
		"title":   func(f *form.Form) { f.Title = "B" },
		"intro":   func(f *form.Form) { f.Intro = "B" },
		"button":  func(f *form.Form) { f.Button = "B" },
		"label":   func(f *form.Form) { f.Label.For = "B" },
		"access":  func(f *form.Form) { f.Anonymous = true },
		"fewer":   func(f *form.Form) { f.Fields = nil },
		"more":    func(f *form.Form) { f.Fields = append(f.Fields, form.Field{Name: "b"}) },
		"other":   func(f *form.Form) { f.Fields = []form.Field{{Name: "b"}} },
	} {
		changed, want := s, f
		change(&changed)
		change(&want)
		if !bytes.Equal(changed.Revision().Digest, want.Revision().Digest) {
			t.Errorf("%s: a settled form keeps its revision", name)
		}
	}
}

// TestCallsNeedANumber: a tick for calls is the one thing for which a number that nobody else needs stops a form.
func TestCallsNeedANumber(t *testing.T) {
	f := form.Form{Fields: []form.Field{
		{Name: "phone", Kind: form.Phone}, {Name: "calls", Kind: form.Consent, Purpose: "survey", Channel: "phone"},
	}}
	for name, tt := range map[string]struct {
		phone, calls, number string
		wrong                bool
	}{
		"neither":          {},
		"a number":         {phone: "+1 312 555 0100", number: "+13125550100"},
		"no number at all": {phone: "ask my colleague"},
		"calls":            {phone: "+1 312 555 0100", calls: "yes", number: "+13125550100"},
		"calls nowhere":    {calls: "yes", wrong: true},
		"calls to nothing": {phone: "ask my colleague", calls: "yes", wrong: true},
	} {
		values, errs := f.Parse(url.Values{"phone": {tt.phone}, "calls": {tt.calls}})
		if got := form.Number(f.Fields, values); got != tt.number || (errs["phone"] != "") != tt.wrong || len(errs) > 1 {
			t.Errorf("%s: number %q, %v", name, got, errs)
		}
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	v := form.Values{"from": {"2026-11-28"}, "to": {""}, "torn": {"2026-11-31"}}
	if day := v.Day("from"); day == nil || !day.Equal(time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the day is read as %v", day)
	}
	for _, name := range []string{"to", "torn", "absent"} {
		if day := v.Day(name); day != nil {
			t.Errorf("%s is read as %v", name, day)
		}
	}
}
