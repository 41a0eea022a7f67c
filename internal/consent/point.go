package consent

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Point is how a person who agreed to calls or letters is reached: a telephone number, or the lines of a postal address.
// It counts once it is proven as the choice is that it came with.
type Point struct {
	Channel Channel   `db:"channel" json:"channel"`
	Value   string    `db:"value" json:"value"`
	At      time.Time `db:"at" json:"at"`
	InUse   bool      `db:"in_use" json:"in_use"`
	Seq     int64     `db:"seq" json:"-"` // of the choice that it came with, in the person's chain
}

const (
	addPoint = `
		INSERT INTO contact_point (person_id, channel, value, origin, at) SELECT p.id, $2, $3, $4, $5 FROM person p WHERE `
	// The latest word counts, also of two in the same moment.
	orReplacePoint = ` ON CONFLICT (person_id, channel, at) DO UPDATE SET value = excluded.value, origin = excluded.origin`
)

// Points returns the numbers and postal addresses that are held of a person, the newest first.
func (l *Ledger) Points(ctx context.Context, who uuid.UUID) ([]Point, error) {
	list, err := postgres.Rows[Point](ctx, l.pool, `
		SELECT k.channel, k.value, k.at, k.seq,
			EXISTS (SELECT FROM contact_point_in_use u WHERE u.person_id = $1 AND u.channel = k.channel AND u.at = k.at) AS in_use
		FROM contact_point k WHERE k.person_id = $1 ORDER BY k.seq DESC, k.at DESC, k.channel`, who)
	if err != nil {
		return nil, fmt.Errorf("read numbers and postal addresses: %w", err)
	}
	return list, nil
}

// PointOf is a point with whom it reaches.
type PointOf struct {
	Person uuid.UUID `db:"person_id"`
	Point
}

// bare is a number or postal address without what people write it with, and a number without the zeros before it, nor the
// one that "+44 (0)20" says is dialled within the country alone.
const bare = `ltrim(translate(replace(lower(%s), '(0)', ''), E' \t\r\n.,;:/()+-\'', ''), '0')`

// mostReached is how many of those whom a piece of an address reaches are told: who has more to choose from says more.
const mostReached = 50

// ErrShort says that a piece has too few letters and digits to tell one number or postal address from many.
var ErrShort = errors.New("consent: too few letters and digits to tell one from many")

// Reaching returns whom a telephone number or a postal address reaches, however it is written, or a piece of one. It tells
// whether there are more than it returns. ErrShort is judged by what is compared: zeros alone would reach everybody.
func (l *Ledger) Reaching(ctx context.Context, piece string) (list []PointOf, more bool, err error) {
	var compared string
	if err := l.pool.QueryRow(ctx, `SELECT `+fmt.Sprintf(bare, "$1::text"), piece).Scan(&compared); err != nil {
		return nil, false, fmt.Errorf("read a piece of a number or postal address: %w", err)
	}
	if short(compared) {
		return nil, false, ErrShort
	}
	list, err = postgres.Rows[PointOf](ctx, l.pool, `
		SELECT k.person_id, k.channel, k.value, k.at, k.seq,
			EXISTS (SELECT FROM contact_point_in_use u WHERE u.person_id = k.person_id AND u.channel = k.channel AND u.at = k.at) AS in_use
		FROM contact_point k WHERE strpos(`+fmt.Sprintf(bare, "k.value")+`, $1) > 0
		ORDER BY k.at DESC, k.person_id LIMIT $2`, compared, mostReached+1)
	if err != nil {
		return nil, false, fmt.Errorf("look for a number or postal address: %w", err)
	}
	return list[:min(len(list), mostReached)], len(list) > mostReached, nil
}

// short tells whether a piece has fewer than seven letters and digits.
func short(piece string) bool {
	n := 0
	for _, c := range piece {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			n++
		}
	}
	return n < 7
}

// ErasePoints deletes the numbers and postal addresses that a person gave until then.
func (l *Ledger) ErasePoints(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM contact_point WHERE person_id = $1 AND at <= $2`, who, until); err != nil {
		return fmt.Errorf("erase numbers and postal addresses: %w", err)
	}
	return nil
}

// dropPoint deletes what a channel needed, once a refusal was the last that the person said of it. What a legal hold on the
// person keeps, the night after its end deletes.
func dropPoint(ctx context.Context, tx pgx.Tx, who uuid.UUID, c Channel) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM contact_point k WHERE k.person_id = $1 AND k.channel = $2
			AND NOT EXISTS (SELECT FROM consent c WHERE c.person_id = $1 AND c.channel = $2 AND c.granted)
			AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.person_id = $1 AND h.lifted_at IS NULL)`, who, c)
	return err
}

// IdlePoint is the condition on a contact point k that nobody's choice needs: it was never proven, another took its place,
// or what was agreed to is no longer in force. $1 is the time before which it came.
const IdlePoint = `k.at < $1 AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.person_id = k.person_id AND h.lifted_at IS NULL)
	AND NOT (EXISTS (SELECT FROM contact_point_in_use u WHERE u.person_id = k.person_id AND u.channel = k.channel AND u.at = k.at)
		AND EXISTS (SELECT FROM consent c WHERE c.person_id = k.person_id AND c.channel = k.channel AND c.in_force))`
