package download

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/postgres"
)

// supersededAfter is how long the file of an older version stays, so that a download that runs can end.
const supersededAfter = 24 * time.Hour

func (r *Room) work() []job.Worker {
	return []job.Worker{{Name: "old_downloads", Every: time.Hour, Run: r.RemoveOld}}
}

// RemoveOld deletes the files of versions in whose place a newer one has been offered for a day.
func (r *Room) RemoveOld(ctx context.Context) error {
	ids, err := postgres.Column[uuid.UUID](ctx, r.Desk.Pool, `
		SELECT download_id FROM download_version WHERE file_id IS NOT NULL GROUP BY download_id HAVING count(*) > 1`)
	if err != nil {
		return fmt.Errorf("list old versions: %w", err)
	}
	var failed []error
	for _, id := range ids {
		failed = append(failed, r.removeOld(ctx, id))
	}
	return errors.Join(failed...)
}

func (r *Room) removeOld(ctx context.Context, id uuid.UUID) error {
	d, err := r.byID(ctx, r.Desk.Pool, id)
	if err != nil {
		return err
	}
	if d.File.ID == uuid.Nil {
		return nil
	}
	newest, err := r.Desk.Files.Info(ctx, d.File.FileID.UUID)
	if err != nil {
		return err
	}
	offered := d.File.At
	if newest.Scanned.After(offered) { // it waited for the scanner, and the older one was offered meanwhile
		offered = newest.Scanned
	}
	if r.Desk.Now().Before(offered.Add(supersededAfter)) {
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
