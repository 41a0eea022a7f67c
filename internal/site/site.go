// Package site is the public site: its route table, the written pages, the search, and the small files that browsers,
// crawlers and researchers look for.
//
// It promises that every answer carries the security headers, that no other site can make a visitor's browser send a
// form here, that a body is bounded before anybody reads it, and that an address that leads nowhere, or not by this
// method, is answered by a page. Public pages never show who is signed in.
package site

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
)

// Config is what the public site is made of. What may be nil says so.
type Config struct {
	Set     *page.Set
	Content *content.Content
	Index   *Index
	Now     func() time.Time
	Log     *slog.Logger

	// Rooms mount the public routes of the activities and of the privacy pages, with full addresses ("/webinars/{slug}").
	// A room wraps a page in Set.Cached itself, and only if it is the same for everybody.
	Rooms []func(chi.Router)
	// Ready says why this instance should get no visitors now (/readyz).
	Ready func(context.Context) error
	// MaxBody bounds every request body, in bytes, 256 MiB more where files may be in it; forms have lower bounds, and keep
	// what was typed. 0 means 64 MiB.
	MaxBody int64
}

const usualMaxBody = 64 << 20

// Router is the one table of all that the server answers. It panics where a page that it counts on was not written, or
// PUBLIC_URL is no origin.
func Router(cfg Config) chi.Router {
	s := newPublic(cfg)
	r := chi.NewRouter()
	r.Use(cfg.Set.Log)                 // first: sees every answer, catches every panic
	r.Use(secure(cfg.Set.URL("")))     // error pages are pages too
	r.Use(legible(cfg.Set))            // what can't be text leads nowhere
	r.Use(sameOrigin(cfg.Set, s.say))  // before anything reads a form
	r.Use(bound(cfg.Set, cfg.MaxBody)) // nobody reads without end
	r.Use(middleware.GetHead)          // HEAD is GET without a body (RFC 9110, 9.3.2)
	r.NotFound(s.notFound(r))          // before Mount, which hands it on
	r.MethodNotAllowed(s.notAllowed(r))

	handle, cached := cfg.Set.Handle, cfg.Set.Cached
	r.Get("/", cached(s.showHome))
	r.Get("/products", cached(s.showProducts))
	r.Get("/industries", cached(s.showIndustries))
	r.Get("/search", cached(s.showSearch)) // with a question it has a query, and is not cached

	r.Get("/sitemap.xml", cached(s.sitemap))
	r.Get("/robots.txt", cached(s.robots))
	r.Get("/.well-known/security.txt", cached(s.securityTxt))
	r.Get("/.well-known/gpc.json", cached(s.gpc))
	r.Get("/favicon.ico", handle(s.favicon))
	r.Get("/healthz", handle(s.healthy))
	r.Get("/readyz", handle(s.ready))
	r.Get(page.AssetPrefix+"*", cfg.Set.ServeAsset)

	for _, mount := range cfg.Rooms {
		r.Group(mount)
	}
	// /products/{slug}, /industries/{slug}, /about, /terms, /accessibility: all written pages that nobody has taken yet. Each
	// is a route of its own, since one with a parameter costs two allocations a view.
	for _, p := range cfg.Content.Pages() {
		if !r.Match(chi.NewRouteContext(), http.MethodGet, p.Path) {
			r.Get(p.Path, cached(s.showPage))
		}
	}
	return r
}

// public holds the views and what they draw from.
type public struct {
	cfg                          Config
	say                          page.Say
	home, products               content.Page
	industries, search           content.Page
	homeView                     page.View[homePage]
	productsView, industriesView page.View[listPage]
	pageView                     page.View[contentPage]
	searchView                   page.View[searchPage]
}

func newPublic(cfg Config) *public {
	return &public{
		cfg:            cfg,
		say:            cfg.Set.Words("site"),
		home:           cfg.Content.Must("/"),
		products:       cfg.Content.Must("/products"),
		industries:     cfg.Content.Must("/industries"),
		search:         cfg.Content.Must("/search"),
		homeView:       page.Load[homePage](cfg.Set, "site/home"),
		productsView:   page.Load[listPage](cfg.Set, "site/products"),
		industriesView: page.Load[listPage](cfg.Set, "site/industries"),
		pageView:       page.Load[contentPage](cfg.Set, "site/content"),
		searchView:     page.Load[searchPage](cfg.Set, "site/search"),
	}
}
