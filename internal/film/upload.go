package film

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// Uploaded stands in place of a film's name for the one that staff uploaded for the row itself.
const Uploaded = "uploaded"

// The fields of an edit form in which a film is uploaded, with what belongs to it.
const (
	FilmField     = "film_upload"
	CaptionsField = "captions_upload"
	PictureField  = "picture_upload"
)

// UploadFields ask for a film of the row's own, its captions and the picture in front of it.
func UploadFields() []form.Field {
	return []form.Field{
		{
			Name: FilmField, Label: "Upload a film", Kind: form.File, Accept: []string{".webm"}, MaxBytes: 64 << 20,
			Hint: "It is shown once the virus scanner found it clean; until then one uploaded before stays.",
		},
		{
			Name: CaptionsField, Label: "Upload its captions", Kind: form.File, Accept: []string{".vtt"}, MaxBytes: 1 << 20,
			Hint: "WebVTT, in English. With an uploaded film they are shown instead of captions that were typed.",
		},
		{
			Name: PictureField, Label: "Upload a picture from it", Kind: form.File, Accept: []string{".png"}, MaxBytes: 2 << 20,
			Hint: "Stands in front of the film, 1280 by 720 pixels. May be left out.",
		},
	}
}

// Options are the films that a row may show: those that come with the site, and the one uploaded for it.
func Options(web fs.FS) []form.Option {
	list := []form.Option{{Value: Uploaded, Label: "The film that was uploaded here"}}
	for _, name := range Names(web) {
		list = append(list, form.Option{Value: name, Label: name, Hint: "Comes with the site."})
	}
	return list
}

// Reel is what was uploaded for a row: of film, captions and picture each the newest that may be opened, zero where
// there is none, and all that the row keeps, the newest first.
type Reel struct {
	Film, Captions, Picture file.Info
	Kept                    []file.Info
}

// Has tells whether something was uploaded in a field, whether or not it may be opened.
func (r Reel) Has(field string) bool { return r.newest(field, false).ID != uuid.Nil }

// Shown returns the picture's address: below the row's own, renewed with the picture; empty where there is none.
func (r Reel) Shown(row string) string {
	if r.Picture.ID == uuid.Nil {
		return ""
	}
	return row + "/picture.png?v=" + r.Picture.SHA256[:12]
}

// Values are what the history of the row tells of its uploads.
func (r Reel) Values() form.Values {
	v := form.Values{}
	for name, field := range map[string]string{
		"film_file": FilmField, "captions_file": CaptionsField, "picture_file": PictureField,
	} {
		if i := r.newest(field, false); i.ID != uuid.Nil {
			v[name] = []string{i.Describe() + ", SHA-256 " + i.SHA256[:12]}
		}
	}
	return v
}

func (r Reel) newest(field string, openable bool) file.Info {
	for _, i := range r.Kept {
		if i.Field == field && (i.Openable || !openable) {
			return i
		}
	}
	return file.Info{}
}

// Uploads keeps what is uploaded for the rows of a room.
type Uploads struct {
	files  *file.Store
	holder string
}

// NewUploads returns the uploads of a room, by its name.
func NewUploads(files *file.Store, holder string) Uploads { return Uploads{files, holder} }

// Keep makes staged files part of a row, in the transaction that writes the row.
func (u Uploads) Keep(ctx context.Context, tx pgx.Tx, row uuid.UUID, files []file.Staged) error {
	b := &pgx.Batch{}
	for _, f := range files {
		u.files.Hold(b, u.holder, row, f.ID)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("keep film: %w", err)
	}
	return nil
}

// Reel returns what was uploaded for a row.
func (u Uploads) Reel(ctx context.Context, db postgres.Reader, row uuid.UUID) (Reel, error) {
	reels, err := u.Reels(ctx, db, row)
	return reels[row], err
}

// Reels returns what was uploaded for rows, by their ids.
func (u Uploads) Reels(ctx context.Context, db postgres.Reader, rows ...uuid.UUID) (map[uuid.UUID]Reel, error) {
	held, err := u.files.Held(ctx, db, u.holder, rows...)
	reels := make(map[uuid.UUID]Reel, len(held))
	for row, kept := range held {
		r := Reel{Kept: kept}
		r.Film, r.Captions, r.Picture = r.newest(FilmField, true), r.newest(CaptionsField, true), r.newest(PictureField, true)
		reels[row] = r
	}
	return reels, err
}

// Serve answers GET and HEAD with a file of a reel, whole or by ranges. It returns page.ErrNotFound for one that is not
// there or may not be opened. Whether the visitor may see it is the caller's to check.
func (u Uploads) Serve(w http.ResponseWriter, r *http.Request, f file.Info) error {
	if f.ID == uuid.Nil {
		return page.ErrNotFound
	}
	err := u.files.Serve(w, r, f.ID)
	if errors.Is(err, file.ErrGone) || errors.Is(err, file.ErrWithheld) {
		return page.ErrNotFound
	}
	return err
}

// replacedAfter is how long a replaced film stays, so that whoever watches it can see its end.
const replacedAfter = 24 * time.Hour

// RemoveReplaced deletes the uploads in whose place a newer one has been shown for a day.
func (u Uploads) RemoveReplaced(ctx context.Context, now time.Time) error {
	return u.files.RemoveReplaced(ctx, u.holder, now.Add(-replacedAfter))
}
