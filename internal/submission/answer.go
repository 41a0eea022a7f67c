package submission

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
)

// mostVersions is how often the answers to one request can be given: nobody mends a form a hundred times, and each reader
// of the record reads them all.
const mostVersions = 100

// Answer adds a new version of the answers: the sender mended or completed them. Where c is given and the record stands in
// one of c.From, it moves as c says. It is unread again, unless its status then asks nothing of staff. The entry's messages
// are mailed. The same answers again are no new version; where the record does not move either, nothing happens. ErrAnswered
// says that the request was answered or withdrawn since the page was shown on which they were given, ErrVersions that they
// were changed as often as they can be.
func (s *Store) Answer(ctx context.Context, id uuid.UUID, e Entry, c *Change) error {
	revision, err := s.Revision(ctx, e.Form)
	if err != nil {
		return err
	}
	return s.change(ctx, "answer", func(tx pgx.Tx) error {
		before, err := hold(ctx, tx, id) // it orders versions that come at once
		if err != nil {
			return err
		}
		moves, status := c != nil && slices.Contains(c.From, before.status), before.status
		if moves {
			status = c.To
		}
		values, files, err := known(ctx, tx, id, e)
		if err != nil {
			return err
		}
		last, same, err := compare(ctx, tx, id, values)
		switch {
		case err != nil:
			return err
		case same && !moves:
			return nil
		case !moves && answeredSince(before, e.Seal):
			return ErrAnswered
		case !same && last >= mostVersions:
			return ErrVersions
		case !same:
			err = s.addVersion(ctx, tx, id, e, version{last + 1, revision, values, files, e.read(status, s.Now())})
		default:
			_, err = tx.Exec(ctx, `UPDATE submission SET read_at = $2 WHERE id = $1`, id, e.read(status, s.Now()))
		}
		if err != nil {
			return err
		}
		if e.Messages != nil {
			if err := s.sendAll(ctx, tx, id, e.Messages(id, &e)); err != nil {
				return err
			}
		}
		if moves {
			return s.MoveTx(ctx, tx, id, *c)
		}
		return s.event(ctx, tx, id, "answered_again", Sender, nil)
	})
}

// version is what Answer stores.
type version struct {
	n        int
	revision []byte
	values   string
	files    []uuid.UUID
	read     *time.Time
}

// known returns the values and the new files of an entry, with the files that the record has already in the places of
// those with the same contents: the same page sent twice brings its files twice.
func known(ctx context.Context, tx pgx.Tx, id uuid.UUID, e Entry) (string, []uuid.UUID, error) {
	values := maps.Clone(e.Values)
	var files []uuid.UUID
	for _, f := range e.Files {
		var stored uuid.UUID
		err := tx.QueryRow(ctx, `
			SELECT id FROM file WHERE submission_id = $1 AND state = 'attached' AND field = $2 AND encode(sha256, 'hex') = $3
			ORDER BY created_at DESC LIMIT 1`, id, f.Field, f.SHA256).Scan(&stored)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			files = append(files, f.ID)
		case err != nil:
			return "", nil, err
		default:
			values[f.Field] = []string{stored.String()}
		}
	}
	raw, err := json.Marshal(values)
	return string(raw), files, err
}

// compare returns the number of the newest version, and whether it says the same.
func compare(ctx context.Context, tx pgx.Tx, id uuid.UUID, values string) (last int, same bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT version, values = $2::jsonb FROM answers WHERE submission_id = $1 ORDER BY version DESC LIMIT 1`,
		id, values).Scan(&last, &same)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, ErrNotFound
	}
	return last, same, err
}

// answeredSince tells whether the request was decided after its sender was shown the form: before, the form was open in
// spite of it.
func answeredSince(h held, shown form.Seal) bool {
	return h.decided != nil && !h.decided.Before(time.Unix(shown.Minute*60, 0))
}

func (s *Store) addVersion(ctx context.Context, tx pgx.Tx, id uuid.UUID, e Entry, v version) error {
	b := &pgx.Batch{}
	b.Queue(`
		UPDATE submission SET name = $2, organisation = $3, source = nullif($4, ''), read_at = $5, indexed_at = NULL WHERE id = $1`,
		id, e.Name, e.Company, e.Source, v.read)
	b.Queue(`
		INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, v.n, v.revision, e.Seal.Statement, form.Lang, v.values, s.Now())
	s.Files.Attach(b, id, v.files...)
	return tx.SendBatch(ctx, b).Close()
}
