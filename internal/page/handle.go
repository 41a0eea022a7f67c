package page

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/postgres"
)

// Handler answers a request or says why it can't. What it returns is shown or logged by Handle, nowhere else.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Error is meant for the visitor's eyes: a status and one sentence.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// ErrNotFound is the answer to an address that leads nowhere, or to something the visitor may not know of.
var ErrNotFound = &Error{http.StatusNotFound, say("not_found")}

// errCut is the same at an address that a mail carried.
var errCut = &Error{http.StatusNotFound, say("cut_link")}

// ErrTooLarge is the answer to a body beyond every limit. Forms have lower limits of their own, and keep what was typed.
var ErrTooLarge = &Error{http.StatusRequestEntityTooLarge, say("too_large")}

// ErrForbidden is the answer to staff whose role does not reach that far.
var ErrForbidden = &Error{http.StatusForbidden, say("forbidden")}

type faultPage struct {
	Base
	Status  int
	Message string
}

// Handle adapts a handler to net/http: an *Error is shown as it is, anything else is logged once with request id,
// method and route, and the visitor reads a fixed sentence. An answer begins in time or not at all: see prompt.
func (s *Set) Handle(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, r, done := prompt(w, r)
		defer done()
		switch err := h(answer, r); {
		case err == nil:
		case answer.limit.begun:
			s.breakOff(r, err)
		default:
			s.fail(w, r, err)
		}
	}
}

// breakOff ends an answer of which a part has left: half of one must not look whole.
func (s *Set) breakOff(r *http.Request, err error) {
	if !Left(r) {
		s.cfg.Log.ErrorContext(r.Context(), "an answer broke off", "id", RequestID(r), "method", r.Method, "route", route(r), "err", err)
	}
	panic(http.ErrAbortHandler)
}

func (s *Set) fail(w http.ResponseWriter, r *http.Request, err error) {
	var (
		known *Error
		large *http.MaxBytesError
	)
	switch {
	case errors.Is(err, context.Canceled) && Left(r):
		w.WriteHeader(statusLeft) // for the log: nobody reads it
		return
	case errors.As(err, &known):
	case errors.As(err, &large):
		known = ErrTooLarge
	default:
		known = &Error{http.StatusInternalServerError, say("failed")}
		if late(r) || postgres.Away(err) {
			known.Status = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "30")
		}
		s.cfg.Log.ErrorContext(r.Context(), "request failed",
			"id", RequestID(r), "method", r.Method, "route", route(r), "err", err)
	}
	if errors.Is(err, ErrNotFound) && strings.Contains(route(r), "{token}") && !ofStaff(r) {
		known = errCut
	}
	s.Fault(w, r, known.Status, known.Message)
}

// Fault shows the error page.
func (s *Set) Fault(w http.ResponseWriter, r *http.Request, status int, message string) {
	w.Header().Set("Cache-Control", "no-store")
	data := faultPage{
		Base:   Base{Title: http.StatusText(status), Description: message, NoIndex: true},
		Status: status, Message: message,
	}
	view := s.fault
	if ofStaff(r) {
		view = s.staffFault
	}
	if err := view.Write(w, r, status, data); err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "the error page failed", "id", RequestID(r), "err", err)
		http.Error(w, message, status)
	}
}

func ofStaff(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/staff/") }

// statusLeft stands in the log where an answer was broken off, mostly because the visitor left. No standard has a
// number for it; nginx made this one known.
const statusLeft = 499

// Log writes one line for each request, without address, query or anything the visitor typed, and gives the request
// an id of our own making. A handler that panics is answered with the error page; one that gives up its answer
// (http.ErrAbortHandler) has a line too.
func (s *Set) Log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		delete(r.Header, requestIDHeader) // anybody may send one
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			p := recover()
			aborted := isAbort(p)
			switch {
			case aborted:
				rec.status = statusLeft
			case p != nil:
				s.panicked(rec, r, p)
			}
			s.line(r, rec.status, start)
			if s.cfg.Viewed != nil && isView(r.Method, rec.status) {
				s.cfg.Viewed(r, rec.Header())
			}
			if aborted {
				panic(http.ErrAbortHandler) // net/http closes the connection
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// isView tells whether somebody got to see what was asked for.
func isView(method string, status int) bool {
	return method == http.MethodGet && (status == http.StatusOK || status == http.StatusNotModified)
}

// isAbort also knows the sentinel where a page was drawn for several requests, which wraps it.
func isAbort(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// panicked logs with the stack, and answers where nothing was sent yet. What was sent in part stays a failure in the
// log.
func (s *Set) panicked(rec *recorder, r *http.Request, p any) {
	s.cfg.Log.ErrorContext(r.Context(), "handler panicked",
		"id", RequestID(r), "route", route(r), "panic", p, "stack", string(debug.Stack()))
	if !rec.wrote {
		s.Fault(rec, r, http.StatusInternalServerError, say("broke"))
	}
	rec.status = http.StatusInternalServerError
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

const requestIDHeader = "X-Request-Id"

// RequestID names the request in the log. It is made when first asked for; Log takes away one that came from outside.
func RequestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); id != "" {
		return id
	}
	id := uuid.NewString()
	r.Header.Set(requestIDHeader, id)
	return id
}

// route is the pattern that matched: it holds no token and nothing a visitor chose.
func route(r *http.Request) string {
	if rc := chi.RouteContext(r.Context()); rc != nil {
		return rc.RoutePattern()
	}
	return ""
}
