package announce

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/sheet"
)

// submitList sends the list of calls or letters, as the gate shows it in this moment: who withdrew since it was made is
// not in it. After seven days it is refused. Each copy is entered in the register of exports, which finds the people in it
// who withdraw later.
func (r *Room) submitList(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	now := r.desk.Now()
	if a.State != sent || a.ListUntil == nil {
		return &page.Error{Status: http.StatusConflict, Message: r.say("no_list")}
	}
	if !now.Before(*a.ListUntil) {
		return &page.Error{Status: http.StatusGone, Message: r.say("list_over")}
	}
	var out sheet.Sheet
	people, err := r.fillList(req.Context(), a, &out)
	if err != nil {
		return err
	}
	err = r.remember(req.Context(), a, account.From(req.Context()), people, out.Bytes(), now)
	if errors.Is(err, errStale) {
		return &page.Error{Status: http.StatusConflict, Message: r.say("no_list")}
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", file.Disposition(fmt.Sprintf("%s-%s-delete-by-%s.csv",
		a.Purpose, a.Channel, a.ListUntil.In(clock.Zone()).Format(time.DateOnly))))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(out.Bytes()) // the reader may be gone: that it was asked for is remembered
	return nil
}

// fillList writes the lines, read as role site_marketing, and returns whom they are about, in their order.
func (r *Room) fillList(ctx context.Context, a announcement, out *sheet.Sheet) (people []uuid.UUID, err error) {
	out.Row("row", a.Channel.Label(), "agreed on", "wording", "good until")
	until := a.ListUntil.In(clock.Zone()).Format("2006-01-02 15:04")
	err = postgres.AsMarketing(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT person_id, address, since, wording`+audience+` AND `+fits+` ORDER BY person_id`, a.filter()...)
		if err != nil {
			return err
		}
		var who uuid.UUID
		var address, wording string
		var since time.Time
		_, err = pgx.ForEachRow(rows, []any{&who, &address, &since, &wording}, func() error {
			people = append(people, who)
			out.Row(fmt.Sprint(len(people)), address, since.In(clock.Zone()).Format(time.DateOnly), wording, until)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make a list: %w", err)
	}
	return people, nil
}

// remember enters a copy of the list in the register of exports and the log, with the time from before it was read: who is
// erased from then on is called back from it. errStale says that the list was withdrawn while
// the copy was being made.
func (r *Room) remember(ctx context.Context, a announcement, in *account.Session, people []uuid.UUID, raw []byte, at time.Time) error {
	id, sum := uuid.Must(uuid.NewV7()), sha256.Sum256(raw)
	return r.change(ctx, a.ID, 0, []string{sent}, in, "list", func(tx pgx.Tx, _ announcement) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO export (id, kind, purpose, channel, recipient, reason, fields, filter, count, sha256, account_id, role, at, expires_at)
			VALUES ($1, 'contacts', $2, $3, 'own department', 'announcement', '{address}', '{}', $4, $5, $6, $7, $8, $9)`,
			id, a.Purpose, a.Channel, len(people), sum[:], in.Account.ID,
			string(in.Under(account.Publish, Kind)), at, a.ListUntil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO export_words (export_id, body) VALUES ($1, $2)`, id, a.Subject); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO export_person (export_id, row, person_id, filled)
			SELECT $1, n, who, true FROM unnest($2::uuid[]) WITH ORDINALITY AS p (who, n)`, id, people); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE announcement SET queued = $2 WHERE id = $1`, a.ID, len(people))
		return err
	})
}
