package submission

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
)

// maxQuarantine is how long a submission stays in quarantine: it is restored by then, or deleted.
const maxQuarantine = 30 * 24 * time.Hour

// purgeAfter is the day of deletion of an entry that is stored now.
func purgeAfter(e Entry, at time.Time) time.Time {
	if apart := clock.Day(at.Add(maxQuarantine)); e.Quarantine && apart.Before(e.PurgeAfter) {
		return apart
	}
	return e.PurgeAfter
}

// keptAfter is the day of deletion that an entry has once it is restored; nil where it is not set apart.
func keptAfter(e Entry) *time.Time {
	if e.Quarantine {
		return &e.PurgeAfter
	}
	return nil
}

// queueApart notes that a submission was set apart as it came, and how long it is kept otherwise.
func queueApart(b *pgx.Batch, sl *slot) {
	b.Queue(`
		INSERT INTO submission_event (submission_id, kind, actor_role, detail, at)
		SELECT id, 'quarantined', $2, jsonb_build_object('status', status, 'kept', $3::date), $4 FROM submission WHERE id = $1`,
		sl.id, System.Role, sl.entry.PurgeAfter, sl.at)
}

// Quarantine sets records apart: their mail is stopped, letters wait, and they are deleted unless they are restored in time.
// From then on a trigger keeps both days: that day only comes nearer, and kept_after is the one that Restore goes back to.
// A statement that writes purge_after and leaves the day as it is writes kept_after there, which is NULL but for these records.
func (s *Store) Quarantine(ctx context.Context, ids []uuid.UUID, by Actor) error {
	return s.change(ctx, "quarantine", func(tx pgx.Tx) error {
		for _, id := range ids {
			var status, kept string
			err := tx.QueryRow(ctx, `
				UPDATE submission s SET quarantined_at = $2, purge_after = least(s.purge_after, $3::date)
				FROM (SELECT id, purge_after FROM submission WHERE id = $1 FOR UPDATE) AS before
				WHERE s.id = before.id AND s.quarantined_at IS NULL
				RETURNING s.status, before.purge_after::text`, id, s.Now(), clock.Day(s.Now().Add(maxQuarantine))).Scan(&status, &kept)
			if errors.Is(err, pgx.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			if err := s.Mail.SuspendAbout(ctx, tx, id); err != nil {
				return err
			}
			if err := s.event(ctx, tx, id, "quarantined", by, map[string]string{"status": status, "kept": kept}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Restored returns the mail of a record that comes back from quarantine, as it is by then. It runs in the transaction that
// restores it.
type Restored func(ctx context.Context, tx pgx.Tx, r Record) ([]mail.Message, error)

// Restore takes a record out of quarantine: the consents given in it are recorded now, letters that waited leave, and of
// what messages returns, if it is given, what was not mailed before. It is kept again as long as it would have been, by all
// that happened to it meanwhile. An older program stores no kept_after with what is set apart as it comes, but the event.
func (s *Store) Restore(ctx context.Context, id uuid.UUID, by Actor, messages Restored) error {
	return s.change(ctx, "restore", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE submission SET quarantined_at = NULL, purge_after = coalesce(kept_after, (SELECT (e.detail ->> 'kept')::date
				FROM submission_event e WHERE e.submission_id = $1 AND e.kind = 'quarantined' ORDER BY e.id DESC LIMIT 1), purge_after)
			WHERE id = $1 AND quarantined_at IS NOT NULL`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrMove
		}
		if err := s.event(ctx, tx, id, "restored", by, nil); err != nil {
			return err
		}
		if err := s.restoreConsents(ctx, tx, id); err != nil {
			return err
		}
		return s.restoreMail(ctx, tx, id, messages)
	})
}

func (s *Store) restoreMail(ctx context.Context, tx pgx.Tx, id uuid.UUID, messages Restored) error {
	known, err := s.Mail.ReleaseAbout(ctx, tx, id)
	if err != nil || messages == nil {
		return err
	}
	r, err := s.get(ctx, tx, id)
	if err != nil {
		return err
	}
	list, err := messages(ctx, tx, r)
	if err != nil {
		return err
	}
	return s.sendAll(ctx, tx, id, slices.DeleteFunc(list, func(m mail.Message) bool { return slices.Contains(known, m.Template) }))
}

func (s *Store) restoreConsents(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var known bool
	var email, came string
	var v Version
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM consent_event WHERE submission_id = $1), p.email, s.channel, a.statement_version,
			a.form_revision, r.fields, a.values
		FROM submission s JOIN person p ON p.id = s.person_id
		JOIN answers a ON a.submission_id = s.id AND a.version = 1
		JOIN form_revision r ON r.digest = a.form_revision
		WHERE s.id = $1 AND p.erased_at IS NULL`, id).Scan(&known, &email, &came, &v.Statement, &v.Revision, &v.Fields, &v.Values)
	if errors.Is(err, pgx.ErrNoRows) || known {
		return nil
	}
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	for _, c := range consents(v.Fields, v.Values, v.Statement, v.Revision, origin(came), s.Now()) {
		consent.AddFor(b, id, email, c)
	}
	return tx.SendBatch(ctx, b).Close()
}
