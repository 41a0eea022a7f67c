package page

import (
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

// line writes the line of one request, and tells Seen of it. It names no place in the source, which would be found for
// each line and shown in none. The id is held only where another line may speak of it: making one for each cached page
// costs as much as the page.
func (s *Set) line(r *http.Request, status int, start time.Time) {
	took := time.Since(start)
	if s.cfg.Seen != nil {
		s.cfg.Seen(r.Method, status, took)
	}
	level, handler := levelOf(status), s.cfg.Log.Handler()
	if !handler.Enabled(r.Context(), level) {
		return
	}
	record := slog.NewRecord(start.Add(took), level, "request", 0)
	record.AddAttrs(
		slog.String("method", r.Method), slog.String("route", route(r)), slog.Int("status", status),
		slog.Int64("us", took.Microseconds()))
	if r.Header.Get(requestIDHeader) != "" || status >= http.StatusInternalServerError {
		record.AddAttrs(slog.String("id", RequestID(r)))
	}
	_ = handler.Handle(r.Context(), record) // a log that can't be written has nobody to tell
}
