package news

import (
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
)

const section = "news"

type listPage struct {
	page.Base
	Page  content.Page
	First *dated // the newest, on the first page
	Years []year
	Pager struct{ Newer, Older string }
}

type year struct {
	Year  int
	Items []dated
}

// dated is an item with the day on which it became public in Chicago.
type dated struct {
	item
	Day time.Time
}

type itemPage struct {
	page.Base
	Item         item
	Body         template.HTML
	Corrected    *time.Time
	Older, Newer *item
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	after := req.URL.Query().Get("after")
	items, more, err := r.page(req.Context(), after)
	if err != nil {
		return err
	}
	data := listPage{Base: r.intro.Base(), Page: r.intro}
	if more {
		data.Pager.Older = "/news?after=" + url.QueryEscape(items[len(items)-1].Slug)
	}
	if after != "" {
		data.Pager.Newer = "/news"
		data.NoIndex = true
	} else if len(items) > 0 {
		data.First, items = &dated{items[0], items[0].At().In(clock.Zone())}, items[1:]
	}
	for _, it := range items {
		d := dated{it, it.At().In(clock.Zone())}
		if n := len(data.Years); n == 0 || data.Years[n-1].Year != d.Day.Year() {
			data.Years = append(data.Years, year{Year: d.Day.Year()})
		}
		last := &data.Years[len(data.Years)-1]
		last.Items = append(last.Items, d)
	}
	return r.views.list.Write(w, req, http.StatusOK, data)
}

func (r *Room) showItem(w http.ResponseWriter, req *http.Request) error {
	it, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	return r.drawItem(w, req, it)
}

// drawItem draws the page of an item, public or not.
func (r *Room) drawItem(w http.ResponseWriter, req *http.Request, it item) error {
	older, newer, err := r.neighbours(req.Context(), it)
	if err != nil {
		return err
	}
	data := itemPage{
		Base: page.Base{
			Title: it.Title, Description: it.Summary, Path: it.Path(), Section: section,
			Crumbs: []page.Crumb{{Label: "Home", Path: "/"}, {Label: r.intro.Nav, Path: r.intro.Path}, {Label: it.Title}},
		},
		Item: it, Body: page.Markdown(it.Body), Older: older, Newer: newer,
	}
	if changed := it.changed(); changed.After(it.At()) {
		data.Corrected = &changed
	}
	data.LD = []any{r.article(it)}
	return r.views.item.Write(w, req, http.StatusOK, data)
}

// article describes the item to search engines.
func (r *Room) article(it item) page.LDArticle {
	set := r.desk.Pages
	return page.LDArticle{
		Headline: it.Title, Description: it.Summary, URL: set.URL(it.Path()), Published: it.At(), Modified: it.changed(),
		Image:     set.PictureURL(it.Path()),
		Publisher: set.Organization(),
	}
}

// feedSize is how many items the feed holds.
const feedSize = 30

func (r *Room) showFeed(w http.ResponseWriter, req *http.Request) error {
	items, err := r.list(req.Context(), `ORDER BY publish_at DESC, id DESC LIMIT $2`, feedSize)
	if err != nil {
		return err
	}
	return r.feed(items).Write(w)
}
