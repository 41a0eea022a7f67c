package account

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// step is the state of the page that asks for the second step of a sign-in.
type step struct {
	next, sealed string
	secret       string // sealed, of an authenticator that is being set up
	recovery     bool
	show         bool // the page is only asked for
	status       int
	problem      string
}

// enrolPage shows a new authenticator secret, to scan and to type.
type enrolPage struct {
	page.Base
	QR     code
	Secret string // in groups of four
	Form   *form.View
	Renew  bool
}

// codesPage shows recovery codes, once.
type codesPage struct {
	page.Base
	Lead  string
	Codes []string
	Next  string
	Typed string // sealed: what is shown next, in place of that
}

// showTOTP asks for the code, or sets up the authenticator of one who has none yet.
func (s *Service) showTOTP(w http.ResponseWriter, r *http.Request) error {
	in := From(r.Context())
	next := local(Staff, r.URL.Query().Get(nextField))
	switch {
	case in == nil:
		return s.askSignIn(w, r, Staff)
	case in.complete():
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return s.drawSecond(w, r, in, step{next: next, status: http.StatusOK})
}

// drawSecond asks for the second step: the code, or an authenticator where there is none.
func (s *Service) drawSecond(w http.ResponseWriter, r *http.Request, in *Session, st step) error {
	if in.Account.HasTOTP {
		return s.drawCode(w, r, st)
	}
	return s.drawEnrol(w, r, in, enrolment{
		secret: newTOTP(), action: "/staff/totp", next: st.next, sealed: st.sealed, status: st.status,
	})
}

func (s *Service) submitTOTP(w http.ResponseWriter, r *http.Request) error {
	return s.submitSecond(w, r, false, func(in *Session, st step) error {
		if in.Account.HasTOTP {
			return s.submitCode(w, r, in, st)
		}
		return s.submitEnrol(w, r, in, enrolment{action: "/staff/totp", next: st.next, sealed: st.sealed})
	})
}

// submitSecond reads what a page of the second step sent, and lets submit judge it where that step is still to be done.
func (s *Service) submitSecond(w http.ResponseWriter, r *http.Request, recovery bool, submit func(*Session, step) error) error {
	in := From(r.Context())
	if in == nil {
		return s.askSignIn(w, r, Staff)
	}
	err := read(r)
	st := sentStep(r, recovery)
	switch {
	case err != nil:
		return s.refuseCode(w, r, st, err)
	case in.complete():
		return s.goOn(w, r, Staff, st.next, st.sealed)
	case st.show:
		return s.drawSecond(w, r, in, st)
	}
	return submit(in, st)
}

// sentStep is what a page of the second step sent.
func sentStep(r *http.Request, recovery bool) step {
	return step{
		next: local(Staff, r.PostForm.Get(nextField)), sealed: r.PostForm.Get(typedField), recovery: recovery,
		show: r.PostForm.Has("show"), status: http.StatusOK,
	}
}

// askCode answers staff whose code is still to come.
func (s *Service) askCode(w http.ResponseWriter, r *http.Request, in *Session) error {
	if reads(r) {
		http.Redirect(w, r, withNext("/staff/totp", Staff, r.URL.RequestURI()), http.StatusSeeOther)
		return nil
	}
	sealed, err := s.keep(r, Staff)
	if err != nil && !errors.Is(err, errTooLong) {
		return s.unreadable()
	}
	return s.drawSecond(w, r, in, step{sealed: sealed, status: http.StatusUnauthorized})
}

func (s *Service) drawCode(w http.ResponseWriter, r *http.Request, st step) error {
	way := link{"I don’t have the phone: use a recovery code", "/staff/recovery"}
	p := sheet{
		Base: page.Base{Title: "The code of your authenticator", Path: "/staff/totp"},
		Lead: s.say("code"), Apart: st.sealed != "",
		Form: plainForm("/staff/totp", "Sign in",
			codeField("Code", s.say("code_hint"), "numeric", st.problem)),
	}
	if st.recovery {
		p.Title, p.Path = "A recovery code", "/staff/recovery"
		p.Lead = s.say("recovery")
		way = link{"Use the authenticator", "/staff/totp"}
		p.Links = []link{{"I have neither: ask an administrator", "/contact"}}
		p.Form = plainForm("/staff/recovery", "Sign in",
			codeField("Recovery code", s.say("recovery_hint"), "text", st.problem))
	}
	carry(p.Form, st.next, st.sealed)
	if st.sealed != "" {
		p.Ways = []link{way}
	} else {
		p.Links = append([]link{{way.Label, withNext(way.Path, Staff, st.next)}}, p.Links...)
	}
	if st.secret != "" {
		p.Ways, p.Links = nil, nil
		p.Form.Hidden = append(p.Form.Hidden, form.Hidden{Name: enrolField, Value: st.secret})
	}
	return s.showSheet(w, r, Staff, st.status, p)
}

func (s *Service) submitCode(w http.ResponseWriter, r *http.Request, in *Session, st step) error {
	if err := s.missing(r, "code"); err != nil {
		return s.refuseCode(w, r, st, err)
	}
	t, err := s.confirm(r.Context(), in, Label(r.UserAgent()), r.PostForm.Get("code"), st.recovery)
	if err != nil {
		return s.refuseCode(w, r, st, err)
	}
	c, err := s.cookie(Staff, t, s.until())
	if err != nil {
		return err
	}
	http.SetCookie(w, c)
	return s.goOn(w, r, Staff, st.next, st.sealed)
}

// refuseCode asks for the code again.
func (s *Service) refuseCode(w http.ResponseWriter, r *http.Request, st step, err error) error {
	if st.status, st.problem, err = s.refusal(w, r, err, s.say("wrong_code")); err != nil {
		return err
	}
	return s.drawCode(w, r, st)
}

func (s *Service) showRecovery(w http.ResponseWriter, r *http.Request) error {
	in := From(r.Context())
	if in == nil {
		return s.askSignIn(w, r, Staff)
	}
	next := local(Staff, r.URL.Query().Get(nextField))
	if in.complete() || !in.Account.HasTOTP {
		http.Redirect(w, r, withNext("/staff/totp", Staff, next), http.StatusSeeOther)
		return nil
	}
	return s.drawCode(w, r, step{recovery: true, next: next, status: http.StatusOK})
}

func (s *Service) submitRecovery(w http.ResponseWriter, r *http.Request) error {
	return s.submitSecond(w, r, true, func(in *Session, st step) error { return s.submitCode(w, r, in, st) })
}

// enrolment is the state of the page that sets up an authenticator.
type enrolment struct {
	secret, action string
	next, sealed   string
	status         int
	problem        string
}

const enrolField = "secret" // sealed for one account

func (s *Service) drawEnrol(w http.ResponseWriter, r *http.Request, in *Session, e enrolment) error {
	k, err := keyOf(s.pages.Site().Name, in.Account.Email, e.secret)
	if err != nil {
		return err
	}
	qr, err := drawQR(k.URL())
	if err != nil {
		return err
	}
	p := enrolPage{
		Base: page.Base{Title: "Set up your authenticator", Path: e.action, NoIndex: true, Section: string(Staff)},
		QR:   qr, Secret: grouped(e.secret), Renew: in.complete(),
		Form: plainForm(e.action, "Set up",
			codeField("Code", s.say("enrol_hint"), "numeric", e.problem)),
	}
	p.Form.Hidden = append(p.Form.Hidden, form.Hidden{
		Name: enrolField, Value: s.keys.Seal("enrol", append(in.Account.ID[:], e.secret...)),
	})
	carry(p.Form, e.next, e.sealed)
	return s.enrol.Write(w, r, e.status, p)
}

// submitEnrol takes the first code of a new authenticator. The secret comes back sealed for this account, so nothing
// is stored until it is known to work.
func (s *Service) submitEnrol(w http.ResponseWriter, r *http.Request, in *Session, e enrolment) error {
	raw, err := s.keys.Open("enrol", r.PostForm.Get(enrolField))
	if err != nil || len(raw) <= len(uuid.UUID{}) || uuid.UUID(raw[:16]) != in.Account.ID {
		e.secret, e.status = newTOTP(), http.StatusUnprocessableEntity
		e.problem = s.say("enrol_lost")
		return s.drawEnrol(w, r, in, e)
	}
	e.secret = string(raw[16:])
	var codes []string
	if err = s.missing(r, "code"); err == nil {
		codes, err = s.enrolAs(r.Context(), in.Account, e.secret, r.PostForm.Get("code"), in.complete())
	}
	if err != nil {
		e.status, e.problem, err = s.refusal(w, r, err, s.say("enrol_wrong"))
		if err != nil {
			return err
		}
		return s.drawEnrol(w, r, in, e)
	}
	if !in.complete() {
		t, err := s.complete(r.Context(), in, Label(r.UserAgent()))
		if errors.Is(err, ErrRefused) {
			return s.askSignIn(w, r, Staff)
		}
		if err != nil {
			return err
		}
		c, err := s.cookie(Staff, t, s.until())
		if err != nil {
			return err
		}
		http.SetCookie(w, c)
	}
	return s.showCodes(w, r, codes, e.next, e.sealed)
}

// showCodes shows recovery codes, and leads on to where their owner wanted to go, or to what they had typed.
func (s *Service) showCodes(w http.ResponseWriter, r *http.Request, codes []string, next, sealed string) error {
	return s.codes.Write(w, r, http.StatusOK, codesPage{
		Base:  page.Base{Title: "Your recovery codes", Path: "/staff/account", NoIndex: true, Section: string(Staff)},
		Lead:  s.say("codes"),
		Codes: codes, Next: local(Staff, next), Typed: sealed,
	})
}

// grouped sets a secret in groups of four, to be typed.
func grouped(secret string) string {
	var out []byte
	for i := range len(secret) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, secret[i])
	}
	return string(out)
}
