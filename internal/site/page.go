package site

import (
	"net/http"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
)

const homeNews = 3

type homePage struct {
	page.Base
	Page       content.Page
	Families   []content.Page // the product families
	Industries []content.Page
	News       []content.Document // the newest items; none while the database is away
}

// listPage shows a page and the pages below it.
type listPage struct {
	page.Base
	Page  content.Page
	Items []Item
}

// Item is a page in a list with those that belong to it.
type Item struct {
	content.Page
	Modules []content.Page
}

type contentPage struct {
	page.Base
	Page    content.Page
	Modules []content.Page // of a product family
}

func (s *public) showHome(w http.ResponseWriter, r *http.Request) error {
	data := homePage{
		Base: s.home.Base(), Page: s.home,
		Families: s.cfg.Content.Under("/products"), Industries: s.cfg.Content.Under("/industries"),
	}
	data.LD = []any{s.cfg.Set.Organization()}
	news, err := s.cfg.Index.Latest(r.Context(), kindNews, homeNews)
	if err != nil { // the first page stands without the database too; it only has no news then, and is drawn anew for the next
		s.cfg.Log.WarnContext(r.Context(), "home page without news", "id", page.RequestID(r), "err", err)
		w.Header().Set("Cache-Control", "no-store")
	}
	data.News = news
	return s.homeView.Write(w, r, http.StatusOK, data)
}

func (s *public) showProducts(w http.ResponseWriter, r *http.Request) error {
	data := listPage{Base: s.products.Base(), Page: s.products}
	for _, family := range s.cfg.Content.Under("/products") {
		data.Items = append(data.Items, Item{family, s.cfg.Content.Modules(family.Path)})
	}
	return s.productsView.Write(w, r, http.StatusOK, data)
}

func (s *public) showIndustries(w http.ResponseWriter, r *http.Request) error {
	data := listPage{Base: s.industries.Base(), Page: s.industries}
	for _, industry := range s.cfg.Content.Under("/industries") {
		data.Items = append(data.Items, Item{Page: industry})
	}
	return s.industriesView.Write(w, r, http.StatusOK, data)
}

func (s *public) showPage(w http.ResponseWriter, r *http.Request) error {
	p, ok := s.cfg.Content.Page(r.URL.Path)
	if !ok {
		return page.ErrNotFound
	}
	data := contentPage{Base: p.Base(), Page: p, Modules: s.cfg.Content.Modules(p.Path)}
	return s.pageView.Write(w, r, http.StatusOK, data)
}

// families are suggested where nothing was found.
func (s *public) families() []content.Related {
	var all []content.Related
	for _, p := range s.cfg.Content.Under("/products") {
		all = append(all, content.Related{Title: p.Title, Path: p.Path, Summary: p.Summary})
	}
	return all
}
