package account

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"clickcommerce.com/site/internal/page"
)

type contextKey struct{}

// loaded is what Load found out: who is signed in, or that nobody is.
type loaded struct{ session *Session }

// From returns who is signed in, or nil. Only below Load, on paths of /staff and /connect, is there ever somebody.
func From(ctx context.Context) *Session {
	l, _ := ctx.Value(contextKey{}).(loaded)
	return l.session
}

// With returns a context in which s is signed in; for work that a session started.
func With(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, contextKey{}, loaded{s})
}

// area is where the addresses of a kind begin.
func area(kind Kind) string { return "/" + string(kind) }

// kindOf returns whose area a path is in. The form by which access is asked for is public.
func kindOf(path string) (Kind, bool) {
	for _, kind := range []Kind{Staff, Connect} {
		if path == area(kind) || strings.HasPrefix(path, area(kind)+"/") {
			return kind, path != "/connect/request"
		}
	}
	return "", false
}

// Load reads who is signed in, on paths of /staff and /connect only: public pages never read those cookies. On a
// remembered computer it opens a new session where the last has ended.
func (s *Service) Load(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		kind, ours := kindOf(r.URL.Path)
		if _, done := r.Context().Value(contextKey{}).(loaded); done || !ours {
			next.ServeHTTP(w, r)
			return nil
		}
		w.Header().Set("Cache-Control", "no-store")
		session, err := s.recognise(w, r, kind)
		if err != nil {
			return s.unrecognised(w, r, kind, next, err)
		}
		next.ServeHTTP(w, r.WithContext(With(r.Context(), session)))
		return nil
	})
}

func (s *Service) recognise(w http.ResponseWriter, r *http.Request, kind Kind) (*Session, error) {
	t, ok := s.ticketOf(r, kind)
	if !ok {
		return nil, nil
	}
	session, err := s.resume(r.Context(), kind, t)
	if err != nil || session != nil || kind != Connect || t.token == nil {
		return session, err
	}
	got, err := s.present(r.Context(), t, fetchedAhead(r))
	if err != nil || got.session == nil {
		return nil, err
	}
	if got.ticket.token != nil {
		c, err := s.cookie(kind, got.ticket, got.until)
		if err != nil {
			return nil, err
		}
		http.SetCookie(w, c)
	}
	return got.session, nil
}

// unrecognised answers where the database can't say who is signed in: what was typed is shown, with a button that sends
// it again.
func (s *Service) unrecognised(w http.ResponseWriter, r *http.Request, kind Kind, next http.Handler, why error) error {
	if reads(r) {
		return why
	}
	switch word := door(r.URL.Path); word {
	case "":
	case "totp", "recovery", "confirm":
		return s.halfway(w, r, kind, word, why)
	default: // nobody has to be signed in there, and those pages keep what they carry
		next.ServeHTTP(w, r.WithContext(With(r.Context(), nil)))
		return nil
	}
	t, err := s.typedIn(r, kind)
	if err != nil {
		return why
	}
	s.log.ErrorContext(r.Context(), "could not tell who is signed in", "id", page.RequestID(r), "err", why)
	w.Header().Set("Retry-After", "30")
	return s.showAgain(w, r, t, http.StatusServiceUnavailable, "away")
}

// halfway answers a second step, or a password given once more, that can't be held against anybody: what was typed
// before it travels on.
func (s *Service) halfway(w http.ResponseWriter, r *http.Request, kind Kind, word string, why error) error {
	if err := read(r); err != nil {
		why = err
	}
	st := sentStep(r, word == "recovery")
	if word != "confirm" {
		st.secret = r.PostForm.Get(enrolField)
		return s.refuseCode(w, r, st, why)
	}
	e := entry{next: local(kind, r.PostForm.Get(nextField)), sealed: st.sealed}
	var err error
	if e.status, e.problem, err = s.refusal(w, r, why, ""); err != nil {
		return err
	}
	return s.drawConfirm(w, r, kind, e)
}

// fetchedAhead tells whether the browser only guesses that the page will be wanted.
func fetchedAhead(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") ||
		strings.Contains(r.Header.Get("Purpose"), "prefetch") || r.Header.Get("X-Moz") == "prefetch"
}

// RequireStaff lets staff through whose sign-in is complete and who have one of roles (any, where none is named).
// Others are asked to sign in, and come back to where they wanted to go; what they sent is kept for them.
func (s *Service) RequireStaff(roles ...Role) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return s.handle(func(w http.ResponseWriter, r *http.Request) error {
			in := From(r.Context())
			switch {
			case in == nil || in.Kind != Staff:
				return s.askSignIn(w, r, Staff)
			case !in.complete():
				return s.askCode(w, r, in)
			case len(roles) > 0 && !in.Has(roles...):
				return page.ErrForbidden
			}
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// RequireRight lets those through who have the right over the kind. Put it behind RequireStaff, before RequireFresh: others
// are turned away before they are asked for anything.
func (s *Service) RequireRight(right Right, kind string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return s.handle(Only(right, kind, func(w http.ResponseWriter, r *http.Request) error {
			next.ServeHTTP(w, r)
			return nil
		}))
	}
}

// Only answers page.ErrForbidden to whoever has not the right over the kind, before h is asked.
func Only(right Right, kind string, h page.Handler) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if in := From(r.Context()); in == nil || !in.Can(right, kind) {
			return page.ErrForbidden
		}
		return h(w, r)
	}
}

// RequireConnect lets customers through who are signed in; others are asked to.
func (s *Service) RequireConnect(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		if in := From(r.Context()); in == nil || in.Kind != Connect {
			return s.askSignIn(w, r, Connect)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// RequireFresh asks for the password once more unless it was given in this session within 15 minutes. A remembered
// computer has not given it. Put it behind RequireStaff or RequireConnect, before what changes an address, exports or
// erases; what was sent is kept.
func (s *Service) RequireFresh(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		in := From(r.Context())
		if in == nil {
			return page.ErrForbidden
		}
		if !in.Fresh(s.now()) {
			return s.askPassword(w, r, in)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// reads tells whether a request only looks, so that it may be sent elsewhere and come back.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// local returns next where it is a path of the area, else the area's own start. It is what keeps a link to our sign-in
// page from ending on another site.
func local(kind Kind, next string) string {
	u, err := url.Parse(next)
	plain := err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && u.Fragment == "" &&
		!strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f })
	if !plain || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/../") {
		return area(kind)
	}
	if of, ok := kindOf(u.Path); !ok || of != kind || doors(u.Path) {
		return area(kind)
	}
	return next
}

// doors tells whether a path is one of those that sign somebody in or out: nobody wants to come back there.
func doors(path string) bool { return door(path) != "" }

// door returns the word that such a path has behind its area, or "".
func door(path string) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch word, _, _ := strings.Cut(rest, "/"); word {
	case "sign-in", "sign-out", "totp", "recovery", "reset", "invite", "confirm":
		return word
	}
	return ""
}

// handle adapts a handler as every page does.
func (s *Service) handle(h page.Handler) http.HandlerFunc { return s.pages.Handle(h) }
