package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"clickcommerce.com/site/internal/account"
)

// TestScreenshots draws the main pages for people to look at, where SCREENSHOTS names a folder for the pictures: on a
// telephone, a tablet and a desk, light and dark.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return // nobody wants to look
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures of example data
		t.Fatal(err)
	}
	browser := startBrowser(t)
	h := newHouse(t, "127.0.0.1")
	if err := h.loadDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	v := h.visitor(browser, t, true)
	for _, p := range []string{
		"/", "/products", "/products/service-parts", "/industries/life-sciences", "/alliances", "/demos", "/demos/one-study-two-boards",
		"/webinars", "/webinars/clause-library-workshop", "/downloads", "/downloads/rebate-worksheet", "/careers",
		"/careers/technical-writer", "/surveys", "/surveys/webinar-habits", "/surveys/webinar-habits/results", "/newsletter/issues", "/news",
		"/news/service-parts-day-open", "/about", "/search?q=parts", "/connect", "/connect/sign-in", "/privacy", "/privacy/versions", "/privacy/changes/2006-12-05...2026-11-18",
		"/privacy/promises", "/privacy/inventory", "/privacy/requests", "/cookies", "/terms", "/accessibility", "/nothing-here",
	} {
		v.visit(p)
		v.shoot(dir, name(p))
	}
	for _, p := range []string{
		"/alliances/apply", "/careers/technical-writer/apply", "/webinars/clause-library-workshop/register",
		"/demos/one-study-two-boards/request", "/downloads/rebate-worksheet/request", "/connect/request", "/newsletter", "/contact",
		"/privacy/requests?want=see",
	} {
		v.visit(p)
		v.shoot(dir, name(p)+"-empty")
		v.leaving("send nothing", chromedp.Click(chromedp.CSS(`form[novalidate] .send button`)))
		v.shoot(dir, name(p)+"-errors")
	}
	v.shootKept(t, dir)
	v.shootStaff(t, dir)
}

func name(p string) string {
	if p == "/" {
		return "home"
	}
	return strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(p[1:])
}

// shootKept draws a form with a file that is kept, and the receipts.
func (v *visitor) shootKept(t *testing.T, dir string) {
	t.Helper()
	paper := filepath.Join(t.TempDir(), "cv.pdf")
	if err := os.WriteFile(paper, resume(), 0o600); err != nil {
		t.Fatal(err)
	}
	v.visit("/careers/technical-writer/apply")
	v.write("Full name", "Grace Hopper")
	v.write("Email address", "grace.example")
	v.pick("Country", "Germany")
	v.upload("Résumé", paper)
	v.press("Send application")
	v.shoot(dir, "careers-apply-kept")
	v.write("Email address", "grace@example.com")
	v.press("Send application")
	v.shoot(dir, "receipt")
	v.press("Mail me a code")
	v.shoot(dir, "receipt-code")
	v.visit("/webinars/clause-library-workshop/register")
	v.register("Grace Hopper", "grace@example.com")
	v.shoot(dir, "receipt-webinar")
}

// shootStaff draws the workspace as a member of staff with every role sees it.
func (v *visitor) shootStaff(t *testing.T, dir string) {
	t.Helper()
	v.house.hire(t, account.Roles()...)
	v.house.work(t)
	v.visit("/staff/sign-in")
	v.shoot(dir, "staff-sign-in")
	v.signIn()
	for _, p := range []string{
		"/staff/submissions", "/staff/mail", "/staff/team", "/staff/webinars", "/staff/openings", "/staff/surveys", "/staff/surveys/results",
		"/staff/announce", "/staff/announce/new", "/staff/exports", "/staff/visits", "/staff/account", "/staff/statements", "/staff/promises", "/staff/webinars/new", "/staff/news/new",
	} {
		v.visit(p)
		v.shoot(dir, name(p))
	}
	for _, kind := range []string{"alliance", "career", "webinar"} {
		v.visit("/staff/submissions?kind=" + kind)
		v.leaving("open a record", chromedp.Click(chromedp.CSS(`.queue a`)))
		v.shoot(dir, "staff-record-"+kind)
	}
	v.visit("/staff/webinars")
	v.leaving("open the first", chromedp.Click(chromedp.CSS(`main table a, main .rows a`)))
	v.shoot(dir, "staff-webinar-edit")
}

func (v *visitor) shoot(dir, name string) {
	v.t.Helper()
	for _, width := range []int64{390, 768, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			v.do("resize", chromedp.EmulateViewport(width, 900))
			v.prefer(scheme)
			// Pictures that are fetched when they come into view.
			v.await("all pictures", `[...document.images].map((i) => { i.loading = "eager"; return i.complete; }).every(Boolean)`)
			picture, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
			v.must("take a picture", err)
			file := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			if err := os.WriteFile(file, picture, 0o644); err != nil { //nolint:gosec // as the folder
				v.t.Fatal(err)
			}
		}
	}
	v.do("take the desk again", chromedp.EmulateViewport(1280, 900))
	v.prefer("light")
}
