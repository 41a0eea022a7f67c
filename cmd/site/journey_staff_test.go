package main

import (
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/submission"
)

const (
	staffEmail    = "reader@example.com"
	staffPassword = "seven orange crates"
	staffSecret   = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
)

// hire makes a member of staff with an authenticator.
func (h *house) hire(t *testing.T, roles ...account.Role) {
	t.Helper()
	made, err := h.accounts.Create(t.Context(), account.Hire{Email: staffEmail, Name: "Rosa Reader", Roles: roles, Password: staffPassword})
	if err != nil {
		t.Fatal(err)
	}
	// The code of the half minute before: that of now is for signing in.
	code, err := totp.GenerateCode(staffSecret, h.now().Add(-30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.accounts.Enrol(t.Context(), made, staffSecret, code); err != nil {
		t.Fatal(err)
	}
}

// signIn signs the member of staff in by keyboard alone.
func (v *visitor) signIn() {
	v.t.Helper()
	v.at(http.StatusOK, "Sign in to the workspace", v.visit("/staff/sign-in"))
	v.tab("Email address")
	v.do("type", chromedp.KeyEvent(staffEmail))
	v.tab("Password")
	v.do("type", chromedp.KeyEvent(staffPassword))
	v.enter()
	code, err := totp.GenerateCode(staffSecret, v.house.now())
	v.must("make a code", err)
	v.tab("Code")
	v.do("type", chromedp.KeyEvent(code))
	v.at(http.StatusOK, "Inbox", v.enter())
}

// apply sends an application without detours, and leaves the visitor on its receipt.
func (v *visitor) apply(email string) {
	v.t.Helper()
	v.visit("/alliances/apply")
	v.write("Company or institution", "Northline Bearings")
	v.write("Full name", "Ada Lovelace")
	v.write("Email address", email)
	v.pick("Country", "Canada")
	for _, words := range []string{"10 to 49", "Integrator", "Europe", "Service parts"} {
		v.tick(words)
	}
	v.write("Why do you want this alliance?", "Ours are the pumps of half of Ohio.")
	v.at(http.StatusOK, "Thank you, it has arrived", v.press("Send application"))
}

// journeyStaff finds an application, asks back, gets the answer, approves, thinks again, and approves.
func journeyStaff(t *testing.T, h *house, in func() *visitor) {
	ada := in()
	ada.apply("ada@northline.example")
	reference, receipt := ada.reference(), look[string](ada, `location.pathname`)
	h.hire(t, account.Alliance)
	h.work(t)

	rosa := in()
	rosa.signIn()
	rosa.tab("Search submissions")
	rosa.do("type", chromedp.KeyEvent("northline"))
	rosa.enter()
	rosa.tab("Ada Lovelace, Northline Bearings")
	rosa.at(http.StatusOK, "Ada Lovelace, Northline Bearings", rosa.enter())
	rosa.sees(reference, "Northline Bearings", "half of Ohio")

	rosa.unfold("Note")
	rosa.write("Note", "Met them at the fair in Hannover.")
	rosa.press("Store note")
	rosa.sees("Met them at the fair in Hannover.")
	rosa.unfold("Ask for more")
	rosa.write("What do you need to know?", "Could you tell us more about your customers in Michigan?")
	rosa.press("Ask for more")
	rosa.sees("Asked for more")

	h.pass(submission.UndoWindow + time.Second)
	more := h.letter(t, "ada@northline.example", "We need one more thing")
	if !strings.Contains(more.text, "your customers in Michigan?") {
		t.Errorf("the mail does not carry the question:\n%s", more.text)
	}
	ada.at(http.StatusOK, "Apply for an alliance", ada.visit(more.link(t, "/edit/")))
	ada.write("Why do you want this alliance?", "Ours are the pumps of half of Ohio, and eleven plants in Michigan.")
	ada.press("Send the new version")

	record := look[string](rosa, `location.pathname`)
	rosa.visit(record)
	rosa.sees("eleven plants in Michigan", "Version 2", "Version 1")
	welcome := "We are glad to take you into the Alliance Program.\n\nWhat convinced us: eleven plants in Michigan."
	rosa.approve(welcome)
	rosa.sees("A letter leaves in")
	rosa.press("Undo")
	if r, err := h.store.Get(t.Context(), uuid.MustParse(path.Base(record))); err != nil || r.Status != "new" {
		t.Errorf("after undoing the record is %q, %v", r.Status, err)
	}
	h.pass(submission.UndoWindow + time.Second)
	h.nothing(t, "ada@northline.example", "Welcome")
	rosa.sees("Taken back", "Its words stand below")
	rosa.press("Approve") // the words are still there
	h.pass(submission.UndoWindow + time.Second)
	if l := h.letter(t, "ada@northline.example", "Welcome to the Alliance Program"); !strings.Contains(l.text, "eleven plants in Michigan") {
		t.Errorf("the letter says:\n%s", l.text)
	}
	ada.at(http.StatusOK, "Your application to the alliance program", ada.visit(receipt))
	ada.sees("Your application was approved", "Alliance manager")
	ada.noCookies()
	rosa.press("Sign out")
	rosa.at(http.StatusOK, "Sign in to the workspace", rosa.visit(record))
}

// approve takes the step with a letter.
func (v *visitor) approve(words string) {
	v.t.Helper()
	v.unfold("Approve")
	v.write("Letter", words)
	v.press("Approve")
	v.sees("Approved")
}
