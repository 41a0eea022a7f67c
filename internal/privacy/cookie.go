package privacy

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"clickcommerce.com/site/internal/page"
)

const cookiePath = "/cookies"

// FirstVisitCookie holds the week of the first visit and a campaign's name, no identifier. It is set only after "accept
// all" (P-13).
const FirstVisitCookie = "first_visit"

type cookiePage struct {
	page.Base
	Intro     template.HTML
	Lead      string
	Silent    bool // the browser asks not to be counted
	Asked     string
	Saved     string // the choice that was just made
	Kept      bool   // the browser kept it
	Forgotten bool
	Problem   string
	Cookies   []cookieRow
}

type cookieRow struct{ Name, Title, When, Holds, Lasts string }

// cookieRows lists every cookie that the site can set. Over https some names carry a prefix.
func (r *Room) cookieRows() []cookieRow {
	prefix := ""
	if r.secure() {
		prefix = "__Host-"
	}
	return []cookieRow{
		{page.ChoiceCookie, "Your choice", "You press one of the three buttons on this page, or the button at sign-in that takes back “Reject all”", "The word all, tell or none", "12 months"},
		{FirstVisitCookie, "First visit", "You press “Accept all”", "The week of your first visit, and the name of the campaign that led you here, if any", "12 months"},
		{prefix + "connect", "Clickconnect sign-in", "You sign in to Clickconnect", "A random value that stands for this session", "Until you sign out or close the browser"},
		{prefix + "connect", "Keep me signed in", "You tick that box when you sign in: the same cookie then holds more", "The above, and a random value that changes with each use", "60 days"},
		{prefix + "staff", "Staff sign-in", "A member of our staff signs in", "A random value that stands for this session", "Until they sign out or close the browser"},
	}
}

func (r *Room) secure() bool { return strings.HasPrefix(r.desk.Pages.URL(""), "https://") }

// cookieCache serves the page from memory, but to browsers that send a signal: for them it reads otherwise.
func (r *Room) cookieCache(h page.Handler) http.HandlerFunc {
	cached, own := r.desk.Pages.Cached(h), r.desk.Pages.Handle(h)
	return func(w http.ResponseWriter, req *http.Request) {
		if page.Silent(req) {
			w.Header().Set("Cache-Control", "no-store")
			own(w, req)
			return
		}
		cached(w, req)
	}
}

func (r *Room) showCookies(w http.ResponseWriter, req *http.Request) error {
	query := req.URL.Query()
	var data cookiePage
	switch saved := query.Get("saved"); page.Choice(saved) {
	case page.AcceptAll, page.TellMe, page.RejectAll:
		data.Saved, data.Kept = saved, string(page.ChoiceOf(req)) == saved
	case page.Unset:
	}
	data.Forgotten = query.Has("forgotten")
	return r.writeCookies(w, req, http.StatusOK, data)
}

func (r *Room) writeCookies(w http.ResponseWriter, req *http.Request, status int, data cookiePage) error {
	data.Base = r.words.cookies.Base()
	data.Lead, data.Intro, data.Cookies, data.Silent = r.words.cookies.Summary, r.words.cookies.Body, r.cookieRows(), page.Silent(req)
	return r.views.cookies.Write(w, req, status, data)
}

// maxChoice is how many bytes a choice may have.
const maxChoice = 4 << 10

// takeChoice keeps the choice, and nothing but it unless all cookies were accepted. It works for browsers that keep no
// cookie as well: they are told so, and nothing else changes.
func (r *Room) takeChoice(w http.ResponseWriter, req *http.Request) error {
	var unread *page.Error
	if errors.As(page.ReadForm(req, maxChoice), &unread) {
		return r.writeCookies(w, req, unread.Status, cookiePage{Problem: r.say("cookies_unreadable")})
	}
	back := cookiePath
	switch choice := page.Choice(req.PostForm.Get("choice")); choice {
	case page.AcceptAll, page.TellMe, page.RejectAll:
		http.SetCookie(w, choice.Cookie(r.secure()))
		if choice == page.AcceptAll && !page.Silent(req) {
			r.setFirstVisit(w, req)
		} else {
			r.forget(w, req, FirstVisitCookie)
		}
		back += "?saved=" + string(choice)
	case "forget":
		r.forget(w, req, page.ChoiceCookie)
		r.forget(w, req, FirstVisitCookie)
		back += "?forgotten"
	default:
		return r.writeCookies(w, req, http.StatusUnprocessableEntity, cookiePage{Problem: r.say("choose_button")})
	}
	http.Redirect(w, req, back, http.StatusSeeOther)
	return nil
}

// setFirstVisit keeps an earlier first visit as it is.
func (r *Room) setFirstVisit(w http.ResponseWriter, req *http.Request) {
	if week, _ := FirstVisit(req); week != "" {
		return
	}
	year, week := r.desk.Now().ISOWeek()
	value := fmt.Sprintf("%d-W%02d", year, week)
	if tag := page.Campaign(req.PostForm.Get("campaign")); tag != "" {
		value += "." + tag
	}
	http.SetCookie(w, &http.Cookie{
		Name: FirstVisitCookie, Value: value, Path: "/", MaxAge: int(page.ChoiceLasts.Seconds()), HttpOnly: true,
		Secure: r.secure(), SameSite: http.SameSiteLaxMode,
	})
}

var firstVisit = regexp.MustCompile(`^\d{4}-W\d{2}(\.[a-z0-9-]+)?$`)

// FirstVisit reads the cookie of the first visit: its week as in 2026-W48, and the campaign, each "" where there is none.
func FirstVisit(req *http.Request) (week, campaign string) {
	c, err := req.Cookie(FirstVisitCookie)
	if err != nil || !firstVisit.MatchString(c.Value) {
		return "", ""
	}
	week, campaign, _ = strings.Cut(c.Value, ".")
	return week, page.Campaign(campaign)
}

// forget takes a cookie away where there is one: where there is none, none is named either.
func (r *Room) forget(w http.ResponseWriter, req *http.Request, name string) {
	if _, err := req.Cookie(name); err != nil {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.secure(), SameSite: http.SameSiteLaxMode,
	})
}
