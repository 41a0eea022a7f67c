package account

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// entry is the state of the sign-in page.
type entry struct {
	email, next, sealed string
	remember            bool
	status              int
	problem, good       string
	noPassword          string // says that it was left empty
}

func (s *Service) showSignIn(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		next := local(kind, r.URL.Query().Get(nextField))
		if in := From(r.Context()); in != nil && in.complete() {
			http.Redirect(w, r, next, http.StatusSeeOther)
			return nil
		}
		return s.drawSignIn(w, r, kind, entry{next: next, status: http.StatusOK, good: s.done(r)})
	}
}

// done is what the page before has just done, told after a redirect.
func (s *Service) done(r *http.Request) string {
	return s.say("done_" + r.URL.Query().Get("done"))
}

func (s *Service) drawSignIn(w http.ResponseWriter, r *http.Request, kind Kind, e entry) error {
	p := sheet{
		Base: page.Base{Title: "Sign in to Clickconnect", Path: area(kind) + "/sign-in"}, Good: e.good, Apart: e.sealed != "",
		Lead:  s.say("sign_in_connect"),
		Links: []link{{"I have no password, or forgot it", area(kind) + "/reset"}},
	}
	if kind == Staff {
		p.Title = "Sign in to the workspace"
		p.Lead = s.say("sign_in_staff")
	} else {
		p.Links = append(p.Links, link{"I have no access yet", "/connect/request"})
	}
	fields := []form.FieldView{
		emailField(e.email, e.problem), passwordField("password", "Password", "current-password", "", e.noPassword),
	}
	if kind == Connect {
		fields = append(fields, form.FieldView{
			Name: "remember", ID: "f-remember", Kind: "consent",
			Choices: []form.ChoiceView{{
				ID: "f-remember-0", Value: "yes", Checked: e.remember,
				Label: "Keep me signed in on this computer for 60 days (sets 1 cookie)",
			}},
		})
	}
	p.Form = plainForm(area(kind)+"/sign-in", "Sign in (sets 1 cookie)", fields...)
	if e.status == http.StatusUnauthorized {
		p.Form.Message = s.say("session_ended")
		if e.sealed == "" {
			p.Form.Message = s.say("session_ended_long")
		}
	}
	if page.ChoiceOf(r) == page.RejectAll {
		s.askCookies(p.Form)
	}
	carry(p.Form, e.next, e.sealed)
	return s.showSheet(w, r, kind, e.status, p)
}

// askCookies lets one who rejects all cookies take that back with the same button (P-15): nothing is set before.
func (s *Service) askCookies(v *form.View) {
	v.Message = strings.TrimSpace(v.Message + " " + s.say("cookies_rejected"))
	v.Button = "Tell me first, and sign in (sets 2 cookies)"
	v.Hidden = append(v.Hidden, form.Hidden{Name: page.ChoiceCookie, Value: string(page.TellMe)})
}

func (s *Service) submitSignIn(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		unread := read(r)
		e := entry{
			email: r.PostForm.Get("email"), next: local(kind, r.PostForm.Get(nextField)),
			sealed: r.PostForm.Get(typedField), remember: kind == Connect && r.PostForm.Get("remember") == "yes",
		}
		if unread != nil {
			return s.refuseSignIn(w, r, kind, e, unread)
		}
		rejected := page.ChoiceOf(r) == page.RejectAll
		if rejected && r.PostForm.Get(page.ChoiceCookie) != string(page.TellMe) { // chosen after the page was opened
			e.status = http.StatusUnprocessableEntity
			return s.drawSignIn(w, r, kind, e)
		}
		if noEmail, noPassword := s.missing(r, "email"), s.missing(r, "password"); noEmail != nil || noPassword != nil {
			return s.refuseEmpty(w, r, kind, e, noEmail, noPassword)
		}
		old, _ := s.ticketOf(r, kind)
		t, a, err := s.signIn(r.Context(), credentials{
			kind: kind, email: e.email, password: r.PostForm.Get("password"), remember: e.remember,
			client: s.client(r), label: Label(r.UserAgent()), old: old,
		})
		if err != nil {
			return s.refuseSignIn(w, r, kind, e, err)
		}
		c, err := s.cookie(kind, t, s.until())
		if err != nil {
			return err
		}
		if rejected {
			http.SetCookie(w, page.TellMe.Cookie(s.secure))
		}
		http.SetCookie(w, c)
		return s.admit(w, r, a, e)
	}
}

// refuseSignIn shows the page again, with what was typed but the password.
func (s *Service) refuseSignIn(w http.ResponseWriter, r *http.Request, kind Kind, e entry, err error) error {
	if e.status, e.problem, err = s.refusal(w, r, err, s.say("refused_sign_in")); err != nil {
		return err
	}
	return s.drawSignIn(w, r, kind, e)
}

