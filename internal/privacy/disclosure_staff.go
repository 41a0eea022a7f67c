package privacy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const disclosuresPath = "/staff/disclosures"

// disclosureRoutes are the register, for privacy officers alone.
func (r *Room) disclosureRoutes(router chi.Router) {
	set := r.desk.Pages
	router.Get("/disclosures", set.Handle(officer(r.listDisclosures)))
	router.Get("/disclosures/new", set.Handle(officer(r.newDisclosure)))
	router.Post("/disclosures/new", set.Handle(officer(r.takeDisclosure)))
	router.Get("/disclosures/{id}", set.Handle(officer(r.showDisclosure)))
	router.Get("/disclosures/{id}/correct", set.Handle(officer(r.mendDisclosure)))
	router.Post("/disclosures/{id}/correct", set.Handle(officer(r.takeCorrection)))
}

type disclosuresPage struct {
	page.Base
	Entries []disclosureRow
	Counts  []halfYear
	Next    time.Time // when the next count is published
}

// disclosureRow is an entry as lists show it.
type disclosureRow struct {
	Disclosure
	Address string
	Given   tag
	Told    tag
	Ground  string
}

// tag is a state by its word and its shape.
type tag struct{ Shape, Label string }

func (r *Room) row(d Disclosure) disclosureRow {
	row := disclosureRow{Disclosure: d, Address: disclosuresPath + "/" + d.Entry.String(), Ground: "Rule of law"}
	if d.Ground == inGoodFaith {
		row.Ground = "Good faith"
	}
	switch d.Outcome {
	case notAnswered:
		row.Given = tag{"new", "To be answered"}
	case gaveAll:
		row.Given = tag{"busy", "All given"}
	case gavePart:
		row.Given = tag{"busy", "Part given"}
	default:
		row.Given = tag{"off", "Nothing given"}
	}
	switch {
	case d.ToldOn != nil:
		row.Told = tag{"good", "Told " + shortDay(*d.ToldOn)}
	case d.Silent(r.today()):
		row.Told = tag{"wait", "Not before " + shortDay(*d.SilentUntil)}
	case d.Untold(r.today()):
		row.Told = tag{"bad", "To be told"}
	default:
		row.Told = tag{"off", "Not told"}
	}
	return row
}

func shortDay(day time.Time) string { return day.Format("2 Jan 2006") }

func (r *Room) listDisclosures(w http.ResponseWriter, req *http.Request) error {
	list, err := Disclosures(req.Context(), r.desk.Pool)
	if err != nil {
		return err
	}
	data := disclosuresPage{Base: page.Base{Title: "Disclosures", NoIndex: true}}
	for _, d := range list {
		data.Entries = append(data.Entries, r.row(d))
	}
	if data.Counts, data.Next, err = r.disclosureCounts(req.Context()); err != nil {
		return err
	}
	return r.views.disclosures.Write(w, req, http.StatusOK, data)
}

type disclosurePage struct {
	page.Base
	disclosureRow
	Concerned []concernedLine
	Entered   time.Time
	EnteredBy string
	Corrector string // of the newest version; empty where it is the first
	Approver  string
	Versions  []disclosureVersion // earlier ones, the newest first
	Exports   []fileLine
}

type concernedLine struct {
	Name, Path string // Path of the record or person; empty where we hold nothing
	Note       string
}

type disclosureVersion struct {
	disclosureRow
	Who string
}

// fileLine is a file that went out under an entry.
type fileLine struct {
	ID    uuid.UUID `db:"id"`
	At    time.Time `db:"at"`
	Count int       `db:"count"`
}

// entryOf returns the versions of the entry that the address names, the newest first.
func (r *Room) entryOf(req *http.Request) ([]Disclosure, error) {
	id, err := uuid.Parse(chi.URLParam(req, "id"))
	if err != nil {
		return nil, page.ErrNotFound
	}
	versions, err := r.disclosureVersions(req.Context(), id)
	if err == nil && len(versions) == 0 {
		return nil, page.ErrNotFound
	}
	return versions, err
}

