package privacy

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// What may be said of telling the people concerned.
const (
	toldThem   = "told"
	tellLater  = "later"
	tellUnlike = "silent"
)

// maxConcerned is how many people one entry names.
const maxConcerned = 500

// disclosureForm is what the officer fills in, for a new entry and for a correction. Approvers are the colleagues who may
// have approved a disclosure in good faith.
func disclosureForm(approvers []form.Option, today time.Time) form.Form {
	return form.Form{
		Kind: Kind,
		Fields: []form.Field{
			{Name: "requester", Label: "Who asks?", Kind: form.Text, Required: true, Hint: "The court or authority, with the number of the case.", Example: "Circuit Court of Cook County, 2026 L 004711"},
			{Name: "asked_on", Label: "On which day did the demand arrive?", Kind: form.Date, Required: true},
			{Name: "demand", Label: "What do they ask for?", Kind: form.LongText, Max: 1000, Required: true, Hint: "Name nobody here: whom it is about has a field of its own."},
			{Name: "people", Label: "Whom is it about?", Kind: form.LongText, Max: 60_000, Required: true, Hint: "One a line: the reference number of a record, or an email address."},
			{Name: "ground", Label: "On what ground?", Kind: form.Choice, Required: true, Options: []form.Option{
				{Value: byLaw, Label: "A rule of law requires it"},
				{Value: inGoodFaith, Label: "We believe in good faith that the law requires it", Hint: "Somebody else approves it."},
			}},
			{Name: "basis", Label: "Which rule, or why do we believe so?", Kind: form.LongText, Max: 1000, Required: true},
			{Name: "approver", Label: "Who approved it?", Kind: form.Choice, Hint: "Needed in good faith. Nobody approves what they entered, nor becomes the approver by their own correction.", Options: approvers},
			{Name: "outcome", Label: "What was given?", Kind: form.Choice, Required: true, Options: []form.Option{
				{Value: notAnswered, Label: "The demand is not answered yet"},
				{Value: gaveAll, Label: "All that was asked"},
				{Value: gavePart, Label: "A part of it"},
				{Value: gaveNothing, Label: "Nothing"},
			}},
			{Name: "answered_on", Label: "On which day did we answer?", Kind: form.Date},
			{Name: "given", Label: "What exactly did we give?", Kind: form.LongText, Max: 1000, Hint: "Fields and files, not their contents."},
			{Name: "telling", Label: "Were the people told?", Kind: form.Choice, Required: true, Options: []form.Option{
				{Value: toldThem, Label: "Yes"},
				{Value: tellLater, Label: "Not yet"},
				{Value: tellUnlike, Label: "We may not tell them before a certain day", Hint: "Until then the entry is in no one’s export, and only privacy officers see it."},
			}},
			{Name: "told_on", Label: "Told on", Kind: form.Date},
			{Name: "silent_until", Label: "May be told from", Kind: form.Date, Hint: "A prohibition has an end. Where none is stated, take a year, and ask again."},
		},
		Check: func(v form.Values, errs form.Errors) { checkDisclosure(v, errs, today) },
	}
}

// checkDisclosure holds the answers against each other, as the database will.
func checkDisclosure(v form.Values, errs form.Errors, today time.Time) {
	if v.Get("ground") == inGoodFaith && v.Get("approver") == "" {
		errs.Add("approver", "Choose who approved it: good faith needs a second person.")
	}
	gave := v.Get("outcome") == gaveAll || v.Get("outcome") == gavePart
	if gave && v.Get("given") == "" {
		errs.Add("given", "Write what was given.")
	}
	if v.Get("outcome") != "" && v.Get("outcome") != notAnswered && v.Get("answered_on") == "" {
		errs.Add("answered_on", "Enter the day of our answer.")
	}
	switch v.Get("telling") {
	case toldThem:
		if v.Get("told_on") == "" {
			errs.Add("told_on", "Enter the day on which they were told.")
		}
	case tellUnlike:
		if v.Get("silent_until") == "" {
			errs.Add("silent_until", "Enter the day from which they may be told.")
		}
	}
	asked := v.Get("asked_on")
	for _, name := range []string{"asked_on", "answered_on", "told_on"} {
		if v.Get(name) > today.Format(time.DateOnly) {
			errs.Add(name, "This day is still to come.")
		}
		if v.Get(name) != "" && v.Get(name) < asked {
			errs.Add(name, "This day lies before the demand.")
		}
	}
	if v.Get("telling") == toldThem && v.Get("silent_until") > v.Get("told_on") {
		errs.Add("told_on", "This day lies within the prohibition. Correct one of the two.")
	}
	for _, name := range []string{"requester", "demand", "basis", "given"} {
		if holdsAddress(v.Get(name)) {
			errs.Add(name, "Leave email addresses out of these words. Whom it is about has a field of its own, which can be erased.")
		}
	}
}

// holdsAddress tells whether a text has an email address in it.
func holdsAddress(text string) bool {
	for word := range strings.FieldsSeq(text) {
		if _, complaint := form.ParseEmail(strings.Trim(word, `.,;:!?()<>[]"'“”’`)); complaint == "" {
			return true
		}
	}
	return false
}

