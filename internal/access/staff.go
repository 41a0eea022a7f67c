package access

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// term is what is known of a person's access: shown to staff beside the record, and on its receipt.
type term struct {
	ID       uuid.UUID // of the record
	Status   string
	Open     bool   // an account exists, and its term has not run out
	Exists   bool   // an account exists
	Until    string // its last day
	TakenUp  bool   // a password was set
	SignedIn string // the day of the last sign-in
	Opens    string // the product families, in words
	MayAct   bool   // the reader may change it
}

// Undecided tells whether access can be granted for the first time.
func (t term) Undecided() bool { return t.Status == "new" || t.Status == activity.Asked }

// Granted tells whether the request led to an access, which may have ended.
func (t term) Granted() bool { return t.Status == approved || t.Status == active || t.Status == ended }

func (r *room) term(ctx context.Context, rec submission.Record) (term, error) {
	t := term{ID: rec.ID, Status: rec.Status}
	if in := account.From(ctx); in != nil && in.Can(account.Act, Kind) && rec.Quarantined == nil {
		var refused *page.Error
		err := r.desk.Changeable(ctx, rec.ID)
		if err != nil && !errors.As(err, &refused) {
			return t, err
		}
		t.MayAct = err == nil
	}
	a, err := r.accounts.OfPerson(ctx, rec.PersonID.UUID)
	if errors.Is(err, account.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	t.Exists, t.Open, t.TakenUp = true, a.Active(r.desk.Now()), a.HasPassword
	if a.ExpiresAt != nil {
		t.Until = through(*a.ExpiresAt)
	}
	if a.LastSignInAt != nil {
		t.SignedIn = clock.Date(*a.LastSignInAt)
	}
	opens, _, err := opened(ctx, r.desk.Store, rec.PersonID.UUID)
	if err != nil {
		return t, err
	}
	var labels []string
	for _, o := range activity.ProductOptions() {
		if slices.Contains(opens, o.Value) {
			labels = append(labels, o.Label)
		}
	}
	t.Opens = strings.Join(labels, ", ")
	return t, nil
}

func (r *room) panel(ctx context.Context, rec submission.Record) (template.HTML, error) {
	t, err := r.term(ctx, rec)
	if err != nil || !t.Undecided() && !t.Granted() {
		return "", err
	}
	return r.views.request.Fragment("access-panel", t)
}

func (r *room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	if rec.Status != approved && rec.Status != active {
		return activity.Extra{}, nil
	}
	t, err := r.term(ctx, rec)
	if err != nil || !t.Open {
		return activity.Extra{}, err
	}
	html, err := r.views.request.Fragment("access-receipt", t)
	return activity.Extra{HTML: html}, err
}

func (r *room) untilField(now time.Time) (form.Field, func(form.Values, form.Errors)) {
	last := clock.AddMonths(now.In(clock.Zone()), maxTerm)
	field := form.Field{
		Name: "until", Label: "Last day of the access", Kind: form.Date, Required: true,
		Hint: "The usual term is 12 months, the longest 24: until " + last.Format("2 January 2006") + ".",
	}
	return field, func(v form.Values, errs form.Errors) {
		day, err := chosenDay(v)
		if err != nil {
			return
		}
		switch {
		case !day.After(now):
			errs.Add("until", "Enter a day to come.")
		case day.After(clock.EndOf(last)):
			errs.Add("until", "Enter a day no later than "+last.Format("2 January 2006")+".")
		}
	}
}

// chosenDay returns the end of the day that was chosen.
func chosenDay(v form.Values) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, v.Get("until"))
	if err != nil {
		return time.Time{}, fmt.Errorf("last day of access: %w", err)
	}
	return clock.EndOf(day), nil
}

// opensField asks what the access opens: staff decide it, whatever was asked for.
func opensField() form.Field {
	return form.Field{
		Name: "products", Label: "Product families that it opens", Kind: form.Several, Required: true, Options: activity.ProductOptions(),
		Hint: "Ticked is what the request asks for, and what is open already. Untick what was not vouched for.",
	}
}

func (r *room) approveForm(now time.Time) form.Form {
	until, check := r.untilField(now)
	return form.Form{
		Kind: Kind, Title: "Approve access", Button: "Approve and invite", Check: check,
		Fields: []form.Field{until, opensField(), {
			Name: "reason", Label: "Who vouched for it?", Kind: form.Choice, Required: true, Options: grounds(r.say),
		}},
	}
}

func (r *room) approve(ctx context.Context, rec submission.Record, v form.Values, by submission.Actor) error {
	until, err := chosenDay(v)
	if err != nil {
		return err
	}
	return r.desk.Store.Move(ctx, rec.ID, submission.Change{
		From: []string{"new", activity.Asked}, To: approved, By: by, Decides: true,
		Detail: detail(v),
		Moved: func(ctx context.Context, tx pgx.Tx, rec submission.Record, _ string) error {
			return r.grant(ctx, tx, rec, until, v["products"])
		},
	})
}

func (r *room) renewForm(now time.Time) form.Form {
	until, check := r.untilField(now)
	return form.Form{Kind: Kind, Title: "Renew access", Button: "Renew and tell the owner", Fields: []form.Field{until, opensField()}, Check: check}
}

// renew sets another end, later or earlier. An access that had ended is open again.
func (r *room) renew(ctx context.Context, rec submission.Record, v form.Values, by submission.Actor) error {
	until, err := chosenDay(v)
	if err != nil {
		return err
	}
	to := rec.Status
	if to == ended {
		to = approved // until it shows that the account has a password
	}
	return r.desk.Store.Move(ctx, rec.ID, submission.Change{
		From: []string{rec.Status}, To: to, Kind: "renewed", By: by, Decides: true,
		Detail: detail(v),
		Moved: func(ctx context.Context, tx pgx.Tx, rec submission.Record, _ string) error {
			return r.grant(ctx, tx, rec, until, v["products"])
		},
	})
}

func (r *room) endForm(time.Time) form.Form {
	return form.Form{
		Kind: Kind, Title: "End access now", Button: "End access and tell the owner",
		Fields: []form.Field{{
			Name: "reason", Label: "Why does it end before its time?", Kind: form.Choice, Required: true, Options: endings(),
			Hint: "The mail to the owner says so in these words.",
		}},
	}
}

// endings are the grounds for ending an access early, as sentences to its owner.
func endings() []form.Option {
	return []form.Option{
		{Value: "left", Label: "Your company tells us that you no longer need it."},
		{Value: "contract", Label: "The contract with your company has ended."},
		{Value: "asked", Label: "You asked us to end it."},
		{Value: "misuse", Label: "It was used in a way that our terms forbid."},
	}
}

func (r *room) end(ctx context.Context, rec submission.Record, v form.Values, by submission.Actor) error {
	err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		if err := r.accounts.EndAccess(ctx, tx, rec.PersonID.UUID); err != nil {
			return err
		}
		return r.finish(ctx, tx, rec.PersonID.UUID, by, detail(v), ground(v.Get("reason")))
	})
	if err != nil {
		return fmt.Errorf("end access: %w", err)
	}
	return nil
}
