package download_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

func TestLinkComesByMailAlone(t *testing.T) {
	b := newBench(t)
	address, rec := b.send(b.filled(request, "ada@example.com"))
	if rec.Status != "sent" {
		t.Errorf("status %q", rec.Status)
	}
	receipt := b.Get(address).Body.String()
	if strings.Contains(receipt, "/downloads/get/") || !strings.Contains(receipt, "on its way") {
		t.Error("the receipt shows the link, or does not say where it is")
	}
	mails := b.mails()
	if len(mails) != 2 {
		t.Fatalf("%d mails, want the link and a notice", len(mails))
	}
	all := strings.Join(mails, "")
	if !strings.Contains(all, "30 November 2026") || confirm.MatchString(all) {
		t.Errorf("the mail lacks its end, or asks to confirm nothing:\n%s", all)
	}
	link := linked.FindStringSubmatch(all)[1]
	if n := b.count(`SELECT count(*) FROM message WHERE template = 'download-link' AND data::text LIKE '%/downloads/get/%'`); n != 0 {
		t.Error("the link stays readable in the queue after it left")
	}
	versions, err := b.Store.Versions(t.Context(), rec.ID)
	if err != nil || versions[0].Values.Get("licence_accepted") != "Click Commerce Reading Licence, version 1.1" {
		t.Errorf("accepted: %v %v", versions, err)
	}
	shown, err := json.Marshal(versions[0].Fields)
	if err != nil || !strings.Contains(string(shown), "Accept the Click Commerce Reading Licence, version 1.1") {
		t.Error("the wording of the licence box is not on record")
	}
	again, _ := b.send(b.filled(request, "ada@example.com"))
	if again != address || len(b.mails()) != 0 {
		t.Error("the same sending twice has two receipts or two mails")
	}
	if w := b.Get(link); w.Code != http.StatusOK || b.count(`SELECT count(*) FROM download_use`) != 0 {
		t.Errorf("looking at the page counts as a download: %d", w.Code)
	}
}

func TestDownload(t *testing.T) {
	b := newBench(t)
	receipt, link := b.ask()
	page := document(t, b.Get(link))
	shown := page.Find(".mono").Text()
	address, code := b.press(link)
	if code != http.StatusSeeOther || !strings.HasPrefix(address, link+"/file/") {
		t.Fatalf("POST: %d %q", code, address)
	}
	w := b.Get(address)
	sum := sha256.Sum256(w.Body.Bytes())
	if w.Code != http.StatusOK || hex.EncodeToString(sum[:]) != shown ||
		!strings.Contains(w.Header().Get("Content-Disposition"), `attachment; filename="dealer-portal-checklist-2.3.pdf"`) {
		t.Errorf("file: %d %v, digest %x, shown %s", w.Code, w.Header(), sum, shown)
	}
	whole := w.Body.Bytes()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Range", "bytes=500-")
	r.Header.Set("If-Range", w.Header().Get("ETag"))
	if w := b.Do(r); w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), whole[500:]) {
		t.Errorf("the rest: %d, %d bytes", w.Code, w.Body.Len())
	}
	if rec := b.record(receipt); rec.Status != "fetched" {
		t.Errorf("status %q", rec.Status)
	}
	if body := b.Get(receipt).Body.String(); !strings.Contains(body, "23 November 2026, 09:00 CST") {
		t.Error("the receipt does not tell when it was fetched")
	}
	b.Advance(10*time.Minute + time.Second)
	if w := b.Get(address); w.Code != http.StatusGone {
		t.Errorf("the file's address after ten minutes: %d", w.Code)
	}
}

