package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/access"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/download"
	"clickcommerce.com/site/internal/newsletter"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/webinar"
)

// complete adds what chance left out: something in every status of every activity, each by the way that leads there in
// life, an account at Clickconnect, and a letter that came back.
func (s *season) complete(ctx context.Context) error {
	for _, add := range []func(context.Context) error{s.customers, s.attend, s.fetch} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	for _, a := range s.rooms.activities {
		for _, status := range a.Statuses {
			if err := s.reach(ctx, a, status.Value); err != nil {
				return fmt.Errorf("%s, %s: %w", a.Kind, status.Value, err)
			}
		}
	}
	return s.comeBack(ctx)
}

// reach sends requests until one is in the status. An example that can't have one has none.
func (s *season) reach(ctx context.Context, a activity.Activity, want string) error {
	subjects, err := a.Open(ctx)
	if err != nil || len(subjects) == 0 {
		return err
	}
	for try := range 12 {
		var found bool // and not about to be deleted
		err := s.pool.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM submission
				WHERE kind = $1 AND status = $2 AND quarantined_at IS NULL AND purge_after > $3)`,
			a.Kind, want, s.now().AddDate(0, 0, 7)).Scan(&found)
		if err != nil || found {
			return err
		}
		if err := s.lead(ctx, a, subjects[try%len(subjects)], want); err != nil {
			return err
		}
	}
	return nil
}

// lead sends a request and takes it to the status, as far as there is a way from where it came in.
func (s *season) lead(ctx context.Context, a activity.Activity, subject uuid.UUID, want string) error {
	s.clock = s.now().AddDate(0, 0, -12-s.rand.IntN(8))
	who := s.somebody()
	e, err := s.entry(ctx, a, subject, who)
	if err != nil || e.Form.Anonymous {
		return err
	}
	id, err := s.accept(ctx, a, e)
	if err != nil {
		return err
	}
	switch {
	case want == activity.Withdrawn:
		s.clock = s.clock.AddDate(0, 0, 1)
		return s.withdraw(ctx, a, id)
	case a.Kind == newsletter.Kind && want != a.First():
		return s.confirm(ctx, who.Email)
	case want == webinar.Repeated || want == webinar.Queued:
		s.clock = s.clock.Add(time.Hour)
		return s.again(ctx, a, subject, who)
	}
	r, err := s.store.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.walk(ctx, a, r, want)
}

// again sends the form of a subject once more.
func (s *season) again(ctx context.Context, a activity.Activity, subject uuid.UUID, who sender) error {
	e, err := s.entry(ctx, a, subject, who)
	if err != nil {
		return err
	}
	_, err = s.accept(ctx, a, e)
	return err
}

// somebody is one of the people, another at each turn.
func (s *season) somebody() sender { return s.folk.People[s.rand.IntN(len(s.folk.People))] }

// walk takes the steps of staff that lead a record to the status.
func (s *season) walk(ctx context.Context, a activity.Activity, r submission.Record, want string) error {
	by, ok := s.reviewer(a.Kind)
	steps := way(a, r.Status, want)
	if !ok || len(steps) == 0 {
		return nil
	}
	if err := s.store.Read(ctx, r.ID, by); err != nil {
		return err
	}
	for _, move := range steps {
		if err := s.step(ctx, a, r, move, by); err != nil {
			return err
		}
		r.Status = move.To
	}
	return nil
}

// way is the shortest way of steps from one status to another; empty where none leads there.
func way(a activity.Activity, from, to string) []activity.Move {
	ways := map[string][]activity.Move{from: nil}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		status, _ := a.Status(queue[0])
		for _, m := range status.Moves {
			if _, known := ways[m.To]; !known {
				ways[m.To] = append(slices.Clone(ways[queue[0]]), m)
				queue = append(queue, m.To)
			}
		}
	}
	return ways[to]
}

// customers lets one person have taken up the invitation to Clickconnect, and another's access have ended.
func (s *season) customers(ctx context.Context) error {
	a, _ := s.rooms.activities.Find(access.Kind)
	customer, err := s.approved(ctx, a, s.folk.Customer)
	if err != nil {
		return err
	}
	if err := s.follow(ctx, customer, "/connect/invite/", url.Values{"password": {s.demoPassword()}}); err != nil {
		return err
	}
	former, err := s.approved(ctx, a, s.folk.People[0])
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.accounts.EndAccess(ctx, tx, former.PersonID.UUID) })
	if err != nil {
		return err
	}
	for _, w := range a.Work { // takes the records to where the accounts are
		if err := w.Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// approved sends a person's request for access, and approves it.
func (s *season) approved(ctx context.Context, a activity.Activity, who sender) (submission.Record, error) {
	s.clock = s.now().AddDate(0, 0, -9)
	e, err := s.entry(ctx, a, uuid.Nil, who)
	if err != nil {
		return submission.Record{}, err
	}
	id, err := s.accept(ctx, a, e)
	if err != nil {
		return submission.Record{}, err
	}
	r, err := s.store.Get(ctx, id)
	if err != nil {
		return r, err
	}
	return r, s.walk(ctx, a, r, "approved")
}

// attend lets some people have been at the events that are over, and one not have come.
func (s *season) attend(ctx context.Context) error {
	type event struct {
		ID uuid.UUID `db:"id"`
		At time.Time `db:"at"`
	}
	events, err := postgres.Rows[event](ctx, s.pool, `
		SELECT id, at FROM (SELECT id, starts_local AT TIME ZONE zone AS at FROM webinar) w WHERE at < $1 ORDER BY at`,
		s.now().AddDate(0, 0, -4))
	if err != nil {
		return err
	}
	a, _ := s.rooms.activities.Find(webinar.Kind)
	for _, w := range events {
		for i := range 7 {
			s.clock = w.At.AddDate(0, 0, -3-i)
			e, err := s.entry(ctx, a, w.ID, s.folk.People[i])
			if err != nil {
				return err
			}
			stored, err := s.store.Accept(ctx, e) // without Fill, which knows that the event is over by now
			if err != nil {
				return err
			}
			if i == 0 {
				continue
			}
			r, err := s.store.Get(ctx, stored.ID)
			if err != nil {
				return err
			}
			s.clock = w.At
			if err := s.walk(ctx, a, r, webinar.Attended); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch lets the customer have fetched a file by the mailed link.
func (s *season) fetch(ctx context.Context) error {
	a, _ := s.rooms.activities.Find(download.Kind)
	subject, err := s.subject(ctx, a)
	if err != nil || subject == uuid.Nil {
		return err
	}
	s.clock = s.now().Add(-time.Hour)
	e, err := s.entry(ctx, a, subject, s.folk.Customer)
	if err != nil {
		return err
	}
	e.Messages = a.Messages
	id, err := s.accept(ctx, a, e)
	if err != nil {
		return err
	}
	r, err := s.store.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.follow(ctx, r, "/downloads/get/", nil)
}

// follow presses the button of the page behind a link that was mailed to a record's sender.
func (s *season) follow(ctx context.Context, r submission.Record, path string, filled url.Values) error {
	items, err := s.mail.OfPerson(ctx, r.PersonID.UUID)
	if err != nil {
		return err
	}
	link := regexp.MustCompile(regexp.QuoteMeta(s.cfg.PublicURL+path) + `[\w.~-]+`)
	for _, item := range items {
		_, drawn, err := s.mail.Show(ctx, item.ID)
		if err != nil {
			return err
		}
		if address := link.FindString(drawn.Text); address != "" {
			return s.press(ctx, address, filled)
		}
	}
	return errors.New("no link to " + path + " was mailed")
}

// press sends a form to the site inside this process, which is to lead on.
func (s *season) press(ctx context.Context, address string, filled url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(filled.Encode()))
	if err != nil {
		return fmt.Errorf("press a button: %w", err)
	}
	req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), "127.0.0.1:0"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	to := led{header: http.Header{}}
	s.front().ServeHTTP(&to, req)
	if to.status != http.StatusSeeOther {
		return fmt.Errorf("press a button: the site answers %d", to.status)
	}
	return nil
}

// led is what counts of a response.
type led struct {
	header http.Header
	status int
}

func (l *led) Header() http.Header         { return l.header }
func (l *led) WriteHeader(status int)      { l.status = status }
func (l *led) Write(b []byte) (int, error) { return len(b), nil }

// comeBack lets the last letter have come back, as mail.Queue.Bounce would find it: the example's addresses take no mail
// that could.
func (s *season) comeBack(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `
		WITH back AS (
			UPDATE message SET state = 'failed', attempts = 1, sent_at = $1, bounced_at = $1, last_error = 'came back: 5.1.1'
			WHERE id = (SELECT id FROM message WHERE template = 'letter' AND state IN ('queued', 'sent')
				ORDER BY created_at DESC, id LIMIT 1)
			RETURNING person_id
		)
		UPDATE person SET bounced_at = $1 WHERE id IN (SELECT person_id FROM back)`, s.now())
	return err
}
