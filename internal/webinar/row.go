package webinar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

// Webinar is one event with its seats as they are now.
type Webinar struct {
	ID           uuid.UUID  `db:"id"`
	Slug         string     `db:"slug"`
	Title        string     `db:"title"`
	Summary      string     `db:"summary"`
	Body         string     `db:"body"`
	SpeakerLines string     `db:"speakers"`
	StartsLocal  time.Time  `db:"starts_local"` // in UTC, which stands for nothing
	Zone         string     `db:"zone"`
	Minutes      int        `db:"minutes"`
	Capacity     int        `db:"capacity"`
	Reserved     int        `db:"reserved"` // seats given outside this site
	Place        string     `db:"place"`
	JoinURL      string     `db:"join_url"`
	Recording    string     `db:"recording"`
	Captions     []film.Cue `db:"captions"`
	Transcript   string     `db:"transcript"`
	Sequence     int        `db:"sequence"`
	MovedAt      *time.Time `db:"moved_at"`
	CancelledAt  *time.Time `db:"cancelled_at"`
	CancelReason string     `db:"cancel_reason"`
	State        string     `db:"state"`
	PublishAt    *time.Time `db:"publish_at"`
	UpdatedAt    time.Time  `db:"updated_at"`
	Taken        int        `db:"taken"`   // seats given on this site
	Waiting      int        `db:"waiting"` // people on the waiting list
}

// columns reads a row w with its seats. A quarantined registration keeps a seat that it has, and waits for none.
const columns = `w.id, w.slug, w.title, w.summary, w.body, w.speakers, w.starts_local, w.zone, w.minutes, w.capacity, w.reserved,
	w.place, w.join_url, w.recording, w.captions, w.transcript, w.sequence, w.moved_at, w.cancelled_at, w.cancel_reason, w.state,
	w.publish_at, w.updated_at,
	(SELECT count(*) FROM submission s WHERE s.subject_id = w.id AND s.status IN ('registered', 'attended')) AS taken,
	(SELECT count(*) FROM submission s WHERE s.subject_id = w.id AND s.status = 'waitlisted'
		AND s.quarantined_at IS NULL) AS waiting`

func one(ctx context.Context, db publish.DB, where string, arg any) (Webinar, error) {
	w, err := postgres.Row[Webinar](ctx, db, `SELECT `+columns+` FROM webinar w WHERE `+where, arg)
	if errors.Is(err, pgx.ErrNoRows) {
		return Webinar{}, page.ErrNotFound
	}
	if err != nil {
		return Webinar{}, fmt.Errorf("read webinar: %w", err)
	}
	return w, nil
}

// byID returns a webinar whatever its state, or page.ErrNotFound.
func byID(ctx context.Context, db publish.DB, id uuid.UUID) (Webinar, error) {
	return one(ctx, db, `w.id = $1`, id)
}

// bySlug returns a webinar that everybody may see, or page.ErrNotFound.
func (r *Room) bySlug(ctx context.Context, slug string) (Webinar, error) {
	w, err := one(ctx, r.desk.Pool, `w.slug = $1`, slug)
	if err == nil && !publish.Public(w.State, w.PublishAt, r.desk.Now()) {
		return Webinar{}, page.ErrNotFound
	}
	return w, err
}

// maxShown is how many webinars a list holds: years of them.
const maxShown = 500

// published returns the webinars that everybody may see, the latest first.
func (r *Room) published(ctx context.Context) ([]Webinar, error) {
	list, err := postgres.Rows[Webinar](ctx, r.desk.Pool, `
		SELECT `+columns+` FROM webinar w WHERE `+publish.Visible+`
		ORDER BY w.starts_local DESC, w.id LIMIT $2`, r.desk.Now(), maxShown)
	if err != nil {
		return nil, fmt.Errorf("list webinars: %w", err)
	}
	return list, nil
}

// Start is the instant at which it begins, in its own zone.
func (w Webinar) Start() time.Time {
	t, _ := Instant(w.StartsLocal, w.zone())
	return t
}

// End is the instant at which it ends, in its own zone.
func (w Webinar) End() time.Time { return w.Start().Add(time.Duration(w.Minutes) * time.Minute) }

// doorsOpen tells whether somebody can be there already: from an hour before the beginning.
func (w Webinar) doorsOpen(now time.Time) bool { return !now.Before(w.Start().Add(-hourBefore)) }

