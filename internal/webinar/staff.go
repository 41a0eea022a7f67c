package webinar

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

func (r *Room) staff(router chi.Router) {
	r.editor.Staff(publish.Room{
		Kind: Kind, Table: "webinar", Path: "webinars", One: "webinar", Many: "webinars",
		Public: func(slug string) string { return "/webinars/" + slug },
		Fields: r.fields, Check: checkEdit, Load: r.load, Save: r.save,
		Preview: r.preview, After: r.after, Acts: r.acts, Panel: r.seats, Notes: r.notes,
	})(router)
	set := r.desk.Pages
	router.Get("/webinars/{id}/attendees", set.Handle(r.showAttendees))
	router.Post("/webinars/{id}/attendees", set.Handle(r.takeAttendance))
}

// timeFields say when it takes place. The edit form has them until the webinar is published; then a move is an act of
// its own, since everybody who registered is told.
func timeFields() []form.Field {
	return []form.Field{
		{Name: "date", Label: "Day", Kind: form.Date, Required: true},
		{Name: "time", Label: "Time of day", Kind: form.Text, Required: true, Max: 5, Example: "11:00"},
		{
			Name: "zone", Label: "Time zone", Kind: form.Text, Required: true, Max: 60, Example: "America/Chicago",
			Hint: "Its IANA name. The time is what clocks show there.",
		},
		{Name: "minutes", Label: "Length in minutes", Kind: form.Text, Required: true, Max: 4, Example: "60"},
	}
}

// fields are those of the edit form. Once the event is over, a recording can be uploaded.
func (r *Room) fields(ctx context.Context, db publish.DB, id uuid.UUID) ([]form.Field, error) {
	fields := []form.Field{publish.TitleField(), publish.SlugField("/webinars/"), publish.SummaryField()}
	settled, over := false, false
	if id != uuid.Nil {
		w, err := byID(ctx, db, id)
		if err != nil {
			return nil, err
		}
		settled = w.State == publish.Published || w.Taken+w.Waiting > 0
		over = !r.desk.Now().Before(w.End())
	}
	if !settled {
		fields = append(fields, timeFields()...)
	}
	fields = append(fields,
		form.Field{
			Name: "speakers", Label: "Speakers", Kind: form.LongText, Max: 600, Hint: "One a line: what they do, and their name if they wish.",
		},
		form.Field{
			Name: "join_url", Label: "Address of the online room", Kind: form.Text, Max: 500,
			Hint: "Only those who have a seat are told. A change is mailed to all of them.",
		},
		form.Field{
			Name: "place", Label: "Postal address, if one goes there", Kind: form.LongText, Max: 400,
			Hint: "A line each: name, street, city, country. A change is mailed to everybody registered.",
		},
		form.Field{Name: "capacity", Label: "Seats", Kind: form.Text, Required: true, Max: 6, Example: "150"},
		form.Field{
			Name: "reserved", Label: "Of these, given outside this site", Kind: form.Text, Max: 6, Example: "4",
			Hint: "Speakers, guests, seats given by telephone.",
		},
		publish.BodyField(),
	)
	if over {
		fields = append(fields, film.UploadFields()...)
	}
	return fields, nil
}

