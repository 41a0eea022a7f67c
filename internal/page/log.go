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

// attrs holds the id only where another line may speak of it: making one for each cached page costs as much as the page.
func attrs(r *http.Request, status int, took time.Duration) []slog.Attr {
	all := append(make([]slog.Attr, 0, 5),
		slog.String("method", r.Method), slog.String("route", route(r)), slog.Int("status", status),
		slog.Int64("us", took.Microseconds()))
	if r.Header.Get(requestIDHeader) != "" || status >= http.StatusInternalServerError {
		all = append(all, slog.String("id", RequestID(r)))
	}
	return all
}
