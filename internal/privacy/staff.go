package privacy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// Staff mounts the privacy officer's pages below /staff: statements, the checks with what they found, disclosures.
func (r *Room) Staff(router chi.Router) {
	set := r.desk.Pages
	router.Get("/statements", set.Handle(officer(r.listStatements)))
	router.Get("/statements/{id}", set.Handle(officer(r.previewStatement)))
	router.Post("/statements/{id}", set.Handle(officer(r.publishStatement)))
	router.Get("/promises", set.Handle(officer(r.staffPromises)))
	router.Post("/people/{id}/objection", set.Handle(officer(r.takeOfficeObjection)))
	r.disclosureRoutes(router)
}

// officer lets only privacy officers through to h.
func officer(h page.Handler) page.Handler { return account.Only(account.Publish, Kind, h) }

type statementsPage struct {
	page.Base
	Drafts    []consent.Statement // files that came with the program and are not published
	Broken    []string            // why others can't be read
	Published []version
	Already   *consent.Statement // what another officer, or a first click, has just published
	Newest    consent.Statement
	Told      noticed // of the newest
}

// noticed counts the people who were told of a version by mail, and those of them whom it reached.
type noticed struct {
	Queued  int `db:"queued"`
	Reached int `db:"reached"`
}

func (r *Room) countTold(ctx context.Context, version string) (noticed, error) {
	list, err := postgres.Rows[noticed](ctx, r.desk.Pool, `
		SELECT count(DISTINCT person_id) FILTER (WHERE message_id IS NOT NULL) AS queued,
			count(DISTINCT person_id) FILTER (WHERE delivered_at IS NOT NULL) AS reached
		FROM notice WHERE version = $1`, version)
	if err != nil {
		return noticed{}, fmt.Errorf("count who was told of statement %s: %w", version, err)
	}
	return list[0], nil
}

func (r *Room) listStatements(w http.ResponseWriter, req *http.Request) error {
	if err := r.desk.Statements.Refresh(req.Context()); err != nil {
		return err
	}
	data := statementsPage{Base: page.Base{Title: "Privacy statements", NoIndex: true}, Published: r.versions()}
	var err error
	if data.Drafts, data.Broken, err = r.drafts(); err != nil {
		return err
	}
	if all := r.desk.Statements.All(); len(all) > 0 {
		data.Newest = all[0]
		if data.Told, err = r.countTold(req.Context(), all[0].ID); err != nil {
			return err
		}
	}
	if s, ok := r.desk.Statements.Get(req.URL.Query().Get("already")); ok {
		data.Already = &s
	}
	return r.views.statements.Write(w, req, http.StatusOK, data)
}

func (r *Room) drafts() (list []consent.Statement, broken []string, err error) {
	ids, err := consent.Drafts(r.web)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range slices.Backward(ids) {
		if _, published := r.desk.Statements.Get(id); published {
			continue
		}
		d, err := consent.ReadDraft(r.web, id)
		if err != nil {
			broken = append(broken, err.Error())
			continue
		}
		list = append(list, d.Statement)
	}
	return list, broken, nil
}

// draft reads a file that came with the program, and tells the officer where it can't be read.
func (r *Room) draft(id string) (consent.Draft, error) {
	d, err := consent.ReadDraft(r.web, id)
	if errors.Is(err, fs.ErrNotExist) {
		return d, page.ErrNotFound
	}
	if err != nil {
		return d, &page.Error{Status: http.StatusUnprocessableEntity, Message: r.say("draft_broken", "fault", err)}
	}
	return d, nil
}

// previewPage shows what publishing would do.
type previewPage struct {
	changesPage
	Faults  []string // why it can't be published
	People  int      // who would be told by mail
	AtOnce  bool     // it takes effect today
	Notices []toldUse
	On      string // the day that is offered for it to take effect
	Today   string
	Latest  string // the last day on which it can
	Problem string
}

func (r *Room) previewStatement(w http.ResponseWriter, req *http.Request) error {
	return r.writePreview(w, req, http.StatusOK, "")
}

func (r *Room) writePreview(w http.ResponseWriter, req *http.Request, status int, problem string) error {
	ctx, id := req.Context(), chi.URLParam(req, "id")
	if err := r.desk.Statements.Refresh(ctx); err != nil {
		return err
	}
	if _, published := r.desk.Statements.Get(id); published {
		return toPublished(w, req, id)
	}
	draft, err := r.draft(id)
	if err != nil {
		return err
	}
	draft.EffectiveOn = r.offered(draft, req.PostForm.Get("on"))
	data, err := r.preview(ctx, draft)
	if err != nil {
		return err
	}
	data.Problem = problem
	return r.views.preview.Write(w, req, status, data)
}