// readDisclosure makes a version of what was filled in; the caller adds what is not typed.
func readDisclosure(v form.Values) Disclosure {
	d := Disclosure{
		Ground: v.Get("ground"), Outcome: v.Get("outcome"), AskedOn: *v.Day("asked_on"),
		Requester: v.Get("requester"), Demand: v.Get("demand"), Basis: v.Get("basis"), Given: v.Get("given"),
	}
	if id, err := uuid.Parse(v.Get("approver")); err == nil {
		d.ApprovedBy = uuid.NullUUID{UUID: id, Valid: true}
	}
	if d.Outcome != notAnswered {
		d.AnsweredOn = v.Day("answered_on")
	}
	switch v.Get("telling") {
	case toldThem:
		d.ToldOn, d.SilentUntil = v.Day("told_on"), v.Day("silent_until")
	case tellUnlike:
		d.SilentUntil = v.Day("silent_until")
	}
	return d
}

// typed is an entry as the form would have brought it.
func (d Disclosure) typed(people []concerned) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("requester", d.Requester)
	set("asked_on", d.AskedOn.Format(time.DateOnly))
	set("demand", d.Demand)
	set("ground", d.Ground)
	set("basis", d.Basis)
	if d.ApprovedBy.Valid {
		set("approver", d.ApprovedBy.UUID.String())
	}
	set("outcome", d.Outcome)
	set("answered_on", isoDay(d.AnsweredOn))
	set("given", d.Given)
	telling := tellLater
	switch {
	case d.ToldOn != nil:
		telling = toldThem
	case d.SilentUntil != nil:
		telling = tellUnlike
	}
	set("telling", telling)
	set("told_on", isoDay(d.ToldOn))
	set("silent_until", isoDay(d.SilentUntil))
	var names []string
	for _, c := range people {
		if !c.Erased {
			names = append(names, c.named())
		}
	}
	set("people", strings.Join(names, "\n"))
	return v
}

// approvers are the colleagues who may be named as such, of an entry with these versions, the newest first: who can sign in,
// without the reader and without who entered it at first, or in good faith for another to approve. Who stands there as the approver stays, also the reader, and also
// once they left: a correction says what was so.
func (r *Room) approvers(ctx context.Context, in *account.Session, versions []Disclosure) ([]form.Option, error) {
	all, err := r.accounts.List(ctx, account.Staff)
	if err != nil {
		return nil, err
	}
	var list []form.Option
	for _, a := range all {
		if mayApprove(a, in, versions, r.desk.Now()) {
			list = append(list, form.Option{Value: a.ID.String(), Label: a.Name})
		}
	}
	return list, nil
}

// mayApprove is what the database holds as well (disclosure_good_faith).
func mayApprove(a account.Account, in *account.Session, versions []Disclosure, now time.Time) bool {
	if len(versions) == 0 {
		return a.ID != in.Account.ID && a.Active(now)
	}
	for _, v := range versions {
		if a.ID == v.EnteredBy && (v.Version == 1 || v.Ground == inGoodFaith && v.ApprovedBy.UUID != a.ID) {
			return false
		}
	}
	last := versions[0]
	stands := last.Ground == inGoodFaith && last.ApprovedBy.UUID == a.ID
	return stands || a.ID != in.Account.ID && a.Active(now)
}

// concernedIn finds whom the lines of the form name. The sentence says which line can't be understood.
func (r *Room) concernedIn(ctx context.Context, text string) (list []concerned, sentence string, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(list) == maxConcerned {
			return nil, r.say("concerned_many", "limit", maxConcerned), nil
		}
		c, sentence, err := r.oneConcerned(ctx, line)
		if err != nil || sentence != "" {
			return nil, sentence, err
		}
		list = append(list, c)
	}
	return list, "", nil
}

func (r *Room) oneConcerned(ctx context.Context, line string) (c concerned, sentence string, err error) {
	if !strings.Contains(line, "@") {
		return r.byReference(ctx, line)
	}
	address, complaint := form.ParseEmail(line)
	if complaint != "" {
		return c, r.say("concerned_address", "line", line), nil
	}
	who, err := r.desk.People.Find(ctx, address)
	if errors.Is(err, person.ErrNotFound) {
		who, err = r.desk.People.FindFormer(ctx, address)
	}
	if errors.Is(err, person.ErrNotFound) {
		return concerned{Address: address}, "", nil
	}
	return concerned{Person: uuid.NullUUID{UUID: who.ID, Valid: err == nil}, Address: address}, "", err
}

func (r *Room) byReference(ctx context.Context, reference string) (c concerned, sentence string, err error) {
	rec, err := r.desk.Store.ByReference(ctx, reference)
	if errors.Is(err, submission.ErrNotFound) {
		return c, r.say("concerned_reference", "reference", reference), nil
	}
	if err != nil {
		return c, "", err
	}
	return concerned{
		Person: rec.PersonID, Submission: uuid.NullUUID{UUID: rec.ID, Valid: true}, Address: rec.Email, Reference: rec.Reference,
	}, "", nil
}
