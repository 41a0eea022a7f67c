package account

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

func (s *Service) showReset(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.drawReset(w, r, kind, http.StatusOK, "", "")
	}
}

func (s *Service) drawReset(w http.ResponseWriter, r *http.Request, kind Kind, status int, email, problem string) error {
	return s.showSheet(w, r, kind, status, sheet{
		Base:  page.Base{Title: "A new password", Path: area(kind) + "/reset"},
		Lead:  s.say("reset"),
		Form:  plainForm(area(kind)+"/reset", "Send me the link", emailField(email, problem)),
		Links: []link{{"Back to sign-in", area(kind) + "/sign-in"}},
	})
}

// submitReset says the same whether the address has an account or not.
func (s *Service) submitReset(kind Kind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := read(r)
		typed := r.PostForm.Get("email")
		email, complaint := form.ParseEmail(fold(typed))
		if err == nil && complaint != "" {
			return s.drawReset(w, r, kind, http.StatusUnprocessableEntity, typed, complaint)
		}
		if err == nil {
			err = s.requestReset(r.Context(), kind, email, s.client(r))
		}
		if err != nil {
			status, problem, err := s.refusal(w, r, err, "")
			if err != nil {
				return err
			}
			return s.drawReset(w, r, kind, status, typed, problem)
		}
		return s.showSheet(w, r, kind, http.StatusOK, sheet{
			Base:  page.Base{Title: "Look into your inbox", Path: area(kind) + "/reset"},
			Lead:  s.say("reset_sent"),
			Links: []link{{"Back to sign-in", area(kind) + "/sign-in"}},
		})
	}
}

// showLink opens a mailed link: a page with one form. Nothing has happened yet.
func (s *Service) showLink(kind Kind, purpose linkKind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, err := s.followed(r.Context(), kind, purpose, chi.URLParam(r, "token"))
		if err != nil {
			return s.linkGone(w, r, kind, purpose, err)
		}
		return s.drawLink(w, r, kind, purpose, a, http.StatusOK, "")
	}
}

// drawLink asks for a password. Whose it will be is not said where the account could not be read.
func (s *Service) drawLink(
	w http.ResponseWriter, r *http.Request, kind Kind, purpose linkKind, a Account, status int, problem string,
) error {
	p := sheet{Base: page.Base{Title: "Choose a new password"}}
	switch {
	case a.ID == uuid.Nil:
	case purpose == inviteLink:
		p.Title = "Welcome, " + a.Name
		p.Lead = s.say("invited", "address", a.Email)
	default:
		p.Lead = s.say("new_password", "address", a.Email)
	}
	p.Form = plainForm(r.URL.Path, "Set password",
		passwordField("password", "New password", "new-password", s.passwordHint(kind), problem))
	return s.showSheet(w, r, kind, status, p)
}

func (s *Service) submitLink(kind Kind, purpose linkKind) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := read(r)
		token := chi.URLParam(r, "token")
		if err == nil {
			err = s.redeem(r.Context(), kind, purpose, token, r.PostForm.Get("password"))
		}
		if err == nil {
			http.Redirect(w, r, area(kind)+"/sign-in?done=password", http.StatusSeeOther)
			return nil
		}
		var a Account
		var bad PasswordError
		if errors.As(err, &bad) {
			if a, err = s.followed(r.Context(), kind, purpose, token); err == nil {
				err = bad
			}
		}
		if errors.Is(err, ErrLink) {
			return s.linkGone(w, r, kind, purpose, err)
		}
		status, problem, err := s.refusal(w, r, err, "")
		if err != nil {
			return err
		}
		return s.drawLink(w, r, kind, purpose, a, status, problem)
	}
}

// linkGone answers a link that is good no more.
func (s *Service) linkGone(w http.ResponseWriter, r *http.Request, kind Kind, purpose linkKind, err error) error {
	if !errors.Is(err, ErrLink) {
		return err
	}
	p := sheet{
		Base:  page.Base{Title: "This link is used up"},
		Lead:  s.say("link_gone"),
		Links: []link{{"Send me a new link", area(kind) + "/reset"}, {"Sign in", area(kind) + "/sign-in"}},
	}
	if purpose == inviteLink {
		p.Lead = s.say("invitation_gone")
	}
	return s.showSheet(w, r, kind, http.StatusGone, p)
}
