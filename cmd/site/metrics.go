package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics returns what operators watch. Nothing in it tells of a person: no address, no path that a visitor chose.
func (a *app) metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		a.seen.requests, a.seen.seconds)
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("site_pool_connections_in_use", "Database connections in use.", func() float64 {
		return float64(a.pool.Stat().AcquiredConns())
	})
	gauge("site_pool_waits_total", "How often a request waited for a connection.", func() float64 {
		return float64(a.pool.Stat().EmptyAcquireCount())
	})
	for name, sql := range map[string]string{
		"site_mail_queued":           `SELECT count(*) FROM message WHERE state = 'queued' AND next_at <= now()`,
		"site_mail_failed":           `SELECT count(*) FROM message WHERE state = 'failed'`,
		"site_submissions_unindexed": `SELECT count(*) FROM submission WHERE indexed_at IS NULL`,
	} {
		gauge(name, "Rows that "+sql, func() float64 { return a.count(sql) })
	}
	return r
}

// count asks the database; -1 stands for no answer.
func (a *app) count(sql string) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var n float64
	if err := a.pool.QueryRow(ctx, sql).Scan(&n); err != nil {
		return -1
	}
	return n
}

// seen counts requests by status.
type seen struct {
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newSeen() seen {
	return seen{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "site_requests_total", Help: "Requests by method and status.",
		}, []string{"method", "status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "site_request_seconds", Help: "How long answers took.", Buckets: []float64{.0005, .002, .01, .05, .25, 1, 5},
		}),
	}
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe counts around the request log.
func (a *app) observe(log func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		inner := log(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			sw := &statusWriter{w, http.StatusOK}
			inner.ServeHTTP(sw, r)
			a.seen.requests.WithLabelValues(method(r.Method), strconv.Itoa(sw.status)).Inc()
			a.seen.seconds.Observe(time.Since(start).Seconds())
		})
	}
}

// method bounds the label to methods there are.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return m
	}
	return "other"
}
