package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.yaml.in/yaml/v3"

	"clickcommerce.com/site/internal/postgres"
)

// Use is one way in which data of an activity is used: what the statement says of it.
type Use struct {
	Activity  string   `yaml:"activity" db:"activity"`
	Purpose   string   `yaml:"purpose" db:"purpose"`
	Data      []string `yaml:"data" db:"data"`
	Recipient string   `yaml:"recipient" db:"recipient"`
	Retention string   `yaml:"retention" db:"retention"`
	Basis     string   `yaml:"basis" db:"basis"`
	// Compatible says why a use that is new may be made of data that was collected before, once its owner was told and
	// had 30 days to object. Empty: it may not, and needs consent or a new submission (P-18).
	Compatible string `yaml:"compatible" db:"compatible"`
}

// Draft is a statement as its file has it, before or after it was published.
type Draft struct {
	Statement
	Uses []Use
}

// ErrPublished says that a version of that id is published already; it can't be published again, nor changed.
var ErrPublished = errors.New("consent: this version is published")

// Drafts lists the ids of the statement files in web/privacy, oldest first.
func Drafts(web fs.FS) ([]string, error) {
	names, err := fs.Glob(web, "privacy/*.md")
	if err != nil {
		return nil, fmt.Errorf("list statement files: %w", err)
	}
	for i, name := range names {
		names[i] = name[len("privacy/") : len(name)-len(".md")]
	}
	slices.Sort(names)
	return names, nil
}

// ReadDraft reads a statement file: front matter with its uses, then Markdown.
func ReadDraft(web fs.FS, id string) (Draft, error) {
	raw, err := fs.ReadFile(web, "privacy/"+id+".md")
	if err != nil {
		return Draft{}, fmt.Errorf("statement %s: %w", id, err)
	}
	head, body, ok := bytes.Cut(bytes.TrimPrefix(raw, []byte("---\n")), []byte("\n---\n"))
	if !ok {
		return Draft{}, fmt.Errorf("statement %s: no front matter", id)
	}
	var meta struct {
		ID          string    `yaml:"id"`
		EffectiveOn time.Time `yaml:"effective_on"`
		Title       string    `yaml:"title"`
		Summary     string    `yaml:"summary_of_change"`
		Uses        []Use     `yaml:"uses"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(head))
	dec.KnownFields(true)
	if err := dec.Decode(&meta); err != nil {
		return Draft{}, fmt.Errorf("statement %s: %w", id, err)
	}
	if meta.ID != id || meta.EffectiveOn.IsZero() || meta.Title == "" || len(meta.Uses) == 0 {
		return Draft{}, fmt.Errorf("statement %s: id, effective_on, title or uses are missing", id)
	}
	digest := sha256.Sum256(raw)
	return Draft{Statement{
		ID: id, EffectiveOn: meta.EffectiveOn, Title: meta.Title, Summary: meta.Summary,
		Body: string(bytes.TrimSpace(body)), Digest: digest[:],
	}, meta.Uses}, nil
}

// Publish stores a statement with its uses, for ever. Pages and forms follow once Refresh was called.
func Publish(ctx context.Context, pool *pgxpool.Pool, d Draft, now time.Time) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return PublishIn(ctx, tx, d, now) })
}

// PublishIn is Publish within a transaction, which an error voids.
func PublishIn(ctx context.Context, tx pgx.Tx, d Draft, now time.Time) error {
	b := &pgx.Batch{}
	b.Queue(`
		INSERT INTO statement_version (id, effective_on, title, summary, body, digest, published_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		d.ID, d.EffectiveOn, d.Title, d.Summary, d.Body, d.Digest, now)
	for _, u := range d.Uses {
		b.Queue(`
			INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis, compatible)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			d.ID, u.Activity, u.Purpose, u.Data, u.Recipient, u.Retention, u.Basis, u.Compatible)
	}
	err := tx.SendBatch(ctx, b).Close()
	if postgres.Violates(err, "statement_version_pkey") {
		return ErrPublished
	}
	if err != nil {
		return fmt.Errorf("publish statement %s: %w", d.ID, err)
	}
	return nil
}

// Uses returns what a published version says of the use of data.
func (s *Statements) Uses(ctx context.Context, version string) ([]Use, error) {
	uses, err := postgres.Rows[Use](ctx, s.pool, `
		SELECT activity, purpose, data, recipient, retention, basis, compatible
		FROM statement_use WHERE version = $1 ORDER BY activity, purpose, recipient`, version)
	if err != nil {
		return nil, fmt.Errorf("read uses: %w", err)
	}
	return uses, nil
}