var timeOfDay = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$`)

// checkTime judges day, time and zone where they are given.
func checkTime(v form.Values, errs form.Errors) {
	number(v, errs, "minutes", 5, 1440)
	if v.Get("time") != "" && !timeOfDay.MatchString(v.Get("time")) {
		errs.Add("time", "Enter a time of day from 00:00 to 23:59, for example 09:30.")
	}
	zone, err := Zone(v.Get("zone"))
	if v.Get("zone") != "" && err != nil {
		errs.Add("zone", "There is no time zone of this name. Write it like America/Chicago.")
	}
	local, fault := time.Parse("2006-01-02 15:04", v.Get("date")+" "+v.Get("time"))
	if err != nil || fault != nil {
		return
	}
	if _, reading := Instant(local, zone); reading == Skipped {
		errs.Add("time", "Clocks in this zone go forward over this time on that day: it does not exist. Choose another.")
	}
}

func checkEdit(v form.Values, errs form.Errors) {
	checkTime(v, errs)
	number(v, errs, "capacity", 1, 100_000)
	number(v, errs, "reserved", 0, 100_000)
	if atoi(v, "reserved") > atoi(v, "capacity") {
		errs.Add("reserved", "That is more than there are seats.")
	}
	if v.Get("join_url") == "" && v.Get("place") == "" {
		errs.Add("join_url", "Enter where it takes place: the address of the online room, a postal address, or both.")
	}
	checkHTTPS(v, errs, "join_url")
}

func checkHTTPS(v form.Values, errs form.Errors, name string) {
	if text := v.Get(name); text != "" {
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			errs.Add(name, "Enter an address that begins with https://.")
		}
	}
}

func number(v form.Values, errs form.Errors, name string, least, most int) {
	text := v.Get(name)
	if text == "" {
		return
	}
	if n, err := strconv.Atoi(text); err != nil || n < least || n > most {
		errs.Add(name, fmt.Sprintf("Enter a whole number from %d to %d.", least, most))
	}
}

// atoi reads a number that was checked; nothing is zero.
func atoi(v form.Values, name string) int {
	n, _ := strconv.Atoi(v.Get(name))
	return n
}

func (r *Room) load(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
	w, err := byID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	reel, err := r.uploads.Reel(ctx, db, id)
	if err != nil {
		return nil, err
	}
	v := reel.Values()
	for name, text := range map[string]string{
		"title": w.Title, "slug": w.Slug, "summary": w.Summary, "body": w.Body, "speakers": w.SpeakerLines,
		"date": w.StartsLocal.Format(time.DateOnly), "time": w.StartsLocal.Format("15:04"), "zone": w.Zone,
		"minutes": strconv.Itoa(w.Minutes), "capacity": strconv.Itoa(w.Capacity), "reserved": strconv.Itoa(w.Reserved),
		"place": w.Place, "join_url": w.JoinURL, "recording": w.Recording, "captions": film.FormatCues(w.Captions), "transcript": w.Transcript,
		"cancelled": w.CancelReason,
	} {
		if text != "" {
			v[name] = []string{text}
		}
	}
	return v, nil
}

// save writes a row. What the form did not ask, because the webinar is settled, stays.
func (r *Room) save(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	v := s.Values
	if s.New {
		_, err := tx.Exec(ctx, `
			INSERT INTO webinar (id, slug, title, summary, body, speakers, starts_local, zone, minutes, capacity, reserved,
				place, join_url, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			s.ID, v.Get("slug"), v.Get("title"), v.Get("summary"), v.Get("body"), v.Get("speakers"), localOf(v), v.Get("zone"),
			atoi(v, "minutes"), atoi(v, "capacity"), atoi(v, "reserved"), v.Get("place"), v.Get("join_url"), s.Now)
		return err
	}
	old, err := lock(ctx, tx, s.ID)
	if err != nil {
		return err
	}
	if taken := old.Taken + atoi(v, "reserved"); atoi(v, "capacity") < taken {
		return publish.Invalid{"capacity": fmt.Sprintf("%d seats are given already. Enter that many or more.", taken)}
	}
	w := old
	w.Title, w.Slug, w.Summary, w.Body, w.SpeakerLines = v.Get("title"), v.Get("slug"), v.Get("summary"), v.Get("body"), v.Get("speakers")
	w.Capacity, w.Reserved, w.Place, w.JoinURL = atoi(v, "capacity"), atoi(v, "reserved"), v.Get("place"), v.Get("join_url")
	if v.Get("date") != "" {
		w.StartsLocal, w.Zone, w.Minutes = localOf(v), v.Get("zone"), atoi(v, "minutes")
	}
	if err := r.write(ctx, tx, old, w); err != nil {
		return err
	}
	return r.uploads.Keep(ctx, tx, s.ID, s.Files)
}

func localOf(v form.Values) time.Time {
	local, _ := time.Parse("2006-01-02 15:04", v.Get("date")+" "+v.Get("time")) // it was checked
	return local
}

