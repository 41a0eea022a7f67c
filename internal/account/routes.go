package account

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// StaffRoutes mounts this room's pages below /staff. What inside wraps are the pages that need a whole sign-in, so
// that the workspace can put its navigation around them.
func (s *Service) StaffRoutes(r chi.Router, inside ...func(http.Handler) http.Handler) {
	r.Group(func(r chi.Router) {
		r.Use(s.Load)
		s.common(r, Staff)

		// Between password and code: half a session is enough, and only these pages take it.
		r.Get("/staff/totp", s.handle(s.showTOTP))
		r.Post("/staff/totp", s.handle(s.submitTOTP))
		r.Get("/staff/recovery", s.handle(s.showRecovery))
		r.Post("/staff/recovery", s.handle(s.submitRecovery))

		r.Group(func(r chi.Router) {
			r.Use(s.RequireStaff())
			r.Use(inside...)
			r.Get("/staff/confirm", s.handle(s.showConfirm(Staff)))
			r.Post("/staff/confirm", s.handle(s.submitConfirm(Staff)))
			r.Get("/staff/account", s.handle(s.showOwn))
			r.Post("/staff/account/password", s.handle(s.submitPassword))
			r.Post("/staff/account/end", s.handle(s.submitEnd))
			r.With(s.RequireFresh).Get("/staff/account/totp", s.handle(s.showRenew))
			r.With(s.RequireFresh).Post("/staff/account/totp", s.handle(s.submitRenew))
			r.With(s.RequireFresh).Post("/staff/account/recovery", s.handle(s.submitNewCodes))
		})
	})
}

// ConnectRoutes mounts this room's pages below /connect; inside as for StaffRoutes.
func (s *Service) ConnectRoutes(r chi.Router, inside ...func(http.Handler) http.Handler) {
	r.Group(func(r chi.Router) {
		r.Use(s.Load)
		s.common(r, Connect)
		r.Group(func(r chi.Router) {
			r.Use(s.RequireConnect)
			r.Use(inside...)
			r.Get("/connect/confirm", s.handle(s.showConfirm(Connect)))
			r.Post("/connect/confirm", s.handle(s.submitConfirm(Connect)))
			r.Get("/connect/devices", s.handle(s.showOwn))
			r.Post("/connect/devices", s.handle(s.submitEnd))
			r.Post("/connect/devices/password", s.handle(s.submitPassword))
		})
	})
}

// common mounts what both doors have: in, out, and the mailed links.
func (s *Service) common(r chi.Router, kind Kind) {
	at := area(kind)
	r.Get(at+"/sign-in", s.handle(s.showSignIn(kind)))
	r.Post(at+"/sign-in", s.handle(s.submitSignIn(kind)))
	r.Post(at+"/sign-out", s.handle(s.submitSignOut(kind)))
	r.Get(at+"/reset", s.handle(s.showReset(kind)))
	r.Post(at+"/reset", s.handle(s.submitReset(kind)))
	r.Get(at+"/reset/{token}", s.handle(s.showLink(kind, resetLink)))
	r.Post(at+"/reset/{token}", s.handle(s.submitLink(kind, resetLink)))
	r.Get(at+"/invite/{token}", s.handle(s.showLink(kind, inviteLink)))
	r.Post(at+"/invite/{token}", s.handle(s.submitLink(kind, inviteLink)))
}
