// Package download gives away documents and software (P-2): a library that shows version, size, checksum and licence
// before anything is asked, a short form, and a link by mail that is one person's own.
//
// It promises that
//   - a file leaves only by a link that was mailed to the address given, or from the portal of somebody whose access has not ended;
//   - such a link is good for seven days and five downloads, opens a page with one button, and a newer link ends it;
//   - each download is counted with its time, and what was accepted is on record: licence, version, wording;
//   - the text of a licence version never changes;
//   - only a file that was found clean is offered; until a new version is, the one before it stays.
package download

import (
	"context"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// Kind is the activity's kind.
const Kind = "download"

// Config is what the room needs.
type Config struct {
	Desk    *activity.Desk
	Content *content.Content
	Publish *publish.Desk
	// Entitled tells whether a person may fetch files of a product family in the portal now: of one named by the last part
	// of its address, or of no single one where it is empty. It is asked at every step. Where it is nil, nobody may.
	Entitled func(ctx context.Context, person uuid.UUID, family string) (bool, error)
}

// Room holds the downloads.
type Room struct {
	Config
	say      page.Say
	intro    content.Page
	families []content.Page
	views    struct {
		list    page.View[listPage]
		show    page.View[showPage]
		request page.View[requestPage]
		get     page.View[getPage]
	}
}

type listPage struct {
	page.Base
	Page      content.Page
	Kinds     []choice
	Families  []choice
	Downloads []Download
	Filtered  bool
}

// choice is a filter as a link.
type choice struct {
	Label, Path string
	Current     bool
}

type showPage struct {
	page.Base
	Download Download
}

type requestPage struct {
	page.Base
	Download Download
	Form     form.View
}

// New returns the room.
func New(c Config) *Room {
	r := &Room{
		Config: c, say: c.Desk.Pages.Words("download"), intro: c.Content.Must("/downloads"), families: c.Content.Under("/products"),
	}
	r.views.list = page.Load[listPage](c.Desk.Pages, "download/list")
	r.views.show = page.Load[showPage](c.Desk.Pages, "download/show")
	r.views.request = page.Load[requestPage](c.Desk.Pages, "download/request")
	r.views.get = page.Load[getPage](c.Desk.Pages, "download/get")
	return r
}

// Activity returns the room as one of the site's activities.
func (r *Room) Activity() activity.Activity {
	return activity.Activity{
		Kind: Kind, Title: "Download", What: "request for a download", Path: "/downloads",
		Statuses: statuses(r.say), Form: r.form, Subjects: r.Subjects, Fill: r.fill,
		Public: r.public, Staff: r.Publish.Staff(r.editing()), Panel: r.panel, Receipt: r.receipt,
		Messages: r.messages, Restored: r.restored, Work: r.work(),
		Holder: activity.Holder{Export: r.export, Erase: r.erase},
	}
}

func (r *Room) public(router chi.Router) {
	set := r.Desk.Pages
	door := activity.Door{Form: r.doorForm, Page: r.drawRequest}
	router.Get("/downloads", set.Cached(r.showList))
	router.Get("/downloads/{slug}", set.Cached(r.showDownload))
	r.Desk.Mount(router, "/downloads/{slug}/request", door)
	router.Get("/downloads/get/{token}", set.Handle(r.showGet))
	router.Post("/downloads/get/{token}", set.Handle(r.takeGet))
	router.Get("/downloads/get/{token}/file/{pass}", set.Handle(r.serve))
	router.Post("/r/{token}/new-link", set.Handle(r.Desk.OnReceipt(r.renew)))
}

func (r *Room) doorForm(req *http.Request) (form.Form, error) {
	d, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return form.Form{}, err
	}
	return request(d), nil
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	all, err := r.published(req.Context(), public)
	if err != nil {
		return err
	}
	kind, family := req.URL.Query().Get("kind"), req.URL.Query().Get("family")
	data := listPage{Base: r.intro.Base(), Page: r.intro, Filtered: kind+family != ""}
	data.Kinds = []choice{{"Every format", listPath("", family), kind == ""}}
	for _, t := range []file.Type{file.PDF, file.ZIP} {
		data.Kinds = append(data.Kinds, choice{t.Label(), listPath(string(t), family), kind == string(t)})
	}
	data.Families = []choice{{"Every subject", listPath(kind, ""), family == ""}}
	for _, p := range r.families {
		if slices.ContainsFunc(all, func(d Download) bool { return d.Family == p.Path }) {
			slug := slugOf(p.Path)
			data.Families = append(data.Families, choice{p.Nav, listPath(kind, slug), family == slug})
		}
	}
	for _, d := range all {
		if (kind == "" || kind == d.File.Type) && (family == "" || family == slugOf(d.Family)) {
			data.Downloads = append(data.Downloads, d)
		}
	}
	return r.views.list.Write(w, req, http.StatusOK, data)
}

func (r *Room) showDownload(w http.ResponseWriter, req *http.Request) error {
	d, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	return r.views.show.Write(w, req, http.StatusOK, showPage{Base: r.base(d), Download: d})
}

func (r *Room) drawRequest(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	d, err := r.byID(req.Context(), r.Desk.Pool, f.Subject)
	if err != nil {
		return err
	}
	data := requestPage{Base: r.base(d), Download: d, Form: v}
	data.Title = f.Title + ": " + d.Title
	data.Description = r.say("request", "title", d.Title)
	data.Path = d.Path() + "/request"
	data.Crumbs = append(data.Crumbs[:len(data.Crumbs)-1:len(data.Crumbs)-1],
		page.Crumb{Label: d.Title, Path: d.Path()}, page.Crumb{Label: "Request"})
	return r.views.request.Write(w, req, status, data)
}

func (r *Room) base(d Download) page.Base {
	return page.Base{
		Title: d.Title, Description: d.Summary, Path: d.Path(), Section: "downloads",
		Crumbs: []page.Crumb{
			{Label: "Home", Path: "/"}, {Label: r.intro.Nav, Path: "/downloads"}, {Label: d.Title},
		},
	}
}