// refuseEmpty shows the page again where a field was left empty, each with its own message.
func (s *Service) refuseEmpty(w http.ResponseWriter, r *http.Request, kind Kind, e entry, noEmail, noPassword error) error {
	e.status = http.StatusUnprocessableEntity
	if noEmail != nil {
		e.problem = noEmail.Error()
	}
	if noPassword != nil {
		e.noPassword = noPassword.Error()
	}
	return s.drawSignIn(w, r, kind, e)
}

// admit sends one whose password was right on: staff to the second step, others to where they wanted to go, or to
// what they had typed.
func (s *Service) admit(w http.ResponseWriter, r *http.Request, a Account, e entry) error {
	if a.Kind == Staff {
		if s.typedOf(Staff, e.sealed) != nil {
			return s.drawSecond(w, r, &Session{Kind: a.Kind, Account: a}, step{next: e.next, sealed: e.sealed, status: http.StatusOK})
		}
		http.Redirect(w, r, withNext("/staff/totp", Staff, e.next), http.StatusSeeOther)
		return nil
	}
	return s.goOn(w, r, a.Kind, e.next, e.sealed)
}

func (s *Service) goOn(w http.ResponseWriter, r *http.Request, kind Kind, next, sealed string) error {
	if t := s.typedOf(kind, sealed); t != nil {
		return s.showAgain(w, r, t, http.StatusOK, "ended")
	}
	http.Redirect(w, r, local(kind, next), http.StatusSeeOther)
	return nil
}

func (s *Service) submitSignOut(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if t, ok := s.ticketOf(r, kind); ok {
			if err := s.signOut(r.Context(), t); err != nil {
				return err
			}
		}
		http.SetCookie(w, s.gone(kind))
		http.Redirect(w, r, area(kind)+"/sign-in?done=out", http.StatusSeeOther)
		return nil
	}
}

// askSignIn answers one who isn't signed in: a look is sent to sign-in and comes back, a sending is kept.
func (s *Service) askSignIn(w http.ResponseWriter, r *http.Request, kind Kind) error {
	if reads(r) {
		http.Redirect(w, r, withNext(area(kind)+"/sign-in", kind, r.URL.RequestURI()), http.StatusSeeOther)
		return nil
	}
	if sealed := s.carried(r, kind); sealed != "" {
		return s.drawSignIn(w, r, kind, entry{sealed: sealed, status: http.StatusUnauthorized})
	}
	sealed, err := s.keep(r, kind)
	if err != nil && !errors.Is(err, errTooLong) {
		return s.unreadable()
	}
	return s.drawSignIn(w, r, kind, entry{sealed: sealed, status: http.StatusUnauthorized})
}

// unreadable answers a sending that can't be kept until its sender has signed in.
func (s *Service) unreadable() error {
	return &page.Error{Status: http.StatusBadRequest, Message: s.say("unreadable")}
}

// withNext adds where to go afterwards, unless that is the start anyway.
func withNext(path string, kind Kind, next string) string {
	if next = local(kind, next); next != area(kind) {
		path += "?" + url.Values{nextField: {next}}.Encode()
	}
	return path
}

// askPassword answers one whose password is to be given once more.
func (s *Service) askPassword(w http.ResponseWriter, r *http.Request, in *Session) error {
	if reads(r) {
		http.Redirect(w, r, withNext(area(in.Kind)+"/confirm", in.Kind, r.URL.RequestURI()), http.StatusSeeOther)
		return nil
	}
	sealed, err := s.keep(r, in.Kind)
	if err != nil && !errors.Is(err, errTooLong) {
		return s.unreadable()
	}
	return s.drawConfirm(w, r, in.Kind, entry{sealed: sealed, status: http.StatusUnauthorized})
}

func (s *Service) showConfirm(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.drawConfirm(w, r, kind, entry{next: local(kind, r.URL.Query().Get(nextField)), status: http.StatusOK})
	}
}

func (s *Service) drawConfirm(w http.ResponseWriter, r *http.Request, kind Kind, e entry) error {
	p := sheet{
		Base: page.Base{Title: "Your password once more", Path: area(kind) + "/confirm"},
		Lead: s.say("confirm"), Apart: e.sealed != "",
		Form: plainForm(area(kind)+"/confirm", "Go on",
			passwordField("password", "Password", "current-password", "", e.problem)),
		Links: []link{{"I forgot it", area(kind) + "/reset"}},
	}
	carry(p.Form, e.next, e.sealed)
	return s.showSheet(w, r, kind, e.status, p)
}

func (s *Service) submitConfirm(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := read(r)
		e := entry{next: local(kind, r.PostForm.Get(nextField)), sealed: r.PostForm.Get(typedField)}
		if err == nil {
			err = s.missing(r, "password")
		}
		if err == nil {
			err = s.reauth(r.Context(), From(r.Context()), r.PostForm.Get("password"), s.client(r))
		}
		if err != nil {
			e.status, e.problem, err = s.refusal(w, r, err, s.say("wrong_password"))
			if err != nil {
				return err
			}
			return s.drawConfirm(w, r, kind, e)
		}
		return s.goOn(w, r, kind, e.next, e.sealed)
	}
}