// showDisclosure logs the reading before it shows anything.
func (r *Room) showDisclosure(w http.ResponseWriter, req *http.Request) error {
	ctx := req.Context()
	versions, err := r.entryOf(req)
	if err != nil {
		return err
	}
	now, first := versions[0], versions[len(versions)-1]
	if err := r.logRead(ctx, now.Entry); err != nil {
		return err
	}
	names, err := r.colleagues(ctx)
	if err != nil {
		return err
	}
	data := disclosurePage{
		Base:          page.Base{Title: now.Name(), NoIndex: true, Crumbs: []page.Crumb{{Label: "Disclosures", Path: disclosuresPath}}},
		disclosureRow: r.row(now), Entered: first.At, EnteredBy: names[first.EnteredBy], Approver: names[now.ApprovedBy.UUID],
	}
	if now.Version > 1 {
		data.Corrector = cmp.Or(names[now.EnteredBy], "a colleague")
	}
	for _, v := range versions[1:] {
		data.Versions = append(data.Versions, disclosureVersion{r.row(v), names[v.EnteredBy]})
	}
	people, err := concernedBy(ctx, r.desk.Pool, now.ID)
	if err != nil {
		return err
	}
	for _, c := range people {
		data.Concerned = append(data.Concerned, lineOf(c))
	}
	data.Exports, err = postgres.Rows[fileLine](ctx, r.desk.Pool, `
		SELECT id, at, count FROM export WHERE demand = $1 ORDER BY at DESC`, now.Entry)
	if err != nil {
		return fmt.Errorf("read exports of a disclosure: %w", err)
	}
	return r.views.disclosure.Write(w, req, http.StatusOK, data)
}

func lineOf(c concerned) concernedLine {
	switch {
	case c.Erased:
		return concernedLine{Name: "An erased person"}
	case c.Submission.Valid && c.Reference != "":
		return concernedLine{Name: c.Reference, Path: submission.RecordPath(c.Submission.UUID), Note: c.Address}
	case c.Person.Valid:
		return concernedLine{Name: c.Address, Path: person.Path(c.Person.UUID)}
	}
	return concernedLine{Name: c.Address, Note: "we held nothing of this address"}
}

func (r *Room) logRead(ctx context.Context, entry uuid.UUID) error {
	in := account.From(ctx)
	return audit.Record(ctx, r.desk.Pool, audit.Event{
		At: r.desk.Now(), ActorID: uuid.NullUUID{UUID: in.Account.ID, Valid: true}, Role: string(in.Under(account.Publish, Kind)),
		Action: "read", Object: "disclosure", ObjectID: uuid.NullUUID{UUID: entry, Valid: true},
	})
}

// colleagues are the names of staff by id.
func (r *Room) colleagues(ctx context.Context) (map[uuid.UUID]string, error) {
	all, err := r.accounts.List(ctx, account.Staff)
	if err != nil {
		return nil, err
	}
	names := make(map[uuid.UUID]string, len(all))
	for _, a := range all {
		names[a.ID] = a.Name
	}
	return names, nil
}

type disclosureEditPage struct {
	page.Base
	Form  form.View
	Entry string // the path of the entry that is corrected; empty for a new one
}

// drafting is one look at the form of an entry.
type drafting struct {
	entry   uuid.UUID
	before  []Disclosure // its versions, the newest first
	version int          // that is being written
	shown   form.Shown
}

func (r *Room) newDisclosure(w http.ResponseWriter, req *http.Request) error {
	return r.drawDraft(w, req, http.StatusOK, drafting{entry: uuid.Must(uuid.NewV7()), version: 1})
}

func (r *Room) mendDisclosure(w http.ResponseWriter, req *http.Request) error {
	versions, err := r.entryOf(req)
	if err != nil {
		return err
	}
	now := versions[0]
	if err := r.logRead(req.Context(), now.Entry); err != nil {
		return err
	}
	people, err := concernedBy(req.Context(), r.desk.Pool, now.ID)
	if err != nil {
		return err
	}
	return r.drawDraft(w, req, http.StatusOK, drafting{
		entry: now.Entry, before: versions, version: now.Version + 1, shown: form.Shown{Values: now.typed(people)},
	})
}

func (r *Room) drawDraft(w http.ResponseWriter, req *http.Request, status int, x drafting) error {
	approvers, err := r.approvers(req.Context(), account.From(req.Context()), x.before)
	if err != nil {
		return err
	}
	x.shown.Action = disclosuresPath + "/new"
	x.shown.Hidden = []form.Hidden{{Name: "entry", Value: x.entry.String()}, {Name: "version", Value: strconv.Itoa(x.version)}}
	f := disclosureForm(approvers, r.today())
	f.Title, f.Button = "Enter a demand", "Enter it for good"
	data := disclosureEditPage{Base: page.Base{NoIndex: true, Crumbs: []page.Crumb{{Label: "Disclosures", Path: disclosuresPath}}}}
	if x.version > 1 {
		data.Entry = disclosuresPath + "/" + x.entry.String()
		x.shown.Action = data.Entry + "/correct"
		f.Title, f.Button = "Correct or complete an entry", "Add the correction"
	}
	data.Form = f.Plain(x.shown)
	data.Title = f.Title
	return r.views.draft.Write(w, req, status, data)
}

