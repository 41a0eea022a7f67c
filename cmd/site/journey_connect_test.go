package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"clickcommerce.com/site/internal/account"
)

// journeyConnect asks for access to Clickconnect, is invited, chooses a password, and has a computer remembered.
func journeyConnect(t *testing.T, h *house, in func() *visitor) {
	grace := in()
	grace.visit("/connect")
	grace.at(http.StatusOK, "Ask for access to Clickconnect", grace.follow("Ask for access"))
	grace.write("Full name", "Grace Hopper")
	grace.write("Company email address", "grace@orchard.example")
	grace.write("Company or institution", "Orchard Medical")
	grace.pick("Country", "Germany")
	grace.tick("Customer")
	grace.tick("Service parts")
	grace.write("What do you need access for?", "I plan the spare parts and need the import guides.")
	grace.at(http.StatusOK, "Thank you, it has arrived", grace.press("Send request"))
	grace.noCookies()
	request := grace.record()

	h.hire(t, account.Reviewer)
	h.work(t)
	rosa := in()
	rosa.signIn()
	rosa.follow("Grace Hopper, Orchard Medical")
	rosa.unfold("Approve for 12 months and invite")
	rosa.tick("The company’s administrator confirmed it")
	rosa.press("Approve for 12 months and invite")
	rosa.sees("Approved, invited")

	const password = "nine quiet lamps at noon"
	grace.at(http.StatusOK, "Welcome, Grace Hopper", grace.visit(h.letter(t, "grace@orchard.example", "Your access to Clickconnect").link(t, "/connect/invite/")))
	grace.write("New password", password)
	grace.at(http.StatusOK, "Sign in to Clickconnect", grace.press("Set password"))
	grace.write("Email address", "grace@orchard.example")
	grace.write("Password", password)
	grace.tick("Keep me signed in on this computer for 60 days (sets 1 cookie)")
	grace.press("Sign in (sets 1 cookie)")
	grace.sees("Grace Hopper", request.Reference)
	grace.closes()
	h.pass(30 * 24 * time.Hour)
	h.work(t)
	grace.visit("/connect")
	grace.sees("Grace Hopper", request.Reference, "Your access to Clickconnect is open")
	grace.follow("Computers and password")
	grace.sees("Remembered computers", "this one", "Signed in now")
	grace.do("have it forgotten", chromedp.ScrollIntoView(chromedp.CSS("#d-kept")))
	grace.leaving("forget this computer", chromedp.Click(chromedp.CSS(`section[aria-labelledby="d-kept"] button`)))
	grace.visit("/connect/devices")
	grace.at(http.StatusOK, "Sign in to Clickconnect", grace.visit("/connect/devices"))
}

// closes is what closing the browser means: cookies without an end are gone; the one that the box sets stays.
func (v *visitor) closes() {
	v.t.Helper()
	id := chromedp.FromContext(v.ctx).BrowserContextID
	jar, err := chromedp.CallBrowser(v.ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: id})
	v.must("look at the cookies", err)
	for _, c := range jar.Cookies {
		if c.Session {
			_, err := chromedp.Call(v.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, Domain: c.Domain, Path: c.Path})
			v.must("close the browser", err)
		}
	}
	if n := v.cookies(); n != 1 {
		v.t.Fatalf("%d cookies outlive the browser, want the one that the box sets", n)
	}
}
