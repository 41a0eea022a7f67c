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

func attrs(r *http.Request, status int, took time.Duration) []slog.Attr {
	return []slog.Attr{
		slog.String("method", r.Method), slog.String("route", route(r)), slog.Int("status", status),
		slog.Int64("us", took.Microseconds()), slog.String("id", RequestID(r)),
	}
}
