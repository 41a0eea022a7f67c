package access_test

import (
	"net/http"
	"testing"
	"time"

	"clickcommerce.com/site/internal/access"
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
