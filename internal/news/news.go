// Package news is what the company announces: a list, a page for each item, and a feed of them in full (RFC 4287).
//
// It promises that an item is public exactly while publish.Visible holds, that its place in the list and its identity in
// the feed never change with later corrections, and that a change of its words after it became public is shown with its
// date. Who wrote an item is told by role, never by name.
package news

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

// Kind is the kind of content over which staff have rights.
const Kind = "news"

// Room serves the news and their staff pages.
type Room struct {
	desk  *activity.Desk
	staff *publish.Desk
	intro content.Page
	views struct {
		list page.View[listPage]
		item page.View[itemPage]
	}
}

// New returns the room. It panics where a template is missing.
func New(desk *activity.Desk, staff *publish.Desk, pages *content.Content) *Room {
	r := &Room{desk: desk, staff: staff, intro: pages.Must("/news")}
	r.views.list = page.Load[listPage](desk.Pages, "news/list")
	r.views.item = page.Load[itemPage](desk.Pages, "news/item")
	return r
}

// Public mounts the list, the items and the feed, with full addresses.
func (r *Room) Public(router chi.Router) {
	set := r.desk.Pages
	router.Get("/news", set.Cached(r.showList))
	router.Get("/news/{slug}", set.Cached(r.showItem))
	router.Get("/news.atom", set.Cached(r.showFeed))
}

// Staff mounts the pages on which marketers write news, below /staff.
func (r *Room) Staff(router chi.Router) { r.staff.Staff(r.editing())(router) }

// Documents lists the public items, for search and sitemap. Their date is that of the announcement.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	items, err := r.list(ctx, `ORDER BY publish_at DESC, id DESC LIMIT 2000`)
	if err != nil {
		return nil, err
	}
	docs := make([]content.Document, 0, len(items))
	for _, it := range items {
		docs = append(docs, content.Document{
			Path: it.Path(), Kind: Kind, Title: it.Title, Summary: it.Summary, Body: content.Words(it.Body), Updated: it.At(),
		})
	}
	return docs, nil
}

// item is a row of the table news.
type item struct {
	ID          uuid.UUID  `db:"id"`
	Slug        string     `db:"slug"`
	Title       string     `db:"title"`
	Summary     string     `db:"summary"`
	Body        string     `db:"body"`
	Author      string     `db:"author"`
	CorrectedAt *time.Time `db:"corrected_at"`
	State       string     `db:"state"`
	PublishAt   *time.Time `db:"publish_at"`
}

const columns = `id, slug, title, summary, body, author, corrected_at, state, publish_at`

// Path is the address of the item.
func (it item) Path() string { return "/news/" + it.Slug }

// At is when the item became public; zero for a draft.
func (it item) At() time.Time {
	if it.PublishAt == nil {
		return time.Time{}
	}
	return *it.PublishAt
}

// By is the role that wrote the item.
func (it item) By() string {
	for _, a := range authors() {
		if a.Value == it.Author {
			return a.Label
		}
	}
	return ""
}

// changed is when the words last changed.
func (it item) changed() time.Time {
	if it.CorrectedAt != nil && it.CorrectedAt.After(it.At()) {
		return *it.CorrectedAt
	}
	return it.At()
}

// list returns public items; rest continues the query, its parameters begin at $2.
func (r *Room) list(ctx context.Context, rest string, args ...any) ([]item, error) {
	list, err := postgres.Rows[item](ctx, r.desk.Pool, `SELECT `+columns+` FROM news WHERE `+publish.Visible+` `+rest,
		append([]any{r.desk.Now()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("list news: %w", err)
	}
	return list, nil
}

// byID returns a row whatever its state, or page.ErrNotFound.
func byID(ctx context.Context, db publish.DB, id uuid.UUID) (item, error) {
	it, err := postgres.Row[item](ctx, db, `SELECT `+columns+` FROM news WHERE id = $1`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return item{}, page.ErrNotFound
	}
	if err != nil {
		return item{}, fmt.Errorf("read news: %w", err)
	}
	return it, nil
}

// bySlug returns a public item, or page.ErrNotFound.
func (r *Room) bySlug(ctx context.Context, slug string) (item, error) {
	list, err := r.list(ctx, `AND slug = $2`, slug)
	if err == nil && len(list) == 0 {
		return item{}, page.ErrNotFound
	}
	if err != nil {
		return item{}, err
	}
	return list[0], nil
}

// neighbours returns the items just before and after one in time; nil where there is none.
func (r *Room) neighbours(ctx context.Context, it item) (older, newer *item, err error) {
	if it.PublishAt == nil {
		return nil, nil, nil
	}
	before, err1 := r.list(ctx, `AND (publish_at, id) < ($2, $3) ORDER BY publish_at DESC, id DESC LIMIT 1`, it.PublishAt, it.ID)
	after, err2 := r.list(ctx, `AND (publish_at, id) > ($2, $3) ORDER BY publish_at, id LIMIT 1`, it.PublishAt, it.ID)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	first := func(list []item) *item {
		if len(list) == 0 {
			return nil
		}
		return &list[0]
	}
	return first(before), first(after), nil
}

// pageSize is how many items a page of the list shows.
const pageSize = 20

// page returns the items that follow the one with the slug, or the newest, and whether there are more.
func (r *Room) page(ctx context.Context, after string) (items []item, more bool, err error) {
	where := ""
	args := []any{pageSize + 1}
	if after != "" {
		last, err := r.bySlug(ctx, after)
		if err != nil {
			return nil, false, err
		}
		where = `AND (publish_at, id) < ($3, $4) `
		args = append(args, last.PublishAt, last.ID)
	}
	items, err = r.list(ctx, where+`ORDER BY publish_at DESC, id DESC LIMIT $2`, args...)
	if len(items) > pageSize {
		return slices.Clip(items[:pageSize]), true, err
	}
	return items, false, err
}
