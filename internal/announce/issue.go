package announce

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

const (
	newsletterPath = "/newsletter"
	issuesPath     = "/newsletter/issues"
	feedPath       = "/newsletter.atom"
	feedSize       = 20
	section        = "newsletter"
)

// public is the rule by which an issue is: what was stopped was a mistake, and goes.
const public = `n.slug IS NOT NULL AND n.state IN ('sending', 'paused', 'sent')`

type issuesPage struct {
	page.Base
	Years []year
}

type year struct {
	Year   int
	Issues []dated
}

// dated is an issue with the day on which it was sent, in Chicago.
type dated struct {
	announcement
	Day  time.Time
	Lead string
}

type issuePage struct {
	page.Base
	Issue dated
	Body  template.HTML
}

// issues returns the public issues, newest first.
func (r *Room) issues(ctx context.Context, limit int) ([]announcement, error) {
	list, err := postgres.Rows[announcement](ctx, r.desk.Pool,
		`SELECT `+columns+from+`WHERE `+public+` ORDER BY n.started_at DESC, n.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list issues: %w", err)
	}
	return list, nil
}

func dateOf(a announcement) dated {
	return dated{announcement: a, Day: a.StartedAt.In(clock.Zone()), Lead: a.lead()}
}

func (r *Room) showIssues(w http.ResponseWriter, req *http.Request) error {
	list, err := r.issues(req.Context(), 1000)
	if err != nil {
		return err
	}
	data := issuesPage{Base: page.Base{
		Title: "Issues of the newsletter", Description: r.say("issues"),
		Path: issuesPath, Section: section, Crumbs: r.crumbs(page.Crumb{Label: "Issues"}),
	}}
	for _, a := range list {
		d := dateOf(a)
		if n := len(data.Years); n == 0 || data.Years[n-1].Year != d.Day.Year() {
			data.Years = append(data.Years, year{Year: d.Day.Year()})
		}
		last := &data.Years[len(data.Years)-1]
		last.Issues = append(last.Issues, d)
	}
	return r.views.issues.Write(w, req, http.StatusOK, data)
}

func (r *Room) crumbs(more ...page.Crumb) []page.Crumb {
	return append([]page.Crumb{{Label: "Home", Path: "/"}, {Label: r.parent.Nav, Path: newsletterPath}}, more...)
}

func (r *Room) showIssue(w http.ResponseWriter, req *http.Request) error {
	list, err := postgres.Rows[announcement](req.Context(), r.desk.Pool,
		`SELECT `+columns+from+`WHERE `+public+` AND n.slug = $1`, chi.URLParam(req, "slug"))
	if err != nil {
		return fmt.Errorf("read issue: %w", err)
	}
	if len(list) == 0 {
		return r.noIssue(req)
	}
	d := dateOf(list[0])
	data := issuePage{
		Base: page.Base{
			Title: d.Subject, Description: d.Lead, Path: d.IssuePath(), Section: section,
			Crumbs: r.crumbs(page.Crumb{Label: "Issues", Path: issuesPath}, page.Crumb{Label: d.Subject}),
		},
		Issue: d, Body: page.Markdown(d.Body),
	}
	set := r.desk.Pages
	data.LD = []any{page.LDArticle{
		Headline: d.Subject, Description: d.Lead, URL: set.URL(d.IssuePath()), Published: *d.StartedAt, Modified: *d.StartedAt,
		Image: set.PictureURL(d.IssuePath()), Publisher: set.Organization(),
	}}
	return r.views.issue.Write(w, req, http.StatusOK, data)
}

// noIssue tells readers of a mail that its issue was taken back, and others that there is none.
func (r *Room) noIssue(req *http.Request) error {
	var stoppedOne bool
	err := r.desk.Pool.QueryRow(req.Context(), `SELECT EXISTS (SELECT FROM announcement WHERE slug = $1 AND state = $2)`,
		chi.URLParam(req, "slug"), stopped).Scan(&stoppedOne)
	switch {
	case err != nil:
		return fmt.Errorf("look for an issue that was stopped: %w", err)
	case stoppedOne:
		return &page.Error{Status: http.StatusGone, Message: r.say("issue_stopped")}
	}
	return page.ErrNotFound
}

var notInSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slugOf makes the address of an issue from month and subject, nil for what is no issue.
func (r *Room) slugOf(ctx context.Context, a announcement) (*string, error) {
	if a.Purpose != "newsletter" || !a.ByMail() {
		return nil, nil //nolint:nilnil // no address is an answer
	}
	words := notInSlug.ReplaceAllString(strings.ToLower(a.Subject), "-")
	if len(words) > 60 {
		words = words[:60]
	}
	slug := a.SendAt.In(clock.Zone()).Format("2006-01") + strings.TrimRight("-"+strings.Trim(words, "-"), "-")
	var taken bool
	err := r.desk.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM announcement WHERE slug = $1 AND id <> $2)`, slug, a.ID).Scan(&taken)
	if err != nil {
		return nil, fmt.Errorf("find an address for an issue: %w", err)
	}
	if taken {
		slug += "-" + a.ID.String()[24:]
	}
	return &slug, nil
}

// feedID names the feed for ever, wherever it is served (RFC 4287, 4.2.6).
const feedID = "urn:uuid:0b6f0c0e-7f0c-4d7a-8f57-2c8e9b0f6a31"

func (r *Room) showFeed(w http.ResponseWriter, req *http.Request) error {
	list, err := r.issues(req.Context(), feedSize)
	if err != nil {
		return err
	}
	set := r.desk.Pages
	f := page.AtomFeed{
		Lang: "en", Base: set.URL("/"), ID: feedID, Title: "Newsletter of " + set.Site().Name, Author: page.AtomPerson{Name: set.Site().LegalName},
		Updated: page.AtomInstant(time.Unix(0, 0)), // of a feed without issues: an instant that never changes
		Links: []page.AtomLink{
			{Rel: "self", Type: "application/atom+xml", Href: set.URL(feedPath)},
			{Rel: "alternate", Type: "text/html", Href: set.URL(issuesPath)},
		},
	}
	for i, a := range list {
		at := page.AtomInstant(*a.StartedAt)
		if i == 0 {
			f.Updated = at
		}
		f.Entries = append(f.Entries, page.AtomEntry{
			ID: a.ID.URN(), Title: a.Subject, Published: at, Updated: at,
			Link:    page.AtomLink{Rel: "alternate", Type: "text/html", Href: set.URL(a.IssuePath())},
			Content: page.AtomText{Type: "html", HTML: string(page.Markdown(a.Body))},
		})
	}
	return f.Write(w)
}
