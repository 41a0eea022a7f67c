package download

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

const maxFile = 50 << 20

// editing says what staff edit, and how it is stored.
func (r *Room) editing() publish.Room {
	return publish.Room{
		Kind: Kind, Table: "download", Path: "downloads", One: "download", Many: "downloads",
		Public: func(slug string) string { return "/downloads/" + slug },
		Apart:  func(v form.Values) bool { return v.Get("audience") == connect },
		Fields: func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return r.fields(), nil },
		Load:   r.load, Save: r.save, Preview: r.preview, Ready: r.ready, Panel: r.versionsPanel,
	}
}

func (r *Room) fields() []form.Field {
	families := []form.Option{{Value: "none", Label: "No single product"}}
	for _, p := range r.families {
		families = append(families, form.Option{Value: p.Path, Label: p.Nav})
	}
	return []form.Field{
		publish.TitleField(),
		publish.SlugField("/downloads/"),
		{Name: "family", Label: "Product", Kind: form.Choice, Required: true, Options: families},
		{
			Name: "audience", Label: "Offered to", Kind: form.Choice, Required: true, Options: []form.Option{
				{Value: public, Label: "Everybody", Hint: "In the library, by a form and a mailed link."},
				{Value: connect, Label: "Clickconnect", Hint: "In the portal alone, to people entitled to this product."},
			},
		},
		publish.SummaryField(),
		publish.BodyField(),
		{Name: "licence", Label: "Licence", Kind: form.Text, Required: true, Max: 100, Example: "Click Commerce Reading Licence"},
		{
			Name: "licence_version", Label: "Version of the licence", Kind: form.Text, Required: true, Max: 20, Example: "1.1",
			Hint: "People accept this version. A changed text needs a number of its own.",
		},
		{Name: "licence_text", Label: "Text of the licence", Kind: form.LongText, Required: true, Max: 10_000},
		{
			Name: "file_version", Label: "Version of the file", Kind: form.Text, Max: 20, Example: "2.3",
			Hint: "Each file has a version of its own.",
		},
		{
			Name: "file", Label: "File", Kind: form.File, Accept: []string{".pdf", ".zip"}, MaxBytes: maxFile,
			Hint: "Choose one for a new version only. It is offered once the virus scanner found it clean; until then the one before stays.",
		},
	}
}

func (r *Room) load(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
	d, err := r.byID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	v := form.Values{
		"title": {d.Title}, "slug": {d.Slug}, "family": {"none"}, "audience": {d.Audience}, "summary": {d.Summary}, "body": {d.Body},
		"licence": {d.Licence}, "licence_version": {d.LicenceVersion}, "licence_text": {d.LicenceText},
	}
	if d.Family != "" {
		v["family"] = []string{d.Family}
	}
	list, err := versions(ctx, db, id)
	if len(list) > 0 {
		v["file_version"], v["sha256"] = []string{list[0].Version}, []string{list[0].SHA256}
	}
	return v, err
}

func (r *Room) save(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	v := s.Values
	d := Download{
		ID: s.ID, Slug: v.Get("slug"), Title: v.Get("title"), Family: v.Get("family"), Audience: v.Get("audience"),
		Summary: v.Get("summary"), Body: v.Get("body"), Licence: v.Get("licence"), LicenceVersion: v.Get("licence_version"),
		LicenceText: v.Get("licence_text"),
	}
	if d.Family == "none" {
		d.Family = ""
	}
	if err := keepLicence(ctx, tx, d); err != nil {
		return err
	}
	if err := write(ctx, tx, d, s.New); err != nil {
		return err
	}
	return r.keepFile(ctx, tx, s)
}

// keepLicence stores a version of a licence, unless it is stored with the same text. With another text it is refused.
func keepLicence(ctx context.Context, tx pgx.Tx, d Download) error {
	if _, err := tx.Exec(ctx, `
		INSERT INTO licence (name, version, body) VALUES ($1, $2, $3) ON CONFLICT (name, version) DO NOTHING`,
		d.Licence, d.LicenceVersion, d.LicenceText); err != nil {
		return fmt.Errorf("keep licence: %w", err)
	}
	var stored string
	if err := tx.QueryRow(ctx, `SELECT body FROM licence WHERE name = $1 AND version = $2`, d.Licence, d.LicenceVersion).
		Scan(&stored); err != nil {
		return fmt.Errorf("keep licence: %w", err)
	}
	if strings.TrimSpace(stored) != strings.TrimSpace(d.LicenceText) {
		return publish.Invalid{"licence_version": "Version " + d.LicenceVersion + " of this licence has another text, which stays as it is. " +
			"Give the changed text a new number."}
	}
	return nil
}