// zone falls back on UTC for a zone that the rules no longer know: a page is better than none.
func (w Webinar) zone() *time.Location {
	zone, err := Zone(w.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// When is day and time in its own zone, with the zone's label.
func (w Webinar) When() string {
	start, end := w.Start(), w.End()
	until := end.Format("15:04")
	if end.YearDay() != start.YearDay() {
		until = end.Format("15:04 on 2 January")
	}
	return start.Format("Monday, 2 January 2006, 15:04") + " to " + until + ", " + zoneLabel(start, w.Zone)
}

// Begins is the day and the time of its start: "Thursday, 3 December, 11:00, Chicago time (CST)".
func (w Webinar) Begins() string {
	start := w.Start()
	return start.Format("Monday, 2 January, 15:04, ") + zoneLabel(start, w.Zone)
}

// Hours is the time of day alone: "11:00 to 12:00, Chicago time (CST)".
func (w Webinar) Hours() string {
	_, hours, _ := strings.Cut(w.When(), w.Start().Format("2006, "))
	return hours
}

// City is how people call its zone.
func (w Webinar) City() string { return city(w.Zone) }

// UTC is the start for the datetime attribute.
func (w Webinar) UTC() string { return w.Start().UTC().Format(time.RFC3339) }

// Offset is how many minutes the clocks of its zone are ahead of UTC at its start.
func (w Webinar) Offset() int {
	_, seconds := w.Start().Zone()
	return seconds / 60
}

// Length is how long it lasts: "75 minutes", "5 hours".
func (w Webinar) Length() string {
	if w.Minutes >= 120 && w.Minutes%60 == 0 {
		return fmt.Sprintf("%d hours", w.Minutes/60)
	}
	return fmt.Sprintf("%d minutes", w.Minutes)
}

// AtPlace tells whether one goes there.
func (w Webinar) AtPlace() bool { return w.Place != "" }

// Address returns the lines of the place.
func (w Webinar) Address() []string { return lines(w.Place) }

// Speakers returns who speaks, one each.
func (w Webinar) Speakers() []string { return lines(w.SpeakerLines) }

// Where is the place in one line.
func (w Webinar) Where() string {
	where := strings.Join(w.Address(), ", ")
	switch {
	case where == "":
		return "Online"
	case w.JoinURL != "":
		return where + ", or online"
	}
	return where
}

// purgeAfter is when a registration is deleted: 12 months after the end, as the privacy statement says.
func (w Webinar) purgeAfter() time.Time { return clock.AddMonths(w.End(), 12) }

// Path is its public page.
func (w Webinar) Path() string { return "/webinars/" + w.Slug }

// Kicker says above the title what it is.
func (w Webinar) Kicker() string {
	if w.AtPlace() {
		return "Event · " + w.Length()
	}
	return "Webinar · " + w.Length()
}

func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// Free is how many seats are left.
func (w Webinar) Free() int { return max(0, w.Capacity-w.Reserved-w.Taken) }

// Cancelled tells whether it was called off.
func (w Webinar) Cancelled() bool { return w.CancelledAt != nil }

// full tells whether who comes now has to wait: nobody passes those who wait already.
func (w Webinar) full() bool { return w.Free() == 0 || w.Waiting > 0 }

// Stand is how a webinar stands for those who may want to come.
type Stand string

// How it may stand.
const (
	Open      Stand = "open"
	Nearly    Stand = "nearly full"
	Queue     Stand = "waiting list"
	Running   Stand = "running"
	Past      Stand = "past"
	Recorded  Stand = "recorded"
	CalledOff Stand = "cancelled"
)

// fewSeats is when "nearly full" is said: a tenth of the seats, three at least, but never more than a half.
func (w Webinar) fewSeats() int { return min(max(3, w.Capacity/10), w.Capacity/2) }

// Stand returns how it stands at a time. Registration ends when it begins.
func (w Webinar) Stand(now time.Time) Stand {
	switch {
	case w.Cancelled():
		return CalledOff
	case !now.Before(w.End()) && w.Recording != "":
		return Recorded
	case !now.Before(w.End()):
		return Past
	case !now.Before(w.Start()):
		return Running
	case w.full():
		return Queue
	case w.Free() <= w.fewSeats():
		return Nearly
	}
	return Open
}

// Takes tells whether one can still register, or join the waiting list.
func (s Stand) Takes() bool { return s == Open || s == Nearly || s == Queue }

// Tag is the class of its mark.
func (s Stand) Tag() string {
	switch s {
	case Open, Recorded:
		return "good"
	case Nearly, Running:
		return "busy"
	case Queue:
		return "wait"
	default:
		return "off"
	}
}

// Word is what stands beside the mark.
func (s Stand) Word() string {
	switch s {
	case Open:
		return "Seats left"
	case Nearly:
		return "Nearly full"
	case Queue:
		return "Waiting list"
	case Running:
		return "On now: registration is closed"
	case Recorded:
		return "Recorded"
	case CalledOff:
		return "Cancelled"
	default:
		return "Over"
	}
}
