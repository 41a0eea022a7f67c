package access_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/access"
	"clickcommerce.com/site/internal/submission"
)

// What an access entitles to ends with its last day, before any worker has come by.
func TestEntitled(t *testing.T) {
	h := newHouse(t)
	rec := h.sent("ada@example.com")
	entitled := func(family string) bool {
		t.Helper()
		ok, err := access.Entitled(t.Context(), h.Store, rec.PersonID.UUID, family)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if entitled("") || entitled("service-parts") {
		t.Error("a request entitles before it is granted")
	}
	if w := h.deed(rec.ID, "approve", "until", "2026-12-11", "reason", "contract"); w.Code != http.StatusSeeOther {
		t.Fatalf("approve: %d", w.Code)
	}
	if !entitled("") || !entitled("service-parts") || entitled("contracts") {
		t.Error("a granted access entitles to what it names, and to what belongs to no product")
	}
	h.Advance(20 * 24 * time.Hour)
	if families, err := access.Families(t.Context(), h.Store, rec.PersonID.UUID); err != nil || len(families) > 0 {
		t.Errorf("an access that ran out names %v, %v", families, err)
	}
	if entitled("") || entitled("service-parts") {
		t.Error("an access that ran out entitles")
	}
}

// Staff choose what an access opens: what was asked for is offered, and counts for nothing by itself.
func TestStaffChooseWhatItOpens(t *testing.T) {
	h := newHouse(t)
	opens := func(person uuid.UUID, want ...string) {
		t.Helper()
		got, err := access.Families(t.Context(), h.Store, person)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("opens (-got +want):\n%s", diff)
		}
	}
	ticked := func(id uuid.UUID, word string) (list []string) {
		doc, err := goquery.NewDocumentFromReader(h.Get("/staff/access/" + id.String() + "/" + word).Body)
		if err != nil {
			t.Fatal(err)
		}
		doc.Find("input[name=products][checked]").Each(func(_ int, s *goquery.Selection) { list = append(list, s.AttrOr("value", "")) })
		return list
	}
	rec := h.sent("ada@example.com") // asks for service parts
	if diff := cmp.Diff(ticked(rec.ID, "approve"), []string{"service-parts"}); diff != "" {
		t.Errorf("offered (-got +want):\n%s", diff)
	}
	if w := h.deed(rec.ID, "approve", "until", "2027-05-01", "reason", "contract", "products", "contracts"); w.Code != http.StatusSeeOther {
		t.Fatalf("approve: %d", w.Code)
	}
	opens(rec.PersonID.UUID, "contracts")
	html, err := h.activity().Panel(t.Context(), h.record(rec.ID))
	if err != nil || !strings.Contains(string(html), "<dd>Contracts</dd>") {
		t.Errorf("panel: %s, %v", html, err)
	}
	if w := h.deed(rec.ID, "renew", "until", "2027-05-01", "products", "supply-chain"); w.Code != http.StatusSeeOther {
		t.Fatalf("renew: %d", w.Code)
	}
	opens(rec.PersonID.UUID, "supply-chain")

	// The record's own step opens what is asked for, beside what is open.
	second := h.sent("ada@example.com")
	if err := h.move(second.ID, "approved"); err != nil {
		t.Fatal(err)
	}
	opens(rec.PersonID.UUID, "service-parts", "supply-chain")
	if err := h.Store.Quarantine(t.Context(), []uuid.UUID{rec.ID, second.ID}, submission.System); err != nil {
		t.Fatal(err)
	}
	opens(rec.PersonID.UUID)
}