func write(ctx context.Context, tx pgx.Tx, d Download, fresh bool) error {
	sql := `
		UPDATE download SET slug = $2, title = $3, family = $4, audience = $5, summary = $6, body = $7, licence = $8, licence_version = $9
		WHERE id = $1`
	if fresh {
		sql = `
		INSERT INTO download (id, slug, title, family, audience, summary, body, licence, licence_version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	}
	_, err := tx.Exec(ctx, sql, d.ID, d.Slug, d.Title, d.Family, d.Audience, d.Summary, d.Body, d.Licence, d.LicenceVersion)
	if err != nil {
		return fmt.Errorf("save download: %w", err)
	}
	return nil
}

// keepFile makes an uploaded file the newest version.
func (r *Room) keepFile(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	list, err := versions(ctx, tx, s.ID)
	if err != nil {
		return err
	}
	number := s.Values.Get("file_version")
	if len(s.Files) == 0 {
		newest := ""
		if len(list) > 0 {
			newest = list[0].Version
		}
		if number != newest {
			return publish.Invalid{"file": "Choose the file that is version " + number + ", or leave the version as it was."}
		}
		return nil
	}
	if number == "" {
		return publish.Invalid{"file_version": "Enter the version of the file, for example 1.0."}
	}
	for _, v := range list {
		if v.Version == number {
			return publish.Invalid{"file_version": "Version " + number + " is another file. Give this one a number of its own."}
		}
	}
	return r.addVersion(ctx, tx, s.ID, number, s.Files[0], s.Now)
}

// addVersion holds a staged file as the newest version of a download.
func (r *Room) addVersion(
	ctx context.Context, tx pgx.Tx, download uuid.UUID, number string, f file.Staged, at time.Time,
) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	r.Desk.Files.Hold(b, Kind, download, f.ID)
	b.Queue(`
		INSERT INTO download_version (id, download_id, version, file_id, type, size, sha256, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, id, download, number, f.ID, f.Type, f.Size, f.SHA256, at)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("add version: %w", err)
	}
	return nil
}

// ready says what a download lacks to be published.
func (r *Room) ready(ctx context.Context, db publish.DB, id uuid.UUID) (string, error) {
	d, err := r.byID(ctx, db, id)
	if err != nil || d.File.ID != uuid.Nil {
		return "", err
	}
	list, err := versions(ctx, db, id)
	if len(list) == 0 {
		return r.say("no_file"), err
	}
	return r.say("file_withheld"), err
}

// preview draws the page with the newest version, scanned or not.
func (r *Room) preview(w http.ResponseWriter, req *http.Request, db publish.DB, id uuid.UUID) error {
	d, err := r.byID(req.Context(), db, id)
	if err != nil {
		return err
	}
	list, err := versions(req.Context(), db, id)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		d.File = list[0]
	}
	return r.views.show.Write(w, req, http.StatusOK, showPage{Base: r.base(d), Download: d})
}

// versionLine is a version as staff see it.
type versionLine struct {
	Version
	Fetched int
	Offered bool
	Warning string
}

func (r *Room) versionsPanel(ctx context.Context, id uuid.UUID) (template.HTML, error) {
	d, err := r.byID(ctx, r.Desk.Pool, id)
	if err != nil {
		return "", err
	}
	list, err := versions(ctx, r.Desk.Pool, id)
	if err != nil {
		return "", err
	}
	lines := make([]versionLine, 0, len(list))
	for _, v := range list {
		l := versionLine{Version: v, Offered: v.ID == d.File.ID}
		if err := r.Desk.Pool.QueryRow(ctx, `
			SELECT count(*) FROM download_use WHERE download_id = $1 AND version = $2`, id, v.Version).Scan(&l.Fetched); err != nil {
			return "", fmt.Errorf("count downloads: %w", err)
		}
		if v.FileID.Valid {
			info, err := r.Desk.Files.Info(ctx, v.FileID.UUID)
			if err != nil && !errors.Is(err, file.ErrGone) {
				return "", err
			}
			l.Warning = info.Warning()
		}
		lines = append(lines, l)
	}
	return r.views.get.Fragment("versions", lines)
}
