package download

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/postgres"
)

// Offer is a file that a person may fetch in the portal.
type Offer struct {
	Title  string
	Detail string    // "PDF, 54 KB, version 2.3"
	Path   string    // of the page with the button, good for an hour
	Until  time.Time // zero: as long as it is offered
}

// ForConnect lists what a person who is signed in may fetch: what they asked for, for as long as its link is good, and
// what only the portal offers, of the product families that they are entitled to and of no single family. A family is
// named by the last part of its address: "service-parts".
func (r *Room) ForConnect(ctx context.Context, person uuid.UUID, families ...string) ([]Offer, error) {
	requests, err := r.requested(ctx, person)
	if err != nil {
		return nil, err
	}
	var offers []Offer
	subjects := make([]uuid.UUID, 0, len(requests))
	for _, q := range requests {
		subjects = append(subjects, q.Subject)
	}
	asked, err := r.query(ctx, r.Desk.Pool, `d.id = ANY ($1)`, subjects)
	if err != nil {
		return nil, err
	}
	for _, q := range requests {
		i := slices.IndexFunc(asked, func(d Download) bool { return d.ID == q.Subject })
		if i < 0 {
			continue
		}
		d := asked[i]
		l := link{q.ID, q.Serial, q.Issued}
		if r.offered(d) && r.Desk.Now().Before(l.until()) {
			offers = append(offers, Offer{Title: d.Title, Detail: d.File.Describe(), Path: r.linkPath(l), Until: l.until()})
		}
	}
	closed, err := r.published(ctx, connect)
	if err != nil {
		return nil, err
	}
	until := r.Desk.Now().Add(portalLasts)
	for _, d := range closed {
		if d.Family == "" || slices.Contains(families, slugOf(d.Family)) {
			offers = append(offers, Offer{
				Title: d.Title, Detail: d.File.Describe(), Path: r.portalPath(portal{person, d.ID, until}),
			})
		}
	}
	return offers, nil
}

// live is a request with its link.
type live struct {
	ID      uuid.UUID `db:"id"`
	Subject uuid.UUID `db:"subject_id"`
	Serial  int       `db:"serial"`
	Issued  time.Time `db:"issued_at"`
}

func (r *Room) requested(ctx context.Context, person uuid.UUID) ([]live, error) {
	list, err := postgres.Rows[live](ctx, r.Desk.Pool, `
		SELECT s.id, s.subject_id, coalesce(l.serial, 1) AS serial, coalesce(l.issued_at, s.created_at) AS issued_at
		FROM submission s LEFT JOIN download_link l ON l.submission_id = s.id
		WHERE s.person_id = $1 AND s.kind = $2 AND s.status <> $3 AND s.quarantined_at IS NULL AND coalesce(l.uses, 0) < $4
			AND coalesce(l.issued_at, s.created_at) > $5
		ORDER BY s.created_at DESC, s.id DESC LIMIT 50`,
		person, Kind, activity.Withdrawn, linkUses, r.Desk.Now().Add(-linkLasts))
	if err != nil {
		return nil, fmt.Errorf("list links of a person: %w", err)
	}
	return list, nil
}

// export lists what a person fetched, and when.
func (r *Room) export(ctx context.Context, who uuid.UUID, to io.Writer) error {
	list, err := postgres.Rows[fetched](ctx, r.Desk.Pool, `
		SELECT d.title, u.version, u.licence || ', version ' || u.licence_version AS licence, u.at
		FROM download_use u JOIN download d ON d.id = u.download_id
		WHERE `+ofPerson+` ORDER BY u.at, u.id`, who)
	if err != nil {
		return fmt.Errorf("export downloads: %w", err)
	}
	return json.NewEncoder(to).Encode(map[string][]fetched{"downloads": list})
}
