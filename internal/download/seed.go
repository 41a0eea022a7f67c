package download

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/publish"
)

// example is an entry of web/content/demo/downloads.yaml.
type example struct {
	Slug     string `yaml:"slug"`
	Title    string `yaml:"title"`
	Family   string `yaml:"family"`
	Audience string `yaml:"audience"` // empty: public
	Summary  string `yaml:"summary"`
	Version  string `yaml:"version"`
	Kind     string `yaml:"kind"`
	Licence  string `yaml:"licence"`
	Body     string `yaml:"body"`
	Pages    []struct {
		Heading string `yaml:"heading"`
		Text    string `yaml:"text"`
	} `yaml:"pages"`
	Files []packed `yaml:"files"`
}

// packed is a file of an archive.
type packed struct {
	Name    string `yaml:"name"`
	Content string `yaml:"content"`
}

type exampleLicence struct {
	ID      string `yaml:"id"`
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Text    string `yaml:"text"`
}

// Demo loads the example downloads, published eight weeks ago, and makes their files. Loaded again, it renews the words
// that staff did not touch, and adds no file twice.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	var source struct {
		Licences  []exampleLicence `yaml:"licences"`
		Downloads []example        `yaml:"downloads"`
	}
	if err := content.Examples(web, "downloads", &source); err != nil {
		return err
	}
	licences := map[string]exampleLicence{}
	for _, l := range source.Licences {
		licences[l.ID] = l
	}
	for _, e := range source.Downloads {
		if err := r.plant(ctx, e, licences[e.Licence]); err != nil {
			return fmt.Errorf("example download %s: %w", e.Slug, err)
		}
	}
	return nil
}

func (r *Room) plant(ctx context.Context, e example, l exampleLicence) error {
	var known bool
	if err := r.Desk.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM download d JOIN download_version v ON v.download_id = d.id WHERE d.slug = $1)`,
		e.Slug).Scan(&known); err != nil {
		return err
	}
	var staged file.Staged
	if !known {
		var err error
		if staged, err = r.make(ctx, e, l); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, r.Desk.Pool, func(tx pgx.Tx) error {
		id, err := r.plantRow(ctx, tx, e, l)
		if err != nil || known {
			return err
		}
		return r.addVersion(ctx, tx, id, e.Version, staged, r.since())
	})
}

func (r *Room) plantRow(ctx context.Context, tx pgx.Tx, e example, l exampleLicence) (uuid.UUID, error) {
	d := Download{
		Slug: e.Slug, Title: e.Title, Family: e.Family, Audience: e.Audience, Summary: e.Summary, Body: e.Body,
		Licence: l.Name, LicenceVersion: l.Version, LicenceText: l.Text,
	}
	if d.Audience == "" {
		d.Audience = public
	}
	var touched bool
	err := tx.QueryRow(ctx, `
		SELECT id, updated_by IS NOT NULL FROM download WHERE slug = $1 FOR UPDATE`, e.Slug).Scan(&d.ID, &touched)
	fresh := errors.Is(err, pgx.ErrNoRows)
	if fresh {
		d.ID, err = uuid.NewV7()
	}
	if err != nil || touched {
		return d.ID, err
	}
	if err := keepLicence(ctx, tx, d); err != nil {
		return d.ID, err
	}
	if err := write(ctx, tx, d, fresh); err != nil {
		return d.ID, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE download SET state = $2, publish_at = coalesce(publish_at, $3), updated_at = $3 WHERE id = $1`,
		d.ID, publish.Published, r.since())
	return d.ID, err
}

// since is when the examples were published.
func (r *Room) since() time.Time { return r.Desk.Now().Add(-8 * 7 * 24 * time.Hour) }

// make writes the file of an example and stages it, checked like any upload.
func (r *Room) make(ctx context.Context, e example, l exampleLicence) (file.Staged, error) {
	var buf bytes.Buffer
	made := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)
	var err error
	if e.Kind == string(file.ZIP) {
		err = pack(&buf, e.Files, made)
	} else {
		p := paper{
			Title: e.Title, Summary: e.Summary, Version: e.Version, Licence: l.Name + " " + l.Version,
			Publisher: r.Desk.Pages.Site().LegalName, Date: made,
		}
		for _, page := range e.Pages {
			p.Chapters = append(p.Chapters, chapter{page.Heading, page.Text})
		}
		err = p.write(&buf)
	}
	if err != nil {
		return file.Staged{}, err
	}
	return r.Desk.Files.Stage(ctx, file.Upload{
		Name: e.Slug + "-" + e.Version + "." + e.Kind, Reader: &buf, Accept: []file.Type{file.PDF, file.ZIP}, Max: maxFile, Field: "file",
	})
}

// pack writes an archive; the same files give the same bytes.
func pack(to *bytes.Buffer, files []packed, at time.Time) error {
	z := zip.NewWriter(to)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: at})
		if err != nil {
			return fmt.Errorf("pack: %w", err)
		}
		if _, err := w.Write([]byte(f.Content)); err != nil {
			return fmt.Errorf("pack: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}
