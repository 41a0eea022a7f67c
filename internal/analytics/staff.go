package analytics

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/page"
)

// Kind is what staff have the right to see.
const Kind = "visits"

// Staff mounts the page of visits and its export, below /staff.
func (r *Room) Staff(router chi.Router) {
	router.Get("/visits", r.Pages.Handle(account.Only(account.See, Kind, r.showVisits)))
	router.Post("/visits/export", r.Pages.Handle(account.Only(account.See, Kind, r.submitExport)))
}

// visitsPage shows what may be seen of a month.
type visitsPage struct {
	page.Base
	Months  []choice
	Who     []choice
	Month   string // "2026-10"; empty before the first month is over
	Label   string
	Bots    bool
	Parts   []part
	Running string // the month that is being counted
	Opens   time.Time
	Problem string
}

type choice struct {
	Value, Label string
	Selected     bool
}

// part is one dimension, ready to be drawn.
type part struct {
	ID, Title, Intro string
	Column           string // heading of what is counted
	Rest             string // names what is withheld
	Rows             []row
	More             []row // beyond the first ones
}

type row struct {
	Value string
	Label string
	Path  string // of a page of ours
	N     int64
	Width string // of the largest, in percent
	Top   bool
}

// shownRows is how many rows stand open.
const shownRows = 15

// dimension is a kind in the words of the page and of the export.
type dimension struct {
	kind                      kind
	name, title, column, rest string
}

func dimensions() []dimension {
	return []dimension{
		{kind: byPage, name: "page", title: "What was read", column: "Page", rest: "Every other page"},
		{kind: byReferrer, name: "referring site", title: "Where they came from", column: "Site", rest: "Every other site"},
		{kind: byCampaign, name: "campaign", title: "Campaigns", column: "Campaign", rest: "Every other campaign"},
		{kind: byFirstWeek, name: "week of first visit", title: "Who came back", column: "First visit", rest: "Every other week"},
		{kind: byFirstCampaign, name: "campaign of first visit", title: "What brought those who came back", column: "Campaign", rest: "Every other campaign"},
	}
}

func (r *Room) showVisits(w http.ResponseWriter, req *http.Request) error {
	ctx, query := req.Context(), req.URL.Query()
	list, err := r.months(ctx)
	if err != nil {
		return err
	}
	now := monthOf(r.Now().In(clock.Zone()))
	data := visitsPage{
		Base: page.Base{Title: "Visits", NoIndex: true}, Bots: query.Get("who") == "programs",
		Running: now.Label(), Opens: now.opens(),
	}
	if len(list) == 0 {
		return r.visits.Write(w, req, http.StatusOK, data)
	}
	m, status := list[0], http.StatusOK
	if typed := query.Get("month"); typed != "" {
		if asked, err := parseMonth(typed); err == nil && slices.Contains(list, asked) {
			m = asked
		} else {
			data.Problem, status = r.say("no_month"), http.StatusUnprocessableEntity
		}
	}
	figures, err := r.figures(ctx, m)
	if err != nil {
		return err
	}
	data.Month, data.Label, data.Parts = m.String(), m.Label(), r.parts(figures, data.Bots)
	for _, x := range list {
		data.Months = append(data.Months, choice{x.String(), x.Label(), x == m})
	}
	data.Who = []choice{{"people", "People", !data.Bots}, {"programs", "Programs", data.Bots}}
	return r.visits.Write(w, req, status, data)
}

func (r *Room) parts(figures []figure, bots bool) []part {
	var list []part
	for _, d := range dimensions() {
		p := part{ID: string(d.kind), Title: d.title, Intro: r.say("intro_" + string(d.kind)), Column: d.column, Rest: d.rest}
		for _, f := range figures {
			if f.Kind == d.kind && f.Bot == bots {
				p.Rows = append(p.Rows, row{Value: f.Value, Label: label(f), Path: pathOf(f), N: f.N})
			}
		}
		for i := range p.Rows { // they come largest first
			p.Rows[i].Width = strconv.FormatFloat(float64(p.Rows[i].N)*100/float64(p.Rows[0].N), 'f', 1, 64)
			p.Rows[i].Top = i == 0 && len(p.Rows) > 1 && p.Rows[1].N < p.Rows[0].N // where one row alone is highest
		}
		if d.kind == byFirstWeek {
			slices.SortFunc(p.Rows, func(a, b row) int { return cmp.Compare(b.Value, a.Value) }) // newest first
		}
		if len(p.Rows) > shownRows {
			p.Rows, p.More = p.Rows[:shownRows], p.Rows[shownRows:]
		}
		list = append(list, p)
	}
	return list
}

func pathOf(f figure) string {
	if f.Kind == byPage && strings.HasPrefix(f.Value, "/") {
		return f.Value
	}
	return ""
}

func label(f figure) string {
	switch {
	case f.Value == other:
		return "Names beyond the limit of a day"
	case f.Value == direct && f.Kind == byReferrer:
		return "Direct, or from a page of ours"
	case f.Kind == byFirstWeek:
		return weekLabel(f.Value)
	}
	return f.Value
}

// weekLabel turns 2026-W48 into words.
func weekLabel(week string) string {
	year, n, ok := strings.Cut(week, "-W")
	if !ok {
		return week
	}
	return "Week " + strings.TrimPrefix(n, "0") + " of " + year
}

// submitExport sends what may be seen of a month as CSV (RFC 4180), to be given to whomever (P-12). Who took it is logged
// first.
func (r *Room) submitExport(w http.ResponseWriter, req *http.Request) error {
	if err := page.ReadForm(req, page.MostForm); err != nil {
		return err
	}
	m, err := parseMonth(req.PostForm.Get("month"))
	if err != nil || r.newest().earlier(m) {
		return &page.Error{Status: http.StatusUnprocessableEntity, Message: r.say("month_not_over")}
	}
	sheet, rows, err := r.export(req.Context(), m)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(sheet))
	in := account.From(req.Context())
	if err := audit.Record(req.Context(), r.Pool, audit.Event{
		At: r.Now(), ActorID: uuid.NullUUID{UUID: in.Account.ID, Valid: true}, Role: string(in.Under(account.See, Kind)),
		Action: "export", Object: Kind,
		Detail: map[string]string{"month": m.String(), "count": strconv.Itoa(rows), "sha256": hex.EncodeToString(sum[:])},
	}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="visits-`+m.String()+`.csv"`)
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(sheet)) // the reader may be gone: the log says that it was asked for
	return nil
}

// export returns the sheet of a month, and how many figures are in it. What is withheld has one line for each dimension,
// whether or not anything is.
func (r *Room) export(ctx context.Context, m month) (sheet string, n int, err error) {
	figures, err := r.figures(ctx, m)
	if err != nil {
		return "", 0, err
	}
	var out strings.Builder
	c := csv.NewWriter(&out)
	c.UseCRLF = true
	lines := [][]string{{"month", "dimension", "value", "who", "views, rounded down to tens"}}
	for _, d := range dimensions() {
		for _, bots := range []bool{false, true} {
			who := "people"
			if bots {
				who = "programs"
			}
			for _, f := range figures {
				if f.Kind == d.kind && f.Bot == bots {
					n++
					lines = append(lines, []string{m.String(), d.name, f.Value, who, strconv.FormatInt(f.N, 10)})
				}
			}
			lines = append(lines, []string{m.String(), d.name, strings.ToLower(d.rest), who, "withheld: fewer than 10"})
		}
	}
	err = c.WriteAll(lines)
	return out.String(), n, err
}
