package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/submission"
)

// manner is how somebody's browser is set.
type manner struct {
	name   string
	host   string
	script bool
}

// TestJourneys goes through the site as people do, in a real browser: with and without scripts, and with all cookies
// rejected where nobody signs in.
func TestJourneys(t *testing.T) {
	browser := startBrowser(t)
	plain := manner{"scripts", "127.0.0.1", true}
	bare := manner{"no scripts", "127.0.0.1", false}
	shy := manner{"cookies rejected", cookieless, true}
	for _, journey := range []struct {
		name    string
		manners []manner
		run     func(t *testing.T, h *house, in func() *visitor)
	}{
		{"applicant", []manner{plain, bare, shy}, journeyApplicant},
		{"candidate", []manner{plain, bare, shy}, journeyCandidate},
		{"large file", []manner{plain}, journeyLargeFile},
		{"lines", []manner{plain}, journeyLines},
		{"registrant", []manner{plain, bare, shy}, journeyRegistrant},
		{"staff", []manner{plain, bare}, journeyStaff},
		{"connect", []manner{plain, bare}, journeyConnect},
		{"leave", []manner{plain}, journeyLeave},
		{"self", []manner{plain, bare}, journeySelf},
		{"looks", []manner{plain}, testLooks},
		{"staff looks", []manner{plain}, testStaffLooks},
		{"cookies", []manner{plain, bare, shy}, journeyCookies},
	} {
		for _, m := range journey.manners {
			t.Run(journey.name+" "+m.name, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t, m.host)
				journey.run(t, h, func() *visitor { return h.visitor(browser, t, m.script) })
			})
		}
	}
}

// record is what a receipt stands for.
func (v *visitor) record() submission.Record {
	v.t.Helper()
	path := look[string](v, `location.pathname`)
	id, err := v.house.store.ByToken(strings.TrimPrefix(path, "/r/"))
	v.must("read the receipt's address", err)
	r, err := v.house.store.Get(v.t.Context(), id)
	v.must("read the record", err)
	return r
}

// reference is the number on the receipt.
func (v *visitor) reference() string {
	v.t.Helper()
	return look[string](v, `document.querySelector(".reference").lastChild.textContent.trim()`)
}

// mistaken fails unless the page says what is wrong as it must: in its title, in a summary that has the focus, and by
// links that lead to the fields.
func (v *visitor) mistaken(status int, fields ...string) {
	v.t.Helper()
	if title := look[string](v, `document.title`); status != http.StatusUnprocessableEntity || !strings.HasPrefix(title, "Error:") {
		v.t.Fatalf("%d %q", status, title)
	}
	v.await("the summary has the focus", `document.activeElement.matches(".errors")`)
	links := look[[]string](v, `[...document.querySelectorAll(".errors a")].map((a) => a.hash.slice(1))`)
	if !slices.Equal(links, fields) {
		v.t.Fatalf("the summary leads to %q, not to %q", links, fields)
	}
	for i, id := range links {
		v.do("follow the summary", chromedp.Click(chromedp.CSS(fmt.Sprintf(".errors li:nth-child(%d) a", i+1))))
		v.await(id+" has the focus", fmt.Sprintf(`document.activeElement.id === %q`, id))
	}
}

// journeyApplicant applies for an alliance, with mistakes at first, and changes an answer later.
func journeyApplicant(t *testing.T, h *house, in func() *visitor) {
	v := in()
	v.at(http.StatusOK, "Alliance Program", v.visit("/alliances"))
	v.at(http.StatusOK, "Apply for an alliance", v.follow("Apply for an alliance"))
	v.write("Company or institution", "Northline Bearings")
	v.write("Email address", "ada@")
	v.write("Customers we have in common", "Orchard Medical, ann@orchard.example")
	v.tick("Europe")
	why := "Ours are the pumps of half of Ohio.\nWe keep meeting your parts planner."
	v.write("Why do you want this alliance?", why)
	v.mistaken(v.press("Send application"), "f-name", "f-email", "f-country", "f-size-0", "f-kind-0", "f-products-0", "f-customers")
	for label, want := range map[string]string{
		"Company or institution": "Northline Bearings", "Email address": "ada@", "Why do you want this alliance?": why,
		"Customers we have in common": "Orchard Medical, ann@orchard.example",
	} {
		if got := v.value(label); got != want {
			t.Errorf("%s: %q was kept as %q", label, want, got)
		}
	}
	if !look[bool](v, string(control("Europe"))+".checked") {
		t.Error("a ticked box was not kept")
	}

	v.write("Full name", "Ada Lovelace")
	v.write("Email address", "ada@northline.example")
	v.pick("Country", "United States")
	v.tick("10 to 49")
	v.tick("Integrator")
	v.tick("Service parts")
	v.write("Customers we have in common", "Orchard Medical")
	v.at(http.StatusOK, "Thank you, it has arrived", v.press("Send application"))
	reference := v.reference()
	if got := v.record(); got.Reference != reference || got.Email != "ada@northline.example" {
		t.Errorf("the receipt %q stands for %+v", reference, got)
	}
	if text := v.text(); strings.Contains(text, "ada@") || strings.Contains(text, "Lovelace") {
		t.Error("the receipt shows contents without a code")
	}

	v.press("Mail me a code")
	v.await("the field for the code has the focus", `document.activeElement.id === "f-code"`)
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(h.letter(t, "ada@northline.example", "Your code for "+reference).text)
	v.write("Code from our mail", code)
	v.at(http.StatusOK, "What you sent", v.press("Show what I sent"))
	v.sees("Ada Lovelace", "ada@northline.example", "half of Ohio", "10 to 49")
	v.follow("Change my answers")
	v.write("Why do you want this alliance?", "Because of Ohio, and of Michigan.")
	v.press("Send the new version")
	v.sees(reference)
	versions, err := h.store.Versions(t.Context(), v.record().ID)
	if err != nil || len(versions) != 2 || versions[0].Values.Get("why") != "Because of Ohio, and of Michigan." {
		t.Errorf("after the change: %+v, %v", versions, err)
	}
	v.noCookies()
}

