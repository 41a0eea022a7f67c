package page

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

func levelOf(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

type ownKey struct{}

// Own marks a request that a check of the program makes, inside this process: it is nobody's, so it is neither counted nor
// written down, unless it fails.
func Own(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), ownKey{}, true))
}

// line writes the line of one request, and tells Seen of it. It names no place in the source, which would be found for
// each line and shown in none. The id is held only where another line may speak of it: making one for each cached page
// costs as much as the page.
func (s *Set) line(r *http.Request, status int, start time.Time) {
	took := time.Since(start)
	level, handler := levelOf(status), s.cfg.Log.Handler()
	own := r.Context().Value(ownKey{}) != nil
	if own && level < slog.LevelError {
		return
	}
	if s.cfg.Seen != nil && !own {
		s.cfg.Seen(r.Method, status, took)
	}
	if !handler.Enabled(r.Context(), level) {
		return
	}
	record := slog.NewRecord(start.Add(took), level, "request", 0)
	record.AddAttrs(
		slog.String("method", r.Method), slog.String("route", route(r)), slog.Int("status", status),
		slog.Int64("us", took.Microseconds()))
	if own {
		record.AddAttrs(slog.Bool("check", true))
	}
	if r.Header.Get(requestIDHeader) != "" || status >= http.StatusInternalServerError {
		record.AddAttrs(slog.String("id", RequestID(r)))
	}
	_ = handler.Handle(r.Context(), record) // a log that can't be written has nobody to tell
}
