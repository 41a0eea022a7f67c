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
	for _, rows := range []struct{ name, help, sql string }{
		{
			"site_mail_queued", "Mails that are due, or were put off, and not yet sent; -1 while the database does not answer.",
			`SELECT count(*) FROM message WHERE state = 'queued' AND (next_at <= now() OR attempts > 0)`,
		},
		{
			"site_mail_late_seconds", "How long the oldest of these has waited since it was written; -1 while the database does not answer.",
			`SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)
			FROM message WHERE state = 'queued' AND (next_at <= now() OR attempts > 0)`,
		},
		{
			"site_mail_failed", "Mails that are not tried again; -1 while the database does not answer.",
			`SELECT count(*) FROM message WHERE state = 'failed'`,
		},
		{
			"site_submissions_unindexed", "Submissions that no search finds yet; -1 while the database does not answer.",
			`SELECT count(*) FROM submission WHERE indexed_at IS NULL`,
		},
	} {
		gauge(rows.name, rows.help, func() float64 { return a.count(rows.sql) })
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

// seen counts requests by method and status. The usual ones are at hand, since looking one up costs more than counting.
type seen struct {
	requests *prometheus.CounterVec
	usual    map[answer]prometheus.Counter
	seconds  prometheus.Histogram
}

type answer struct {
	method string
	status int
}

func newSeen() seen {
	s := seen{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "site_requests_total", Help: "Requests by method and status.",
		}, []string{"method", "status"}),
		usual: map[answer]prometheus.Counter{},
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "site_request_seconds", Help: "How long answers took.", Buckets: []float64{.0005, .002, .01, .05, .25, 1, 5},
		}),
	}
	for _, a := range []answer{
		{http.MethodGet, http.StatusOK},
		{http.MethodGet, http.StatusNotModified},
		{http.MethodGet, http.StatusNotFound},
		{http.MethodPost, http.StatusSeeOther},
		{http.MethodPost, http.StatusUnprocessableEntity},
	} {
		s.usual[a] = s.requests.WithLabelValues(a.method, strconv.Itoa(a.status))
	}
	return s
}

// count is told of each request.
func (s seen) count(method string, status int, took time.Duration) {
	s.seconds.Observe(took.Seconds())
	if c, ok := s.usual[answer{method, status}]; ok {
		c.Inc()
		return
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		method = "other" // anybody may invent one
	}
	s.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
}
