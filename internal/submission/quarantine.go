package submission

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
)

// Quarantine sets records apart: their mail is stopped.
func (s *Store) Quarantine(ctx context.Context, ids []uuid.UUID, by Actor) error {
	return s.change(ctx, "quarantine", func(tx pgx.Tx) error {
		for _, id := range ids {
			tag, err := tx.Exec(ctx, `UPDATE submission SET quarantined_at = $2 WHERE id = $1 AND quarantined_at IS NULL`, id, s.Now())
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				continue
			}
			if err := s.Mail.CancelAbout(ctx, tx, id); err != nil {
				return err
			}
			if err := s.event(ctx, tx, id, "quarantined", by, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Restore takes a record out of quarantine: the consents given in it are recorded now, and the mail that it would have
// brought leaves.
func (s *Store) Restore(ctx context.Context, id uuid.UUID, by Actor, messages []mail.Message) error {
	return s.change(ctx, "restore", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE submission SET quarantined_at = NULL WHERE id = $1 AND quarantined_at IS NOT NULL`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrMove
		}
		if err := s.restoreConsents(ctx, tx, id); err != nil {
			return err
		}
		if err := s.sendAll(ctx, tx, id, messages); err != nil {
			return err
		}
		return s.event(ctx, tx, id, "restored", by, nil)
	})
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
		WHERE s.id = $1`, id).Scan(&known, &email, &came, &v.Statement, &v.Revision, &v.Fields, &v.Values)
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
