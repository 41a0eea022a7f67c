package download

import (
	"context"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

// Download is an offer as its page shows it.
type Download struct {
	ID             uuid.UUID `db:"id"`
	Slug           string    `db:"slug"`
	Title          string    `db:"title"`
	Family         string    `db:"family"` // address of a product page, or empty
	Audience       string    `db:"audience"`
	Summary        string    `db:"summary"`
	Body           string    `db:"body"`
	Licence        string    `db:"licence"`
	LicenceVersion string    `db:"licence_version"`
	LicenceText    string    `db:"licence_text"`
	State          string    `db:"state"`
	PublishAt      time.Time `db:"publish_at"`
	UpdatedAt      time.Time `db:"updated_at"`
	FamilyName     string    `db:"-"`
	File           Version   `db:"-"` // the version offered; zero where none may be opened
}

// Version is one of the files of a download.
type Version struct {
	ID      uuid.UUID     `db:"id"`
	Of      uuid.UUID     `db:"download_id"`
	Version string        `db:"version"`
	FileID  uuid.NullUUID `db:"file_id"`
	Type    string        `db:"type"`
	Size    int64         `db:"size"`
	SHA256  string        `db:"sha256"`
	At      time.Time     `db:"created_at"`
}

// The audiences.
const (
	public  = "public"
	connect = "connect"
)

const columns = `d.id, d.slug, d.title, d.family, d.audience, d.summary, d.body, d.licence, d.licence_version,
	l.body AS licence_text, d.state, coalesce(d.publish_at, 'epoch') AS publish_at, d.updated_at`

const tables = ` FROM download d JOIN licence l ON l.name = d.licence AND l.version = d.licence_version `

// Path is the address of the download's page.
func (d Download) Path() string { return "/downloads/" + d.Slug }

// Text is the body as HTML.
func (d Download) Text() template.HTML { return page.Markdown(d.Body) }

// LicenceHTML is the text of the licence as HTML.
func (d Download) LicenceHTML() template.HTML { return page.Markdown(d.LicenceText) }

// LicenceName is the licence with its version, as people accept it.
func (d Download) LicenceName() string { return d.Licence + ", version " + d.LicenceVersion }

// Format is the kind of file in capitals: "PDF".
func (v Version) Format() string { return strings.ToUpper(v.Type) }

// Weight is the size in words, which stay on one line: "54 KB".
func (v Version) Weight() string { return strings.ReplaceAll(file.Size(v.Size), " ", "\u00a0") }

// Describe is what the file is, in a line: "PDF, 54 KB, version 2.3".
func (v Version) Describe() string { return v.Format() + ", " + v.Weight() + ", version " + v.Version }

func slugOf(family string) string {
	if family == "" {
		return ""
	}
	return path.Base(family)
}

func listPath(kind, family string) string {
	q := url.Values{}
	if kind != "" {
		q.Set("kind", kind)
	}
	if family != "" {
		q.Set("family", family)
	}
	if len(q) == 0 {
		return "/downloads"
	}
	return "/downloads?" + q.Encode()
}

// published lists what an audience may be offered now, in the order of the product families.
func (r *Room) published(ctx context.Context, audience string) ([]Download, error) {
	list, err := r.query(ctx, r.Desk.Pool, publish.Visible+` AND audience = $2 ORDER BY d.title`, r.Desk.Now(), audience)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(d Download) bool { return d.File.ID == uuid.Nil })
	slices.SortStableFunc(list, func(a, b Download) int { return r.order(a.Family) - r.order(b.Family) })
	return list, nil
}

// order is the place of a product family among the others; what belongs to none comes first.
func (r *Room) order(family string) int {
	return slices.IndexFunc(r.families, func(p content.Page) bool { return p.Path == family })
}

// query reads downloads, each with the file that may be opened where there is one: in three statements, however many.
func (r *Room) query(ctx context.Context, db publish.DB, condition string, args ...any) ([]Download, error) {
	list, err := postgres.Rows[Download](ctx, db, `SELECT `+columns+tables+`WHERE `+condition, args...)
	if err != nil {
		return nil, fmt.Errorf("read downloads: %w", err)
	}
	for i, d := range list {
		if n := r.order(d.Family); n >= 0 {
			list[i].FamilyName = r.families[n].Nav
		}
	}
	return list, r.current(ctx, db, list)
}

// bySlug returns a download that everybody may ask for now, or page.ErrNotFound.
func (r *Room) bySlug(ctx context.Context, slug string) (Download, error) {
	list, err := r.query(ctx, r.Desk.Pool, publish.Visible+` AND audience = $2 AND slug = $3`, r.Desk.Now(), public, slug)
	if err != nil {
		return Download{}, err
	}
	if len(list) == 0 || list[0].File.ID == uuid.Nil {
		return Download{}, page.ErrNotFound
	}
	return list[0], nil
}

// byID returns a download in whatever state, with the file that may be opened where there is one, or page.ErrNotFound.
func (r *Room) byID(ctx context.Context, db publish.DB, id uuid.UUID) (Download, error) {
	list, err := r.query(ctx, db, `d.id = $1`, id)
	if err != nil {
		return Download{}, err
	}
	if len(list) == 0 {
		return Download{}, page.ErrNotFound
	}
	return list[0], nil
}

// offered tells whether a download can be fetched now.
func (r *Room) offered(d Download) bool {
	return publish.Public(d.State, &d.PublishAt, r.Desk.Now()) && d.File.ID != uuid.Nil
}

const versionColumns = `id, download_id, version, file_id, type, size, sha256, created_at`

// versions lists the versions of a download, newest first.
func versions(ctx context.Context, db publish.DB, id uuid.UUID) ([]Version, error) {
	return versionsOf(ctx, db, []uuid.UUID{id})
}

// versionsOf lists the versions of downloads, newest first.
func versionsOf(ctx context.Context, db publish.DB, ids []uuid.UUID) ([]Version, error) {
	list, err := postgres.Rows[Version](ctx, db, `
		SELECT `+versionColumns+` FROM download_version WHERE download_id = ANY ($1) ORDER BY created_at DESC, id DESC`, ids)
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	return list, nil
}

// current fills in the newest version of each download whose file may be opened.
func (r *Room) current(ctx context.Context, db publish.DB, list []Download) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	all, err := versionsOf(ctx, db, ids)
	if err != nil {
		return err
	}
	var files []uuid.UUID
	for _, v := range all {
		if v.FileID.Valid {
			files = append(files, v.FileID.UUID)
		}
	}
	known, err := r.Desk.Files.Infos(ctx, db, files)
	if err != nil {
		return err
	}
	for i, d := range list {
		newest := slices.IndexFunc(all, func(v Version) bool {
			return v.Of == d.ID && v.FileID.Valid && known[v.FileID.UUID].Openable
		})
		if newest >= 0 {
			list[i].File = all[newest]
		}
	}
	return nil
}

// Subjects lists what can be asked for today.
func (r *Room) Subjects(ctx context.Context) ([]uuid.UUID, error) {
	list, err := r.published(ctx, public)
	ids := make([]uuid.UUID, 0, len(list))
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids, err
}

// Documents lists what the search finds.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	list, err := r.published(ctx, public)
	if err != nil {
		return nil, err
	}
	docs := make([]content.Document, 0, len(list))
	for _, d := range list {
		docs = append(docs, content.Document{
			Path: d.Path(), Kind: Kind, Title: d.Title, Summary: d.Summary, Body: content.Words(d.Body), Updated: d.UpdatedAt,
		})
	}
	return docs, nil
}