// offered is the day on which a draft would take effect: the one that was asked for, or that of its file, or today where that
// is over.
func (r *Room) offered(draft consent.Draft, asked string) time.Time {
	on, err := time.Parse(time.DateOnly, asked)
	switch {
	case err == nil:
		return on
	case draft.EffectiveOn.Before(r.today()):
		return r.today()
	}
	return draft.EffectiveOn
}

func (r *Room) preview(ctx context.Context, draft consent.Draft) (previewPage, error) {
	d, people, err := r.Preview(ctx, draft)
	if err != nil {
		return previewPage{}, err
	}
	today := r.today()
	data := previewPage{
		People: people, On: draft.EffectiveOn.Format(time.DateOnly), AtOnce: draft.EffectiveOn.Equal(today),
		Today: today.Format(time.DateOnly), Latest: clock.AddMonths(today, 12).Format(time.DateOnly),
	}
	data.changesPage = r.changesPage(d)
	data.Base = page.Base{Title: "Publish the version of " + draft.Name(), NoIndex: true}
	data.Faults = faults(r.Faults(ctx, draft))
	for _, u := range draft.Uses {
		if u.Compatible != "" {
			data.Notices = append(data.Notices, toldUse{
				Sentence: forPurpose(r.say, u.Purpose) + ", " + byRecipient(r.say, u.Recipient) + ": " + u.Compatible,
				About:    r.titles([]string{u.Activity}),
			})
		}
	}
	return data, nil
}

// faults lists the errors that were joined.
func faults(err error) []string {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []string
		for _, e := range joined.Unwrap() {
			list = append(list, faults(e)...)
		}
		return list
	}
	return []string{err.Error()}
}

// publishStatement publishes for ever. Of two officers who press at once, one publishes and the other is told so.
func (r *Room) publishStatement(w http.ResponseWriter, req *http.Request) error {
	if err := page.ReadForm(req, page.MostForm); err != nil {
		return err
	}
	ctx, id := req.Context(), chi.URLParam(req, "id")
	refuse := func(why string) error { return r.writePreview(w, req, http.StatusUnprocessableEntity, why) }
	if req.PostForm.Get("sure") != "yes" {
		return refuse(r.say("publish_unsure"))
	}
	draft, err := r.draft(id)
	if err != nil {
		return err
	}
	if r.Faults(ctx, draft) != nil {
		return refuse(r.say("publish_faulty"))
	}
	on, err := time.Parse(time.DateOnly, req.PostForm.Get("on"))
	if err != nil {
		return refuse(r.say("publish_day"))
	}
	in := account.From(ctx)
	_, err = Publish(ctx, r.desk.Pool, r.web, Publication{
		ID: id, On: on, At: r.desk.Now(), Officer: uuid.NullUUID{UUID: in.Account.ID, Valid: true}, Role: string(in.Under(account.Publish, Kind)),
		Kinds: r.desk.Activities().Kinds(),
	})
	switch {
	case errors.Is(err, consent.ErrPublished):
		return toPublished(w, req, id) // a second click, or another officer
	case errors.Is(err, ErrPast):
		return refuse(r.say("publish_past"))
	case errors.Is(err, ErrFar):
		return refuse(r.say("publish_far"))
	case errors.Is(err, ErrOvertaken):
		return refuse(r.say("publish_overtaken"))
	case err != nil:
		return err
	}
	if err := r.desk.Statements.Refresh(ctx); err != nil {
		return err
	}
	r.published()
	http.Redirect(w, req, "/staff/statements", http.StatusSeeOther)
	return nil
}

// toPublished leads who comes too late to the list, which says when it was published.
func toPublished(w http.ResponseWriter, req *http.Request, id string) error {
	http.Redirect(w, req, "/staff/statements?already="+url.QueryEscape(id), http.StatusSeeOther)
	return nil
}

// staffPromisesPage shows what visitors aren't told: why a check fails.
type staffPromisesPage struct {
	page.Base
	Checked time.Time
	Failed  []Result
	Passed  []Result
}

func (r *Room) staffPromises(w http.ResponseWriter, req *http.Request) error {
	results, at, err := r.checker.results(req.Context())
	if err != nil {
		return err
	}
	data := staffPromisesPage{Base: page.Base{Title: "Checks of the promises", NoIndex: true}, Checked: at}
	for _, result := range results {
		if result.OK {
			data.Passed = append(data.Passed, result)
		} else {
			data.Failed = append(data.Failed, result)
		}
	}
	return r.views.checks.Write(w, req, http.StatusOK, data)
}