func TestForgedAddresses(t *testing.T) {
	b := newBench(t)
	_, mine := b.ask()
	address, _ := b.press(mine)
	pass := address[strings.LastIndex(address, "/"):]
	b.Advance(time.Hour)
	values := b.filled(request, "eve@example.com")
	b.send(values)
	other := b.link()
	for _, path := range []string{
		"/downloads/get/AAAA", mine[:24] + "AAAA" + mine[28:], other + "/file" + pass, mine + "/file/AAAA",
	} {
		if w := b.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	if w := b.Post(mine[:24]+"AAAA"+mine[28:], nil); w.Code != http.StatusNotFound {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestLinkExpires(t *testing.T) {
	b := newBench(t)
	receipt, link := b.ask()
	b.Advance(7*24*time.Hour - time.Minute)
	if _, code := b.press(link); code != http.StatusSeeOther {
		t.Errorf("a minute before: %d", code)
	}
	b.Advance(2 * time.Minute)
	if w := b.Get(link); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), `href="`+receipt+`"`) {
		t.Errorf("a minute after: %d", w.Code)
	}
	if _, code := b.press(link); code != http.StatusGone {
		t.Errorf("POST a minute after: %d", code)
	}
	if n := b.count(`SELECT count(*) FROM download_use`); n != 1 {
		t.Errorf("%d uses", n)
	}
	if page := b.Get(receipt).Body.String(); !strings.Contains(page, "Have a new one mailed") || strings.Contains(page, "is good for seven days") {
		t.Error("the receipt does not say what comes next")
	}
}

func TestFiveDownloads(t *testing.T) {
	b := newBench(t)
	_, link := b.ask()
	for i := range 5 {
		if _, code := b.press(link); code != http.StatusSeeOther {
			t.Fatalf("download %d: %d", i+1, code)
		}
		if _, code := b.press(link); code != http.StatusSeeOther { // begun anew, not another one
			t.Fatalf("download %d, begun anew: %d", i+1, code)
		}
		b.Advance(11 * time.Minute)
	}
	if _, code := b.press(link); code != http.StatusGone {
		t.Errorf("the sixth: %d", code)
	}
	if n := b.count(`SELECT count(*) FROM download_use`); n != 5 {
		t.Errorf("%d uses on record", n)
	}
}

func TestPressedAtOnce(t *testing.T) {
	b := newBench(t)
	_, link := b.ask()
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() { b.press(link) })
	}
	wait.Wait()
	if uses, stored := b.count(`SELECT count(*) FROM download_use`), b.count(`SELECT uses FROM download_link`); uses != 1 || stored != 1 {
		t.Errorf("%d uses, %d counted", uses, stored)
	}
}

func TestNewLinkEndsTheOldOne(t *testing.T) {
	b := newBench(t)
	receipt, link := b.ask()
	if page := b.Get(receipt).Body.String(); strings.Contains(page, "new-link") || !strings.Contains(page, "Another can be mailed from") {
		t.Error("the receipt offers what it would refuse")
	}
	if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "600" {
		t.Errorf("at once: %d", w.Code)
	}
	b.press(link)
	b.Advance(11 * time.Minute)
	if !strings.Contains(b.Get(receipt).Body.String(), "new-link") {
		t.Error("the receipt does not offer another")
	}
	if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("new link: %d %s", w.Code, w.Body)
	}
	if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusSeeOther {
		t.Errorf("pressed twice: %d", w.Code)
	}
	newer := b.link()
	b.Advance(time.Minute)
	if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusTooManyRequests {
		t.Errorf("a minute later: %d", w.Code)
	}
	if _, code := b.press(link); code != http.StatusGone || newer == link {
		t.Errorf("the old link: %d", code)
	}
	if !strings.Contains(b.Get(link).Body.String(), "A newer link was mailed") {
		t.Error("the old link does not say what became of it")
	}
	if _, code := b.press(newer); code != http.StatusSeeOther {
		t.Errorf("the new link: %d", code)
	}
	b.Advance(8 * 24 * time.Hour)
	if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusSeeOther {
		t.Errorf("after the end: %d", w.Code)
	}
	b.link()
}

func TestWithdrawnRequestClosesItsLink(t *testing.T) {
	b := newBench(t)
	receipt, link := b.ask()
	address, _ := b.press(link)
	if w := b.Post(receipt+"/withdraw", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("withdraw: %d", w.Code)
	}
	if _, code := b.press(link); code != http.StatusGone {
		t.Errorf("link: %d", code)
	}
	if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusNotFound {
		t.Errorf("new link: %d", w.Code)
	}
	if w := b.Get(address); w.Code != http.StatusGone {
		t.Errorf("file: %d", w.Code)
	}
}

// boxOf is the box of that name.
func boxOf(page, name string) string {
	return regexp.MustCompile(`<input[^>]*name="` + name + `"[^>]*>`).FindString(page)
}

