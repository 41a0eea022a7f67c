package announce

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/postgres"
)

// audience are those who may get an announcement: by what the gate shows, and by nothing else. A filter can only use
// what stands there: when they agreed, and the domain of an address.
const audience = ` FROM contactable WHERE purpose = $1 AND channel = $2`

// fits narrows the audience down to the announcement's own.
const fits = `address IS NOT NULL AND ($3::timestamptz IS NULL OR since >= $3) AND ($4::timestamptz IS NULL OR since < $4)
	AND ($5 = '' OR right(address, length($5) + 1) = '@' || $5)`

// filter are the parameters of audience and fits.
func (a announcement) filter() []any {
	return []any{a.Purpose, a.Channel, dayBegins(a.AgreedFrom, 0), dayBegins(a.AgreedTo, 1), a.Domain}
}

// dayBegins is when a day, or one so many days later, begins where the company is.
func dayBegins(day *time.Time, later int) *time.Time {
	if day == nil {
		return nil
	}
	y, m, d := day.Date()
	at := time.Date(y, m, d+later, 0, 0, 0, 0, clock.Zone())
	return &at
}

// reach says how many people an announcement may reach, and how many it leaves out, by reason. The reasons exclude each
// other, in this order. Everybody whose address we hold is in one of the figures.
type reach struct {
	May         int // get it
	Never       int // never agreed to it
	Refused     int // said no
	Unconfirmed int // ticked a box, and did not confirm
	Bounced     int // agreed, but their mail comes back
	Restricted  int // agreed, but the use of all that they sent is restricted
	Nowhere     int // agreed, but gave no number or postal address, or none that their statement names
	Filtered    int // agreed, but the filter leaves them out
}

// reachOf counts. Who may get it is counted as role site_marketing; of all others nothing but figures leaves the database.
func (r *Room) reachOf(ctx context.Context, a announcement) (reach, error) {
	var x reach
	var open int
	err := postgres.AsMarketing(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT count(*), count(*) FILTER (WHERE `+fits+`), count(*) FILTER (WHERE address IS NULL)`+audience, a.filter()...).
			Scan(&open, &x.May, &x.Nowhere)
	})
	if err != nil {
		return x, fmt.Errorf("count the audience: %w", err)
	}
	x.Filtered = open - x.May - x.Nowhere
	err = r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE c.person_id IS NULL), count(*) FILTER (WHERE NOT c.in_force AND (NOT c.granted OR s.at IS NOT NULL)),
			count(*) FILTER (WHERE NOT c.in_force AND c.granted AND s.at IS NULL),
			count(*) FILTER (WHERE c.in_force AND p.bounced_at IS NOT NULL),
			count(*) FILTER (WHERE c.in_force AND p.bounced_at IS NULL AND restricted(p.id, NULL))
		FROM person p
		LEFT JOIN consent c ON c.person_id = p.id AND c.purpose = $1 AND c.channel = $2
		LEFT JOIN suppression s ON s.address_hmac = p.address_hmac AND s.purpose = $1 AND s.channel = $2
		WHERE p.erased_at IS NULL`, a.Purpose, a.Channel).Scan(&x.Never, &x.Refused, &x.Unconfirmed, &x.Bounced, &x.Restricted)
	if err != nil {
		return x, fmt.Errorf("count who is left out: %w", err)
	}
	return x, nil
}
