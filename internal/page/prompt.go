package page

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// How long an answer may take to begin, where the database or the store of files has stopped without a word. The time in
// which what was sent arrives does not count, nor what comes after the answer's first byte: both last as long as a
// visitor's line needs. What changes something has more time; a proxy in front mostly waits for a minute.
const (
	lookTime = 20 * time.Second
	actTime  = 45 * time.Second
)

// errLate ends the context of a request whose answer did not begin in time.
var errLate = errors.New("the answer did not begin in time")

// Left tells whether whoever sent a request waits no more for its answer. Where only the time for it is over, somebody still
// waits for a word.
func Left(r *http.Request) bool {
	return r.Context().Err() != nil && !late(r)
}

// late tells whether the answer to a request did not begin in time.
func late(r *http.Request) bool { return errors.Is(context.Cause(r.Context()), errLate) }

// prompt returns what a handler answers to, with a context that ends where the answer does not begin in time. The
// function lets go of both and is to be called when the handler is done.
func prompt(w http.ResponseWriter, r *http.Request) (*answer, *http.Request, func()) {
	most := lookTime
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		most = actTime
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	limit := &limit{most: most, timer: time.AfterFunc(most, func() { cancel(errLate) })}
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &arriving{r.Body, limit}
	}
	return &answer{w, limit}, r, func() {
		limit.timer.Stop()
		cancel(nil)
	}
}

type limit struct {
	most  time.Duration
	timer *time.Timer
	begun bool // the answer has
	wrote bool // a piece of it
}

// arriving stops the time while it is read.
type arriving struct {
	io.ReadCloser
	limit *limit
}

func (a *arriving) Read(p []byte) (int, error) {
	a.limit.timer.Stop()
	n, err := a.ReadCloser.Read(p)
	if !a.limit.begun {
		a.limit.timer.Reset(a.limit.most)
	}
	return n, err
}

// pieceTime is how long one piece of an answer may take to leave: a file on a slow line lasts as long as it moves, whatever
// the server's own limit for an answer.
const pieceTime = 30 * time.Second

// answer stops the time for good when it begins.
type answer struct {
	http.ResponseWriter
	limit *limit
}

func (a *answer) begin() {
	a.limit.begun = true
	a.limit.timer.Stop()
}

func (a *answer) WriteHeader(status int) {
	a.begin()
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.limit.wrote { // the server's limit stands until a second piece
		_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(pieceTime)) // one without has no limit
	}
	a.begin()
	a.limit.wrote = true
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