func (r *Room) takeDisclosure(w http.ResponseWriter, req *http.Request) error {
	return r.take(w, req, nil)
}

func (r *Room) takeCorrection(w http.ResponseWriter, req *http.Request) error {
	versions, err := r.entryOf(req)
	if err != nil {
		return err
	}
	return r.take(w, req, versions)
}

// take enters what was sent, as the first version or as the next one.
func (r *Room) take(w http.ResponseWriter, req *http.Request, versions []Disclosure) error {
	ctx, in := req.Context(), account.From(req.Context())
	sent, err := r.desk.Receive(w, req, disclosureForm(nil, r.today()))
	if err != nil {
		return err
	}
	x := drafting{entry: uuid.Must(uuid.NewV7()), before: versions, version: 1, shown: form.Shown{Values: sent.Values, Message: sent.Message}}
	if id, err := uuid.Parse(sent.Values.Get("entry")); err == nil {
		x.entry = id
	}
	if len(versions) > 0 {
		x.entry = versions[0].Entry
		x.version, _ = strconv.Atoi(sent.Values.Get("version"))
		x.version = min(max(x.version, 2), versions[0].Version+1)
	}
	approvers, err := r.approvers(ctx, in, beneath(versions, x.version))
	if err != nil {
		return err
	}
	values, errs := disclosureForm(approvers, r.today()).Parse(sent.Values)
	people, sentence, err := r.concernedIn(ctx, values.Get("people"))
	if err != nil {
		return err
	}
	if sentence != "" {
		errs.Add("people", sentence)
	}
	maps.Copy(errs, sent.Errors)
	if x.shown.Errors = errs; len(errs) > 0 || sent.Status != 0 {
		return r.drawDraft(w, req, max(sent.Status, http.StatusUnprocessableEntity), x)
	}
	if people, err = r.withErased(ctx, people, versions); err != nil {
		return err
	}
	d := readDisclosure(values)
	d.ID, d.Entry, d.Version, d.EnteredBy, d.At = uuid.Must(uuid.NewV7()), x.entry, x.version, in.Account.ID, r.desk.Now()
	err = r.enter(ctx, d, people, string(in.Under(account.Publish, Kind)))
	if errors.Is(err, errCorrected) {
		return r.enteredBefore(w, req, d, people, x)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, req, disclosuresPath+"/"+d.Entry.String(), http.StatusSeeOther)
	return nil
}

// beneath are the versions that stood when another was begun: a second click is judged as the first was.
func beneath(versions []Disclosure, version int) []Disclosure {
	i := slices.IndexFunc(versions, func(v Disclosure) bool { return v.Version < version })
	return versions[max(i, 0):]
}

// withErased carries over whom the form can't name any more, since they were erased.
func (r *Room) withErased(ctx context.Context, people []concerned, versions []Disclosure) ([]concerned, error) {
	if len(versions) == 0 {
		return people, nil
	}
	before, err := concernedBy(ctx, r.desk.Pool, versions[0].ID)
	if err != nil {
		return nil, err
	}
	for _, c := range before {
		if c.Erased {
			people = append(people, c)
		}
	}
	return people, nil
}

// enteredBefore tells a second click, which says the same once more, from what says something else: a colleague was
// quicker, or the officer came back to the page to mend a slip. Of that nothing is lost.
func (r *Room) enteredBefore(w http.ResponseWriter, req *http.Request, d Disclosure, people []concerned, x drafting) error {
	versions, err := r.disclosureVersions(req.Context(), d.Entry)
	if err != nil {
		return err
	}
	again, err := r.standsIn(req.Context(), versions, d, people)
	if err != nil {
		return err
	}
	if again {
		http.Redirect(w, req, disclosuresPath+"/"+d.Entry.String(), http.StatusSeeOther)
		return nil
	}
	x.before, x.version = versions, versions[0].Version+1
	x.shown.Message = r.say("disclosure_corrected")
	return r.drawDraft(w, req, http.StatusConflict, x)
}

// standsIn tells whether a version stands in the register as the same officer sent it: in the same words, about the same
// people.
func (r *Room) standsIn(ctx context.Context, versions []Disclosure, d Disclosure, people []concerned) (bool, error) {
	i := slices.IndexFunc(versions, func(v Disclosure) bool { return v.Version == d.Version && v.EnteredBy == d.EnteredBy })
	if i < 0 || !maps.EqualFunc(versions[i].typed(nil), d.typed(nil), slices.Equal) {
		return false, nil
	}
	named, err := concernedBy(ctx, r.desk.Pool, versions[i].ID)
	return slices.EqualFunc(named, people, concerned.is), err
}