// noCookies fails where anything was set in a browser whose owner never chose or signed in.
func (v *visitor) noCookies() {
	v.t.Helper()
	if n := v.cookies(); n != 0 {
		v.t.Errorf("%d cookies were set unasked", n)
	}
}

// journeyCandidate sends a résumé with another field wrong, and need not choose the file again.
func journeyCandidate(t *testing.T, h *house, in func() *visitor) {
	paper := filepath.Join(t.TempDir(), "cv.pdf")
	if err := os.WriteFile(paper, resume(), 0o600); err != nil {
		t.Fatal(err)
	}
	v := in()
	v.at(http.StatusOK, "Careers", v.visit("/careers"))
	v.follow("Technical writer")
	v.at(http.StatusOK, "Apply: Technical writer", v.follow("Apply for this opening"))
	v.write("Full name", "Grace Hopper")
	v.write("Email address", "grace.example")
	v.pick("Country", "Germany")
	v.upload("Résumé", paper)
	v.write("Cover letter", "I wrote the manual that everybody reads.")
	status := v.press("Send application")
	v.sees("cv.pdf, " + file.Size(int64(len(resume()))) + ": kept")
	v.mistaken(status, "f-email")
	v.write("Email address", "grace@example.com")
	v.at(http.StatusOK, "Thank you, it has arrived", v.press("Send application"))
	v.sees("Technical writer")
	files, err := h.files.Of(t.Context(), v.record().ID)
	if err != nil || len(files) != 1 || files[0].Name != "cv.pdf" || files[0].Size != int64(len(resume())) {
		t.Errorf("the record has the files %+v, %v", files, err)
	}
	v.noCookies()
}

// resume is a document of one page, as any program would open it.
func resume() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	words := "BT /F1 18 Tf 72 720 Td (Grace Hopper) Tj ET"
	for i, body := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(words), words),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

// journeyRegistrant takes the last seat of a webinar and gives it back; whoever waits gets it.
func journeyRegistrant(t *testing.T, h *house, in func() *visitor) {
	const slug = "/webinars/supplier-answers-line-by-line"
	_, err := pgtest.Admin(t, h.pool).Exec(t.Context(), `UPDATE webinar SET capacity = 20, reserved = 19 WHERE slug = $1`,
		strings.TrimPrefix(slug, "/webinars/"))
	if err != nil {
		t.Fatal(err)
	}
	first, second := in(), in()
	first.visit(slug)
	first.sees("1 seat of 20 left")
	first.follow("Register")
	first.register("Ada Lovelace", "ada@example.com")
	first.sees("You have a seat")
	first.calendar()
	h.letter(t, "ada@example.com", "You have a seat")

	second.visit(slug + "/register")
	second.register("Grace Hopper", "grace@example.com")
	second.sees("waiting list", "number 1 in line")
	h.letter(t, "grace@example.com", "waiting list")

	first.press("Give my seat back")
	first.sees("This registration is cancelled")
	h.work(t)
	l := h.letter(t, "grace@example.com", "seat")
	second.visit(l.link(t, "/r/"))
	second.sees("You have a seat")
	second.calendar()
	first.noCookies()
	second.noCookies()
}

// register sends the form by its one button: a page may be a minute old, so that it still offers the seat that is gone.
func (v *visitor) register(name, email string) {
	v.t.Helper()
	v.write("Full name", name)
	v.write("Email address", email)
	status := v.press(look[string](v, `document.querySelector("form.form .send button").textContent`))
	v.at(http.StatusOK, "Thank you, it has arrived", status)
}

// calendar fetches the entry that the receipt offers.
func (v *visitor) calendar() {
	v.t.Helper()
	resp, err := http.Get(look[string](v, `document.querySelector('main a[href$=".ics"]').href`))
	v.must("fetch the calendar entry", err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if kind := resp.Header.Get("Content-Type"); err != nil || !strings.HasPrefix(kind, "text/calendar") ||
		!bytes.Contains(raw, []byte("BEGIN:VTIMEZONE")) {
		v.t.Errorf("the calendar entry is %s: %s, %v", kind, raw, err)
	}
}

// journeyCookies chooses about cookies. A browser that rejects all is told so, and loses nothing.
func journeyCookies(t *testing.T, h *house, in func() *visitor) {
	v := in()
	v.at(http.StatusOK, "Cookies", v.visit("/cookies"))
	v.sees("You have not chosen")
	v.noCookies()
	v.press("Accept all (sets 2 cookies: choice, first_visit)")
	if strings.Contains(h.url, cookieless) {
		v.sees("Your browser keeps no cookies")
		v.noCookies()
		return
	}
	v.sees("Your choice is kept", "You accept all")
	if n := v.cookies(); n != 2 {
		t.Errorf("%d cookies after accepting all, want the two that the button named", n)
	}
	v.press("Forget my choice (deletes the cookies of this page)")
	v.sees("Your choice is forgotten")
	v.noCookies()
	v.press("Reject all (sets 1 cookie: choice)")
	v.sees("You reject all")
	if n := v.cookies(); n != 1 {
		t.Errorf("%d cookies after rejecting all, want the one that the button named", n)
	}
}
