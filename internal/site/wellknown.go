package site

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
)

// Small files at addresses that others have fixed.

type sitemapFile struct {
	XMLName xml.Name     `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	URLs    []sitemapURL `xml:"url"`
}

type sitemapURL struct {
	Loc     string `xml:"loc"`
	LastMod string `xml:"lastmod,omitempty"`
}

// sitemap lists all that is published, as sitemaps.org says.
func (s *public) sitemap(w http.ResponseWriter, r *http.Request) error {
	rows, err := s.cfg.Index.published(r.Context())
	if err != nil {
		return err
	}
	var file sitemapFile
	add := func(d content.Document) {
		u := sitemapURL{Loc: s.cfg.Set.URL(d.Path)}
		if !d.Updated.IsZero() {
			u.LastMod = d.Updated.UTC().Format(time.DateOnly)
		}
		file.URLs = append(file.URLs, u)
	}
	for _, d := range s.cfg.Content.Documents() {
		if d.Path != s.search.Path { // not for search engines
			add(d)
		}
	}
	for _, d := range rows {
		add(d)
	}
	out, err := xml.MarshalIndent(file, "", " ")
	if err != nil {
		return fmt.Errorf("sitemap: %w", err)
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = io.WriteString(w, xml.Header+string(out)+"\n") // the visitor may be gone
	return nil
}

// closed are addresses that hold one person's matters or none at all (RFC 9309).
var closed = [...]string{
	"/staff", "/connect/", "/r/", "/confirm/", "/preferences/", "/unsubscribe/", "/downloads/get/", "/privacy/requests/", "/search",
}

// open are public pages below such: the longest rule that fits an address counts.
var open = [...]string{"/connect/request"}

func (s *public) robots(w http.ResponseWriter, _ *http.Request) error {
	var out strings.Builder
	out.WriteString("User-agent: *\n")
	for _, path := range open {
		out.WriteString("Allow: " + path + "\n")
	}
	for _, path := range closed {
		out.WriteString("Disallow: " + path + "\n")
	}
	return text(w, out.String()+"\nSitemap: "+s.cfg.Set.URL("/sitemap.xml")+"\n")
}

// securityTxt tells finders of weaknesses whom to write to (RFC 9116). It must expire within a year.
func (s *public) securityTxt(w http.ResponseWriter, _ *http.Request) error {
	contact := s.cfg.Set.Site().Inboxes["security"]
	if contact == "" {
		contact = s.cfg.Set.Site().PrivacyEmail
	}
	expires := s.cfg.Now().UTC().AddDate(0, 6, 0).Truncate(24 * time.Hour)
	return text(w, "Contact: mailto:"+contact+"\n"+
		"Contact: "+s.cfg.Set.URL("/contact")+"\n"+
		"Expires: "+expires.Format(time.RFC3339)+"\n"+
		"Preferred-Languages: en\n"+
		"Canonical: "+s.cfg.Set.URL("/.well-known/security.txt")+"\n"+
		"Policy: "+s.cfg.Set.URL("/terms")+"\n")
}

// gpc says that the site abides by Global Privacy Control (P-13); the date is that of this promise.
func (s *public) gpc(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"gpc":true,"lastUpdate":"2026-11-23"}`+"\n") // the visitor may be gone
	return nil
}

// favicon leads to the drawing of today; its address changes with its content, so the answer is not for ever.
func (s *public) favicon(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	http.Redirect(w, r, s.cfg.Set.Asset("icon-32.png"), http.StatusFound)
	return nil
}

// healthy says that the process answers.
func (s *public) healthy(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return text(w, "ok\n")
}

const readyTime = 2 * time.Second

// ready says whether visitors should be sent to this instance.
func (s *public) ready(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if err := s.cfg.Ready(ctx); err != nil {
		s.cfg.Log.WarnContext(r.Context(), "not ready", "id", page.RequestID(r), "err", err) // why is not for strangers
		w.WriteHeader(http.StatusServiceUnavailable)
		return text(w, "not ready\n")
	}
	return text(w, "ok\n")
}

func text(w http.ResponseWriter, body string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, body) // the visitor may be gone
	return nil
}
