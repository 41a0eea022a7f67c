package main

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const (
	seasonSize = 150 // submissions, about
	seasonDays = 80  // over which they came

	confirmable = 25 * 24 * time.Hour // how long ago a choice may be that is confirmed today
)

// season makes submissions of the past: through the one way in, with a clock of its own.
type season struct {
	*app
	store *submission.Store
	clock time.Time
	rand  *rand.Rand
	folk  folk
	staff map[account.Role]account.Account
}

// sender is one of the people who write.
type sender struct{ Name, Email, Company, Title, Country, Phone string }

// folk is web/content/demo/people.yaml.
type folk struct {
	People    []sender `yaml:"people"`
	Customer  sender   `yaml:"customer"`
	Why       []string `yaml:"alliance_why"`
	Questions []struct {
		Subject, Text string
	} `yaml:"contact_questions"`
	Letters []string `yaml:"cover_letters"`
}

// demoSubmissions fills an empty workspace; one that has submissions is left as it is.
func (a *app) demoSubmissions(ctx context.Context, staff map[account.Role]account.Account) error {
	var filled bool
	if err := a.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM submission WHERE kind <> 'survey')`).Scan(&filled); err != nil || filled {
		return err
	}
	s := &season{app: a, rand: rand.New(rand.NewPCG(2006, 12)), staff: staff} //nolint:gosec // the same season every time
	raw, err := fs.ReadFile(a.web, "content/demo/people.yaml")
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(raw, &s.folk); err != nil {
		return fmt.Errorf("people.yaml: %w", err)
	}
	s.store = submission.NewStore(submission.Config{
		Pool: a.pool, Ring: a.ring, People: a.people, Mail: a.mail, Files: a.files, Log: a.log,
		Now: func() time.Time { return s.clock },
	})
	defer s.store.Close()
	return s.run(ctx)
}

// run lets the days pass, and on each of them some people write and some are answered.
func (s *season) run(ctx context.Context) error {
	start := s.now().AddDate(0, 0, -seasonDays)
	for i := range seasonSize {
		at := start.Add(time.Duration(i) * seasonDays * 24 * time.Hour / seasonSize)
		s.clock = time.Date(at.Year(), at.Month(), at.Day(), 8+s.rand.IntN(10), s.rand.IntN(60), s.rand.IntN(60), 0, time.UTC)
		if s.clock.After(s.now()) {
			s.clock = s.now().Add(-time.Duration(1+s.rand.IntN(90)) * time.Minute)
		}
		a := s.pick()
		for a.Kind == "newsletter" && s.now().Sub(s.clock) > confirmable {
			a = s.pick() // it would have been deleted by now
		}
		if err := s.one(ctx, a, i); err != nil {
			return fmt.Errorf("%s: %w", a.Kind, err)
		}
	}
	if err := s.readSurveys(ctx); err != nil {
		return err
	}
	if err := s.complete(ctx); err != nil {
		return err
	}
	return s.store.Index(ctx)
}

// readSurveys lets somebody have read the answers to surveys, but those of the last days.
func (s *season) readSurveys(ctx context.Context) error {
	by, ok := s.reviewer("survey")
	if !ok {
		return nil
	}
	type answer struct {
		ID uuid.UUID `db:"id"`
		At time.Time `db:"created_at"`
	}
	answers, err := postgres.Rows[answer](ctx, s.pool, `
		SELECT id, created_at FROM submission WHERE kind = 'survey' AND person_id IS NOT NULL AND created_at < $1`,
		s.now().AddDate(0, 0, -2))
	if err != nil {
		return err
	}
	for _, a := range answers {
		s.clock = a.At.Add(24 * time.Hour)
		if err := s.store.Read(ctx, a.ID, by); err != nil {
			return err
		}
	}
	return nil
}

// pick chooses an activity: those that people use most come most.
func (s *season) pick() activity.Activity {
	weights := map[string]int{
		"alliance": 5, "career": 6, "contact": 6, "webinar": 5, "demo": 4, "download": 4, "access": 3, "newsletter": 3,
		"privacy": 1,
	}
	var pool []activity.Activity
	for _, a := range s.rooms.activities {
		for range weights[a.Kind] {
			pool = append(pool, a)
		}
	}
	return pool[s.rand.IntN(len(pool))]
}

// one sends one form, and does with it what has been done by now.
func (s *season) one(ctx context.Context, a activity.Activity, i int) error {
	subject, err := s.subject(ctx, a)
	if err != nil {
		return err
	}
	e, err := s.entry(ctx, a, subject, s.folk.People[i%len(s.folk.People)])
	if err != nil {
		return err
	}
	e.Quarantine = i%37 == 36
	if i%23 == 22 {
		e.Channel = "phone"
	}
	id, err := s.accept(ctx, a, e)
	if err != nil || e.Quarantine {
		return err
	}
	if i%29 == 28 {
		return s.withdraw(ctx, a, id)
	}
	if s.now().Sub(s.clock) < confirmable && s.rand.IntN(3) > 0 {
		if err := s.confirm(ctx, e.Email); err != nil {
			return err
		}
	}
	return s.work(ctx, a, id)
}

// entry is the form of a subject as somebody fills it in. It brings no mail.
func (s *season) entry(ctx context.Context, a activity.Activity, subject uuid.UUID, who sender) (submission.Entry, error) {
	f, err := a.Form(ctx, subject)
	if err != nil {
		return submission.Entry{}, err
	}
	sent := map[string][]string{}
	for _, field := range f.Fields {
		if value := s.answer(field, who); value != "" {
			sent[field.Name] = []string{value}
		}
	}
	sent["name"], sent["email"], sent["company"], sent["country"] = one(who.Name), one(who.Email), one(who.Company), one(who.Country)
	files, err := s.resumes(ctx, f, who.Name, sent)
	if err != nil {
		return submission.Entry{}, err
	}
	values, errs := f.Parse(sent)
	if len(errs) > 0 {
		return submission.Entry{}, fmt.Errorf("%s does not fit the form: %v", who.Name, errs)
	}
	e, err := s.desk.Entry(f, values)
	if err != nil {
		return e, err
	}
	statement, err := s.statements.InForce()
	if err != nil {
		return e, err
	}
	e.Seal, e.Files, e.Messages = form.NewSeal(f, statement.ID, s.clock), files, nil
	e.PurgeAfter = clock.AddMonths(s.clock, a.Statuses[0].Months)
	return e, nil
}

// accept sends what was filled in.
func (s *season) accept(ctx context.Context, a activity.Activity, e submission.Entry) (uuid.UUID, error) {
	if a.Fill != nil {
		if err := a.Fill(ctx, &e); err != nil {
			return uuid.Nil, err
		}
	}
	stored, err := s.store.Accept(ctx, e)
	return stored.ID, err
}

// withdraw takes a request back, as its sender does on the receipt.
func (s *season) withdraw(ctx context.Context, a activity.Activity, id uuid.UUID) error {
	r, err := s.store.Get(ctx, id)
	if err != nil {
		return err
	}
	to, _ := a.Status(activity.Withdrawn)
	return s.store.Withdraw(ctx, id, submission.Change{
		From: []string{r.Status}, To: to.Value, PurgeAfter: clock.AddMonths(s.clock, to.Months), Moved: a.Moved,
	})
}

// confirm presses the button behind the mailed link.
func (s *season) confirm(ctx context.Context, email string) error {
	var id uuid.UUID
	if err := s.pool.QueryRow(ctx, `SELECT id FROM person WHERE email = $1`, email).Scan(&id); err != nil {
		return err
	}
	who, err := s.people.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.desk.Confirm(ctx, who, math.MaxInt64)
}

func one(text string) []string { return []string{text} }

// subject picks something that can be applied for today; uuid.Nil for none in particular.
func (s *season) subject(ctx context.Context, a activity.Activity) (uuid.UUID, error) {
	ids, err := a.Open(ctx)
	if err != nil || len(ids) == 0 {
		return uuid.Nil, err
	}
	return ids[s.rand.IntN(len(ids))], nil
}

// answer makes up an answer that fits the field.
func (s *season) answer(f form.Field, who sender) string {
	pick := func(list []string) string { return list[s.rand.IntN(len(list))] }
	switch {
	case f.Kind == form.File:
		return ""
	case f.Channel == "phone" && who.Phone == "":
		return "" // nothing to be called at
	case f.Kind == form.Consent && (f.Required || s.rand.IntN(3) == 0):
		return "yes"
	case f.Kind == form.Consent:
		return ""
	case len(f.Options) > 0:
		return f.Options[s.rand.IntN(len(f.Options))].Value
	case f.Name == "why":
		return pick(s.folk.Why)
	case f.Name == "letter" || f.Name == "cover_letter":
		return pick(s.folk.Letters)
	case f.Kind == form.LongText && f.Name != "customers":
		return s.folk.Questions[s.rand.IntN(len(s.folk.Questions))].Text
	case f.Kind == form.Date:
		return clock.AddMonths(s.clock, 2).Format(time.DateOnly)
	case f.Kind == form.Phone:
		return who.Phone
	case f.Required:
		return f.Example
	}
	return ""
}

// resumes stages a résumé in plain text where the form asks for a file.
func (s *season) resumes(ctx context.Context, f form.Form, name string, sent map[string][]string) ([]file.Staged, error) {
	var list []file.Staged
	for _, field := range f.Fields {
		if field.Kind != form.File || !field.Required {
			continue
		}
		types, err := file.Types(field.Accept)
		if err != nil {
			return nil, err
		}
		staged, err := s.files.Stage(ctx, file.Upload{
			Name: "resume.txt", Accept: types, Max: field.MaxBytes, Field: field.Name,
			Reader: strings.NewReader(name + "\n\nWork\n2019 to today: integration engineer\n2014 to 2019: order desk\n\nKnows\nGo, SQL, EDI, patience\n"),
		})
		if err != nil {
			return nil, err
		}
		sent[field.Name] = one(staged.ID.String())
		list = append(list, staged)
	}
	return list, nil
}
