package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
)

// journeyLeave is about what leaves the house: the officer enters a demand of the law, exports a list for it, and finds on
// the recall list of the file who was erased since.
func journeyLeave(t *testing.T, h *house, in func() *visitor) {
	ada := in()
	ada.apply("ada@northline.example")
	reference := ada.reference()
	h.hire(t, account.Roles()...)
	approver, err := h.accounts.Create(t.Context(), account.Hire{
		Email: "counsel@example.com", Name: "Cara Counsel", Roles: []account.Role{account.Admin}, Password: staffPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.work(t)
	v := in()
	v.signIn()
	shots := os.Getenv("SCREENSHOTS")
	shoot := func(name string) {
		if shots != "" {
			v.shoot(shots, name)
		}
	}
	v.visit("/staff/disclosures")
	v.sees("No demand is recorded")
	shoot("staff-disclosures-empty")
	v.follow("Enter a demand")
	v.at(http.StatusUnprocessableEntity, "Enter a demand", v.press("Enter it for good"))
	shoot("staff-disclosure-errors")
	v.write("Who asks?", "Circuit Court of Cook County, 2026 L 004711")
	now := h.now().In(clock.Zone())
	today := now.Format(time.DateOnly)
	v.day("On which day did the demand arrive?", today)
	v.write("What do they ask for?", "The address from which the application was sent")
	v.write("Whom is it about?", reference)
	v.tick("We believe in good faith that the law requires it")
	v.write("Which rule, or why do we believe so?", "A letter of the court, which cites no rule")
	v.at(http.StatusUnprocessableEntity, "Enter a demand", v.press("Enter it for good"))
	v.sees("good faith needs a second person")
	v.tick(approver.Name)
	v.tick("The demand is not answered yet")
	v.tick("We may not tell them before a certain day")
	v.day("May be told from", now.AddDate(0, 1, 0).Format(time.DateOnly))
	v.at(http.StatusOK, "Circuit Court of Cook County, 2026 L 004711", v.press("Enter it for good"))
	v.sees("To be answered", "Not before", "Cara Counsel", reference)
	shoot("staff-disclosure")
	v.follow("Correct or complete it")
	v.tick("A part of it")
	v.day("On which day did we answer?", today)
	v.write("What exactly did we give?", "The address alone")
	shoot("staff-disclosure-correct")
	v.at(http.StatusOK, "Circuit Court of Cook County, 2026 L 004711", v.press("Add the correction"))
	v.sees("Part given", "Before it was corrected")
	shoot("staff-disclosure-corrected")
	v.visit("/staff/disclosures")
	shoot("staff-disclosures")

	v.visit("/staff/exports?kind=alliance")
	if got := v.export("internal", "Legal demand: Circuit Court"); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, "ada@northline.example") {
		t.Errorf("the list is %s", got)
	}
	v.visit("/staff/exports?kind=alliance")
	v.sees("A legal demand", "Good until")
	shoot("staff-exports")
	v.do("send nothing", chromedp.Focus(chromedp.CSS(`#contacts-words`)))
	v.at(http.StatusUnprocessableEntity, "Exports", v.enter())
	shoot("staff-exports-errors")
	v.visit("/staff/exports")
	v.follow("Submissions")
	v.sees("nobody in it withdrew")
	path := look[string](v, `location.pathname`)
	who, err := h.people.Find(t.Context(), "ada@northline.example")
	if err != nil {
		t.Fatal(err)
	}
	v.visit("/staff/people/" + who.ID.String())
	v.sees("Demanded by law", "Exported: what a legal demand asks for")
	shoot("staff-person-left")
	if _, err := h.eraser.Erase(t.Context(), who.ID); err != nil {
		t.Fatal(err)
	}
	v.visit(path)
	v.sees("1 row of the file is about", "The person was erased")
	shoot("staff-export")
	v.visit("/staff/disclosures")
	v.follow("A demand, its words erased")
	v.sees("An erased person", "Erased with the last person it was about")
	shoot("staff-disclosure-erased")
	v.visit("/privacy/inventory#disclosures")
	v.sees("No half year is old enough yet")
	shoot("inventory-disclosures")
}

// day sets a day, which browsers let people type in many ways.
func (v *visitor) day(label, day string) {
	v.t.Helper()
	look[string](v, fmt.Sprintf(`%s.value = %q`, control(label), day))
}

// export sends the form of a list of submissions, with all fields, and returns status and text of the answer: a browser
// would save it.
func (v *visitor) export(purpose, recipient string) string {
	v.t.Helper()
	return look[string](v, fmt.Sprintf(`(() => {
		const f = document.querySelector('form[action^="/staff/exports/submissions"]');
		f.purpose.value = %q;
		f.recipient.value = [...f.recipient.options].find((o) => o.label.startsWith(%q)).value;
		f.reason.value = "demand";
		for (const box of f.querySelectorAll("[name=field]")) box.checked = true;
		const x = new XMLHttpRequest();
		x.open("POST", f.action, false);
		x.send(new URLSearchParams(new FormData(f)));
		return x.status + " " + x.responseText;
	})()`, purpose, recipient))
}