func TestLicenceChangedSince(t *testing.T) {
	b := newBench(t)
	receipt, link := b.ask()
	stale := b.filled(request, "bob@example.com")
	if _, err := b.Pool.Exec(t.Context(), `
		WITH l AS (INSERT INTO licence (name, version, body) VALUES ('Click Commerce Reading Licence', '2.0', 'You may read.') RETURNING name)
		SELECT 1 FROM l`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Pool.Exec(t.Context(), `UPDATE download SET licence_version = '2.0' WHERE slug = 'dealer-portal-checklist'`); err != nil {
		t.Fatal(err)
	}
	w := b.Post(request, stale)
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "wording of this page") {
		t.Errorf("a form that showed the old licence: %d", w.Code)
	}
	if box := boxOf(w.Body.String(), "licence"); box == "" || strings.Contains(box, "checked") {
		t.Errorf("who accepted the old licence is taken to accept the new one: %s", box)
	}
	if _, code := b.press(link); code != http.StatusGone || !strings.Contains(b.Get(link).Body.String(), "licence of") {
		t.Errorf("a link under the old licence: %d", code)
	}
	if strings.Contains(b.Get(receipt).Body.String(), "Mail me a new link") {
		t.Error("the receipt offers a link under a licence that was not accepted")
	}
	if !strings.Contains(b.Get(receipt).Body.String(), "this request brings no other") {
		t.Error("the receipt leads to a link that opens nothing")
	}
	if _, err := b.Pool.Exec(t.Context(), `UPDATE licence SET body = 'All is ours.'`); err == nil {
		t.Error("the text of a licence can be changed")
	}
}

func TestConsentIsConfirmedApart(t *testing.T) {
	b := newBench(t)
	values := b.filled(request, "ada@example.com")
	values.Set("consent_newsletter", "yes")
	b.send(values)
	all := strings.Join(b.mails(), "")
	inForce := func() bool {
		return b.count(`SELECT count(*) FROM consent WHERE in_force`) == 1
	}
	b.press(linked.FindStringSubmatch(all)[1])
	if inForce() {
		t.Error("fetching the file brought a consent into force")
	}
	m := confirm.FindStringSubmatch(all)
	if m == nil {
		t.Fatal("the mail has no link to confirm the address")
	}
	if w := b.Post(m[1], nil); w.Code != http.StatusSeeOther || !inForce() {
		t.Errorf("confirmed: %d, in force: %t", w.Code, inForce())
	}
}

// A link in whose place another is mailed does not leave later, nor can it be sent again.
func TestReplacedLinkDoesNotLeave(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"queued", "failed"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			receipt, _ := b.send(b.filled(request, "ada@example.com"))
			if _, err := b.Pool.Exec(t.Context(), `
				UPDATE message SET state = $1, attempts = 1, last_error = 'the relay is away', next_at = $2
				WHERE template = 'download-link'`, state, b.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			b.Advance(11 * time.Minute)
			if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusSeeOther {
				t.Fatalf("new link: %d", w.Code)
			}
			if _, code := b.press(b.link()); code != http.StatusSeeOther {
				t.Errorf("the new link: %d", code)
			}
			b.Advance(2 * time.Hour)
			if n := len(b.mails()) + b.count(`SELECT count(*) FROM message WHERE state IN ('failed', 'queued')`); n != 0 {
				t.Errorf("%d mails left, or can be sent again", n)
			}
		})
	}
}

// A request that was set apart by mistake brings the link that did not leave, and no other.
func TestRestoredRequestMailsTheLinkThatCounts(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]struct{ mailed, renewed, left bool }{
		"the first, stopped":  {},
		"the first, mailed":   {mailed: true, left: true},
		"the second, stopped": {mailed: true, renewed: true},
		"both, stopped":       {renewed: true},
		"the second, mailed":  {mailed: true, renewed: true, left: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			receipt, rec := b.send(b.filled(request, "ada@example.com"))
			if first.mailed {
				b.link()
			}
			if first.renewed {
				b.Advance(11 * time.Minute)
				if w := b.Post(receipt+"/new-link", nil); w.Code != http.StatusSeeOther {
					t.Fatalf("new link: %d", w.Code)
				}
			}
			if first.left && first.renewed {
				b.link()
			}
			if err := b.Store.Quarantine(t.Context(), []uuid.UUID{rec.ID}, submission.System); err != nil {
				t.Fatal(err)
			}
			b.Advance(time.Hour)
			if err := b.Desk.Restore(t.Context(), rec.ID, submission.System); err != nil {
				t.Fatal(err)
			}
			var links []string
			for _, mail := range b.mails() {
				if m := linked.FindStringSubmatch(mail); m != nil {
					links = append(links, m[1])
				}
			}
			if first.left {
				if len(links) != 0 {
					t.Errorf("mailed again: %v", links)
				}
				return
			}
			if len(links) != 1 {
				t.Fatalf("%d links were mailed", len(links))
			}
			if _, code := b.press(links[0]); code != http.StatusSeeOther {
				t.Errorf("the link: %d", code)
			}
		})
	}
}
