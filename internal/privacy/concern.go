package privacy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
)

// concerns says what a version adds for whom: for each activity, what each earlier version named of it.
type concerns struct {
	to   consent.Draft
	uses map[string][]consent.Use // of the earlier versions
	// One entry for each earlier version and activity: a letter for each thing that the new version says of the activity,
	// "1" where the earlier one said it too.
	versions, kinds, said []string
}

// concerned compares a version with all that took effect before it.
func (r *Room) concerned(ctx context.Context, to consent.Draft) (concerns, error) {
	c := concerns{to: to, uses: map[string][]consent.Use{}}
	for _, from := range r.desk.Statements.All() {
		if !earlier(from, to.Statement) {
			continue
		}
		uses, err := r.desk.Statements.Uses(ctx, from.ID)
		if err != nil {
			return c, err
		}
		c.uses[from.ID] = uses
		for _, kind := range kindsOf(to.Uses) {
			c.versions, c.kinds = append(c.versions, from.ID), append(c.kinds, kind)
			c.said = append(c.said, said(usesOf(uses, kind), usesOf(to.Uses, kind)))
		}
	}
	return c, nil
}

// kindsOf are the activities that uses speak of.
func kindsOf(uses []consent.Use) []string {
	var kinds []string
	for _, u := range uses {
		if !slices.Contains(kinds, u.Activity) {
			kinds = append(kinds, u.Activity)
		}
	}
	return kinds
}

// earlier tells whether a version took effect before another.
func earlier(a, b consent.Statement) bool {
	if a.EffectiveOn.Equal(b.EffectiveOn) {
		return a.ID < b.ID
	}
	return a.EffectiveOn.Before(b.EffectiveOn)
}

// nobody tells whether no record can be concerned.
func (c concerns) nobody() bool {
	return !slices.ContainsFunc(c.said, func(s string) bool { return strings.Contains(s, "0") })
}

func usesOf(uses []consent.Use, kind string) []consent.Use {
	return slices.DeleteFunc(slices.Clone(uses), func(u consent.Use) bool { return u.Activity != kind })
}

// said tells of each thing in to, one by one, whether from says it too: each use, each kind of its data, its time limit,
// its basis. See widened.
func said(from, to []consent.Use) string {
	var b strings.Builder
	put := func(named bool) {
		if named {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	for _, u := range to {
		old, ok := sameUse(from, u)
		put(ok)
		for _, data := range u.Data {
			put(ok && slices.Contains(old.Data, data))
		}
		put(ok && namesRetention(old, u))
		put(ok && namesBasis(old, u))
	}
	return b.String()
}

// ofConcern selects, in the order of their ids after $5, people of whom records are held for which version $4 says what
// neither the version shown with them said, nor a version of which their mail told. Who can't be reached is not among them;
// whose mail came back from an address that was corrected since is.
// $1, $2 and $3 are what the earlier versions said.
const ofConcern = `
	FROM person p
	CROSS JOIN LATERAL (
		SELECT jsonb_agg(DISTINCT jsonb_build_object('kind', s.kind, 'version', s.version, 'told', told.versions)) AS list
		FROM submission q
		JOIN collected s ON s.submission_id = q.id
		JOIN known k ON k.version = s.version AND k.kind = s.kind
		CROSS JOIN LATERAL (
			SELECT array_agg(n.version ORDER BY n.version) AS versions, bit_or(o.said) AS said
			FROM notice n JOIN known o ON o.version = n.version AND o.kind = n.kind
			WHERE n.person_id = p.id AND n.kind = s.kind AND (n.delivered_at IS NOT NULL OR EXISTS (
				SELECT FROM message m WHERE m.id = n.message_id AND m.state IN ('queued', 'sent') AND m.bounced_at IS NULL))) told
		WHERE q.person_id = p.id AND q.quarantined_at IS NULL
			AND strpos((k.said | coalesce(told.said, k.said))::text, '0') > 0
			AND NOT EXISTS (SELECT FROM notice n LEFT JOIN message m ON m.id = n.message_id
				WHERE n.person_id = p.id AND n.version = $4 AND n.kind = s.kind AND n.message_id IS NOT NULL
					AND (m.bounced_at IS NULL OR m.address = p.email))) records
	WHERE p.id > $5 AND p.erased_at IS NULL AND p.email IS NOT NULL AND p.bounced_at IS NULL AND records.list IS NOT NULL`

const known = `
	WITH known AS MATERIALIZED (
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[]::varbit[]) k (version, kind, said))`

// args are those of ofConcern.
func (c concerns) args(after uuid.UUID) []any {
	return []any{c.versions, c.kinds, c.said, c.to.ID, after}
}

// Told counts the people whom a version, once published, would have to be told to.
func (r *Room) Told(ctx context.Context, to consent.Draft) (int, error) {
	c, err := r.concerned(ctx, to)
	if err != nil || c.nobody() {
		return 0, err
	}
	var n int
	if err := r.desk.Pool.QueryRow(ctx, known+`SELECT count(*)`+ofConcern, c.args(uuid.Nil)...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count people concerned: %w", err)
	}
	return n, nil
}

// record is one of a person's, with what was shown with it and told of its activity since.
type record struct {
	Kind    string   `json:"kind"`
	Version string   `json:"version"`
	Told    []string `json:"told"`
}

// news are what is new for records, once each.
func (c concerns) news(say page.Say, records []record) []UseChange {
	var list []UseChange
	for _, rec := range records {
		statements := [][]consent.Use{c.uses[rec.Version]}
		for _, version := range rec.Told {
			statements = append(statements, c.uses[version])
		}
		for _, change := range widened(say, usesOf(c.to.Uses, rec.Kind), statements...) {
			if !slices.ContainsFunc(list, func(have UseChange) bool {
				return have.Sentence == change.Sentence && have.ByNotice == change.ByNotice
			}) {
				list = append(list, change)
			}
		}
	}
	return list
}
