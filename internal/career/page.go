package career

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

const section = "careers"

type listPage struct {
	page.Base
	Page   content.Page
	Open   []opening // those that close first stand first
	Closed []opening // lately
}

type openingPage struct {
	page.Base
	Opening opening
	Body    template.HTML
	Facts   []content.Fact
	Closed  bool
	Closes  string
	Others  []content.Related
	Steps   []content.Step
}

type applyPage struct {
	page.Base
	Form   form.View
	Closed string // title of the opening that closed while the sender was writing
	Steps  []content.Step
}

// lately is how long a closed opening is listed still.
const lately = 60 * 24 * time.Hour

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	all, err := r.published(req.Context())
	if err != nil {
		return err
	}
	data := listPage{Base: r.intro.Base(), Page: r.intro}
	for _, o := range all {
		if r.closed(o) {
			if r.desk.Now().Sub(o.ends()) < lately {
				data.Closed = append(data.Closed, o)
			}
			continue
		}
		data.Open = append(data.Open, o)
	}
	return r.views.list.Write(w, req, http.StatusOK, data)
}

func (r *Room) showOpening(w http.ResponseWriter, req *http.Request) error {
	o, err := r.shown(req)
	if err != nil {
		return err
	}
	return r.drawOpening(w, req, o)
}

// shown is the opening that an address names; none that the public may not see.
func (r *Room) shown(req *http.Request) (opening, error) {
	o, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return opening{}, err
	}
	if !publish.Public(o.State, o.PublishAt, r.desk.Now()) {
		return opening{}, page.ErrNotFound
	}
	return o, nil
}

// drawOpening draws the page of an opening, public or not.
func (r *Room) drawOpening(w http.ResponseWriter, req *http.Request, o opening) error {
	all, err := r.published(req.Context())
	if err != nil {
		return err
	}
	data := openingPage{
		Base: page.Base{
			Title: o.Title, Description: o.Summary, Path: o.Path(), Section: section,
			Crumbs: []page.Crumb{{Label: "Home", Path: "/"}, {Label: r.intro.Nav, Path: r.intro.Path}, {Label: o.Title}},
		},
		Opening: o, Body: page.Markdown(o.Body), Closed: r.closed(o), Closes: o.closesWords(), Facts: r.facts(o), Steps: r.intro.Steps,
	}
	if !data.Closed {
		data.LD = []any{r.posting(o)}
	}
	for _, other := range all {
		if other.ID != o.ID && !r.closed(other) && (other.Team == o.Team || data.Closed) && len(data.Others) < 4 {
			data.Others = append(data.Others, content.Related{Title: other.Title, Path: other.Path(), Summary: other.Summary})
		}
	}
	return r.views.opening.Write(w, req, http.StatusOK, data)
}

func (r *Room) facts(o opening) []content.Fact {
	visa := "We can’t sponsor one"
	if o.Visa {
		visa = "We can sponsor one"
	}
	list := []content.Fact{
		{Term: "Where", Text: o.Place},
		{Term: "Salary", Text: o.Salary},
		{Term: "Visa", Text: visa},
		{Term: "Apply until", Text: o.untilWords()},
	}
	if o.PublishAt != nil {
		list = append(list, content.Fact{Term: "Posted", Text: clock.Date(*o.PublishAt)})
	}
	return list
}

// posting describes the opening to search engines.
func (r *Room) posting(o opening) page.LDJobPosting {
	set := r.desk.Pages
	p := page.LDJobPosting{
		Title: o.Title, URL: set.URL(o.Path()), Description: string(page.Markdown(o.Body)), Employment: o.Employment,
		Remote: o.Remote, Countries: countriesIn(o.Place),
		Organization: set.Organization(),
	}
	p.SalaryMin, p.SalaryMax = o.salaryRange()
	if o.PublishAt != nil {
		p.Posted = o.PublishAt.In(clock.Zone())
	}
	if o.ClosesOn != nil {
		p.ValidThrough = o.ends().Add(-time.Second)
	}
	if city, _, _ := strings.Cut(o.Place, ", or remote"); !strings.HasPrefix(city, "Remote") {
		p.Place = addressIn(set.Site().Offices, city)
	}
	return p
}

// countriesIn lists the countries that the words about a place name; ours where they name none.
func countriesIn(place string) []string {
	var list []string
	for _, c := range form.Countries() {
		if strings.Contains(place, c.Label) {
			list = append(list, c.Label)
		}
	}
	if len(list) == 0 {
		return []string{"United States"}
	}
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { // Guinea of Equatorial Guinea
		return slices.ContainsFunc(list, func(longer string) bool { return longer != one && strings.Contains(longer, one) })
	})
}

// addressIn is the address of our office in a city; elsewhere what the words tell of it.
func addressIn(offices []page.Office, city string) page.Address {
	place := page.ParseAddress([]string{city, "United States"})
	for _, o := range offices {
		if a := page.ParseAddress(o.Address); a.Locality == place.Locality {
			return a
		}
	}
	return place
}

func (r *Room) drawApply(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	data := applyPage{
		Base: page.Base{
			Title: f.Title, Section: section, Path: req.URL.Path,
			Description: r.say("apply"),
			Crumbs:      []page.Crumb{{Label: "Home", Path: "/"}, {Label: r.intro.Nav, Path: r.intro.Path}},
		},
		Form: v, Steps: r.intro.Steps[min(1, len(r.intro.Steps)):], // the first is to send it
	}
	slug := chi.URLParam(req, "slug")
	switch {
	case slug == "":
		data.Crumbs = append(data.Crumbs, page.Crumb{Label: "Without an opening"})
	case f.Subject != uuid.Nil:
		data.Description = r.say("apply_for", "opening", f.Name)
		data.Crumbs = append(data.Crumbs, page.Crumb{Label: f.Name, Path: "/careers/" + slug}, page.Crumb{Label: "Apply"})
	default:
		o, err := r.bySlug(req.Context(), slug)
		if err != nil {
			return err
		}
		data.Closed, data.NoIndex = o.Title, true
	}
	return r.views.apply.Write(w, req, status, data)
}