// write stores a changed webinar. A change that calendars must know raises the sequence, and Tend tells of it.
func (r *Room) write(ctx context.Context, tx pgx.Tx, old, w Webinar) error {
	if !w.StartsLocal.Equal(old.StartsLocal) || w.Zone != old.Zone || w.Minutes != old.Minutes || w.Place != old.Place ||
		w.JoinURL != old.JoinURL || w.Title != old.Title {
		if old.State == publish.Published || old.Taken+old.Waiting > 0 { // its entry stands in calendars
			now := r.desk.Now() // under the lock: whoever registered by the old time did so before
			w.Sequence, w.MovedAt = old.Sequence+1, &now
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE webinar SET slug = $2, title = $3, summary = $4, body = $5, speakers = $6, starts_local = $7, zone = $8,
			minutes = $9, capacity = $10, reserved = $11, place = $12, join_url = $13, sequence = $14, moved_at = $15
		WHERE id = $1`,
		w.ID, w.Slug, w.Title, w.Summary, w.Body, w.SpeakerLines, w.StartsLocal, w.Zone, w.Minutes, w.Capacity, w.Reserved,
		w.Place, w.JoinURL, w.Sequence, w.MovedAt)
	return err
}

// after gives away the seats that a change made free.
func (r *Room) after(ctx context.Context, tx pgx.Tx, id uuid.UUID, _ string) error {
	w, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = r.refill(ctx, tx, w)
	return err
}

func (r *Room) preview(w http.ResponseWriter, req *http.Request, db publish.DB, id uuid.UUID) error {
	one, err := byID(req.Context(), db, id)
	if err != nil {
		return err
	}
	return r.drawOne(w, req, one)
}

// acts are moving, calling off, and attaching the recording.
func (r *Room) acts(ctx context.Context, db publish.DB, id uuid.UUID) ([]publish.Act, error) {
	w, err := byID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	now := r.desk.Now()
	switch stand := w.Stand(now); {
	case stand == CalledOff:
		return nil, nil
	case now.Before(w.End()):
		return []publish.Act{r.moveAct(), r.cancelAct()}, nil
	default:
		return []publish.Act{r.recordingAct()}, nil
	}
}

func (r *Room) moveAct() publish.Act {
	return publish.Act{
		Name: "move", Label: "Move to another time", Done: "moved",
		Hint:   r.say("move"),
		Fields: timeFields(), Check: checkTime,
		Do: func(ctx context.Context, tx pgx.Tx, id uuid.UUID, v form.Values) error {
			old, err := lock(ctx, tx, id)
			if err != nil {
				return err
			}
			w := old
			w.StartsLocal, w.Zone, w.Minutes = localOf(v), v.Get("zone"), atoi(v, "minutes")
			if !r.desk.Now().Before(w.Start()) {
				return publish.Invalid{"date": "This time is over. Choose one to come."}
			}
			return r.write(ctx, tx, old, w)
		},
	}
}

func (r *Room) cancelAct() publish.Act {
	return publish.Act{
		Name: "cancel", Label: "Cancel the webinar", Done: "cancelled", Danger: true,
		Hint: r.say("cancel"),
		Fields: []form.Field{{
			Name: "reason", Label: "Reason, as it is mailed", Kind: form.LongText, Required: true, Max: 500,
			Example: "The speaker is ill. We offer the same subject again in spring.",
		}},
		Do: func(ctx context.Context, tx pgx.Tx, id uuid.UUID, v form.Values) error {
			_, err := tx.Exec(ctx, `
				UPDATE webinar SET cancelled_at = $2, cancel_reason = $3, sequence = sequence + 1
				WHERE id = $1 AND cancelled_at IS NULL`, id, r.desk.Now(), v.Get("reason"))
			return err
		},
	}
}

func (r *Room) recordingAct() publish.Act {
	return publish.Act{
		Name: "recording", Label: "Attach the recording", Done: "attached the recording to",
		Hint: r.say("recording"),
		Fields: []form.Field{
			{Name: "film", Label: "Film", Kind: form.Choice, Required: true, Options: film.Options(r.web)},
			{Name: "captions", Label: "Captions", Kind: form.LongText, Max: 50_000, Hint: film.CueHint()},
			{Name: "transcript", Label: "Transcript", Kind: form.LongText, Max: 50_000, Hint: "What is said and shown, for those who read. Markdown."},
		},
		Check: func(v form.Values, errs form.Errors) {
			if _, sentence := film.ParseCues(v.Get("captions")); sentence != "" {
				errs.Add("captions", sentence)
			}
		},
		Do: func(ctx context.Context, tx pgx.Tx, id uuid.UUID, v form.Values) error {
			cues, _ := film.ParseCues(v.Get("captions"))
			if err := r.whole(ctx, tx, id, v.Get("film"), cues); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE webinar SET recording = $2, captions = $3, transcript = $4 WHERE id = $1`,
				id, v.Get("film"), cues, v.Get("transcript"))
			return err
		},
	}
}

// whole refuses a recording that was not uploaded, and one without captions.
func (r *Room) whole(ctx context.Context, tx pgx.Tx, id uuid.UUID, name string, cues []film.Cue) error {
	reel, err := r.uploads.Reel(ctx, tx, id)
	if err != nil {
		return err
	}
	own := name == film.Uploaded
	switch {
	case own && !reel.Has(film.FilmField):
		return publish.Invalid{"film": "No film was uploaded here yet. Upload it in the form and save, then attach it."}
	case len(cues) == 0 && !(own && reel.Has(film.CaptionsField)):
		return publish.Invalid{"captions": "Type the captions, or upload them as WebVTT with a film that is uploaded too."}
	}
	return nil
}

// seats is what the edit page shows beside the form.
func (r *Room) seats(ctx context.Context, id uuid.UUID) (template.HTML, error) {
	w, err := byID(ctx, r.desk.Pool, id)
	if errors.Is(err, page.ErrNotFound) { // it is being made
		return "", nil
	}
	if err != nil {
		return "", err
	}
	l, err := r.list(ctx, w)
	if err != nil {
		return "", err
	}
	return r.views.attendees.Fragment("webinar-seats", l)
}

func (r *Room) notes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]publish.Note, error) {
	list, err := postgres.Rows[Webinar](ctx, r.desk.Pool, `SELECT `+columns+` FROM webinar w WHERE w.id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read webinars: %w", err)
	}
	notes := map[uuid.UUID]publish.Note{}
	for _, w := range list {
		note := publish.Note{Words: fmt.Sprintf("%s, %d of %d seats", w.Start().Format("2 January 2006"), w.Taken+w.Reserved, w.Capacity)}
		if w.Waiting > 0 {
			note.Words += fmt.Sprintf(", %d waiting", w.Waiting)
		}
		switch {
		case w.Cancelled():
			note.Over = "cancelled"
		case !r.desk.Now().Before(w.End()):
			note.Over = "over"
		}
		notes[w.ID] = note
	}
	return notes, nil
}
