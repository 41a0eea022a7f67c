package account

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// ownPage is where staff look after their own account.
type ownPage struct {
	page.Base
	Account  Account
	Good     string
	Password *form.View
	Left     int // unused recovery codes
	Sessions []SessionInfo
	Current  uuid.UUID
}

// devicesPage is where customers look after theirs.
type devicesPage struct {
	page.Base
	Account  Account
	Good     string
	Password *form.View
	Devices  []DeviceInfo
	Sessions []SessionInfo
	Current  uuid.UUID
	Device   uuid.UUID // the one that reads the page; uuid.Nil where it isn't remembered
}

func (s *Service) showOwn(w http.ResponseWriter, r *http.Request) error {
	return s.drawOwn(w, r, http.StatusOK, "", "")
}

// drawOwn shows the account's page, with what was wrong with a change of password.
func (s *Service) drawOwn(w http.ResponseWriter, r *http.Request, status int, present, next string) error {
	in := From(r.Context())
	sessions, err := s.Sessions(r.Context(), in.Account.ID)
	if err != nil {
		return err
	}
	if in.Kind == Connect {
		return s.drawDevices(w, r, in, sessions, status, present, next)
	}
	left, err := s.recoveryLeft(r.Context(), in.Account.ID)
	if err != nil {
		return err
	}
	password := s.changeForm(Staff, "/staff/account/password", present, next)
	return s.own.Write(w, r, status, ownPage{
		Base:    page.Base{Title: "Your account", Path: "/staff/account", NoIndex: true, Section: string(Staff)},
		Account: in.Account, Good: s.done(r), Left: left, Sessions: sessions, Current: in.ID,
		Password: password,
	})
}

func (s *Service) drawDevices(
	w http.ResponseWriter, r *http.Request, in *Session, sessions []SessionInfo, status int, present, next string,
) error {
	devices, err := s.Devices(r.Context(), in.Account.ID)
	if err != nil {
		return err
	}
	password := s.changeForm(Connect, "/connect/devices/password", present, next)
	return s.devices.Write(w, r, status, devicesPage{
		Base: page.Base{
			Title: "Where you are signed in", Path: "/connect/devices", NoIndex: true, Section: string(Connect),
		},
		Account: in.Account, Good: s.done(r), Devices: devices, Sessions: sessions, Current: in.ID, Device: in.device.UUID,
		Password: password,
	})
}

func (s *Service) changeForm(kind Kind, action, present, next string) *form.View {
	return plainForm(action, "Change password",
		passwordField("present", "Present password", "current-password", "", present),
		passwordField("password", "New password", "new-password", s.passwordHint(kind), next))
}

// own is where the page that looks after an account is.
func own(kind Kind) string {
	if kind == Staff {
		return "/staff/account"
	}
	return "/connect/devices"
}

func (s *Service) submitPassword(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	in := From(r.Context())
	err := s.missing(r, "present")
	if err == nil {
		err = s.changePassword(r.Context(), in, r.PostForm.Get("present"), r.PostForm.Get("password"), s.client(r))
	}
	if err == nil {
		http.Redirect(w, r, own(in.Kind)+"?done=changed", http.StatusSeeOther)
		return nil
	}
	ofNext := errors.As(err, new(PasswordError))
	status, sentence, err := s.refusal(w, r, err, s.say("wrong_present_password"))
	if err != nil {
		return err
	}
	if status == http.StatusServiceUnavailable { // nor can the page around the form be drawn
		return s.showSheet(w, r, in.Kind, status, sheet{
			Base: page.Base{Title: "Your password", Path: own(in.Kind)}, Form: s.changeForm(in.Kind, r.URL.Path, sentence, ""),
		})
	}
	if ofNext {
		return s.drawOwn(w, r, status, "", sentence)
	}
	return s.drawOwn(w, r, status, sentence, "")
}

func (s *Service) showRenew(w http.ResponseWriter, r *http.Request) error {
	return s.drawEnrol(w, r, From(r.Context()), enrolment{
		secret: newTOTP(), action: "/staff/account/totp", next: "/staff/account", status: http.StatusOK,
	})
}

func (s *Service) submitRenew(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	return s.submitEnrol(w, r, From(r.Context()), enrolment{action: "/staff/account/totp", next: "/staff/account"})
}

func (s *Service) submitNewCodes(w http.ResponseWriter, r *http.Request) error {
	codes, err := s.renewRecovery(r.Context(), From(r.Context()).Account)
	if err != nil {
		return err
	}
	return s.showCodes(w, r, codes, "/staff/account", "")
}

// submitEnd signs out at one place, or forgets one computer.
func (s *Service) submitEnd(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	in := From(r.Context())
	what, word := r.PostForm.Get("session"), "ended"
	end := s.endSession
	if what == "" {
		what, word, end = r.PostForm.Get("device"), "forgotten", s.forgetDevice
	}
	id, err := uuid.Parse(what)
	if err != nil {
		return page.ErrNotFound
	}
	if err := end(r.Context(), in.Account.ID, id); err != nil && !errors.Is(err, ErrNotFound) {
		return err // one that is gone already is as good as ended
	}
	if id == in.ID || in.device.Valid && id == in.device.UUID {
		http.SetCookie(w, s.gone(in.Kind))
		http.Redirect(w, r, area(in.Kind)+"/sign-in?done=out", http.StatusSeeOther)
		return nil
	}
	http.Redirect(w, r, own(in.Kind)+"?done="+word, http.StatusSeeOther)
	return nil
}
