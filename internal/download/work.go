package download

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/job"
)

// supersededAfter is how long the file of an older version stays, so that a download that runs can end.
const supersededAfter = 24 * time.Hour

func (r *Room) work() []job.Worker {
	return []job.Worker{{Name: "old_downloads", Every: time.Hour, Run: r.RemoveOld}}
}

// RemoveOld deletes the files of versions in whose place a newer one has been offered for a day.
func (r *Room) RemoveOld(ctx context.Context) error {
	rows, err := r.Desk.Pool.Query(ctx, `
		SELECT download_id FROM download_version WHERE file_id IS NOT NULL GROUP BY download_id HAVING count(*) > 1`)
	if err != nil {
		return fmt.Errorf("list old versions: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("list old versions: %w", err)
	}
	for _, id := range ids {
		if err := r.removeOld(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) removeOld(ctx context.Context, id uuid.UUID) error {
	d, err := r.byID(ctx, r.Desk.Pool, id)
	if err != nil {
		return err
	}
	if d.File.ID == uuid.Nil || r.Desk.Now().Before(d.File.At.Add(supersededAfter)) {
		return nil
	}
	list, err := versions(ctx, r.Desk.Pool, id)
	if err != nil {
		return err
	}
	older := false
	for _, v := range list {
		if older && v.FileID.Valid {
			if err := r.Desk.Files.Remove(ctx, v.FileID.UUID); err != nil {
				return err
			}
			if _, err := r.Desk.Pool.Exec(ctx, `UPDATE download_version SET file_id = NULL WHERE id = $1`, v.ID); err != nil {
				return fmt.Errorf("remove old version: %w", err)
			}
		}
		older = older || v.ID == d.File.ID
	}
	return nil
}
