package privacy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/person"
)

// wish is what a person would like to get by one channel, and where calls or letters are to go.
type wish struct {
	offers []consent.Offer
	point  string
}

func (w wish) channel() consent.Channel { return w.offers[0].Channel }

// hasPoint tells whether messages by a channel need a number or a postal address.
func hasPoint(c consent.Channel) bool { return c == consent.ByPhone || c == consent.ByPost }

// pointForm asks for what calls or letters need: nothing of it is asked of anybody who does not choose them.
func pointForm(c consent.Channel) form.Form {
	about := form.Field{
		Name: string(c) + "_about", Label: "What about?", Kind: form.Several, Required: true,
		Why: "You agree to each on its own, in these words.",
	}
	for _, o := range consent.OffersBy(c) {
		about.Options = append(about.Options, form.Option{Value: string(o.Purpose), Label: o.Wording})
	}
	where := form.Field{
		Name: "phone", Label: "Number to call", Kind: form.Phone, Required: true, Example: "+1 312 555 0100", Autocomplete: "tel",
		Hint: "With its country code.", Why: "We call it for what you tick, and for nothing else. It is deleted when you stop the last of these calls.",
	}
	button := "Ask for calls"
	if c == consent.ByPost {
		button = "Ask for letters"
		where = form.Field{
			Name: "address", Label: "Postal address", Kind: form.LongText, Required: true, Max: 300, Autocomplete: "street-address",
			Hint: "Name, street, town, country: as it is to stand on the envelope.",
			Why:  "Letters go there for what you tick, and for nothing else. It is deleted when you stop the last of these letters.",
		}
	}
	return form.Form{Title: button, Button: button, Fields: []form.Field{about, where}}
}

// pointView draws the form of a channel into the page of preferences.
func pointView(path string, c consent.Channel, s form.Shown) form.View {
	s.Action, s.Hidden = path, []form.Hidden{{Name: "start", Value: string(c)}}
	v := pointForm(c).Plain(s)
	v.Message = ""
	return v
}

// readWish reads what a form of calls or letters sent.
func (r *Room) readWish(c consent.Channel, sent url.Values) (wish, form.Errors) {
	f := pointForm(c)
	values, errs := f.Parse(sent)
	w := wish{point: values.Get("address")}
	if c == consent.ByPhone {
		if w.point = form.Number(f.Fields, values); w.point == "" && values.Get("phone") != "" {
			errs.Add("phone", r.say("number_whole"))
		}
	}
	for _, o := range consent.OffersBy(c) {
		if values.Has(string(c)+"_about", string(o.Purpose)) {
			w.offers = append(w.offers, o)
		}
	}
	return w, errs
}

// takePoint records what was asked for by phone or post, or shows the page again.
func (r *Room) takePoint(w http.ResponseWriter, req *http.Request, who person.Person, c consent.Channel) error {
	asked, errs := r.readWish(c, req.PostForm)
	if len(errs) > 0 {
		return r.writePreferences(w, req, who, http.StatusUnprocessableEntity, preferencesPage{
			wrong: c, shown: form.Shown{Values: req.PostForm, Errors: errs},
		})
	}
	err := r.start(req.Context(), who, asked)
	if errors.Is(err, errManyMails) {
		w.Header().Set("Retry-After", "86400")
		return r.writePreferences(w, req, who, http.StatusTooManyRequests, preferencesPage{
			Problem: r.say("preferences_many"), wrong: c, shown: form.Shown{Values: req.PostForm},
		})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, req, req.URL.Path+"?asked", http.StatusSeeOther)
	return nil
}

// start records a wish as one that is not proven yet, and asks the mailbox. The same wish within an hour brings no second
// mail.
func (r *Room) start(ctx context.Context, who person.Person, w wish) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	w.offers, err = r.newIn(ctx, who.ID, w)
	if err != nil || len(w.offers) == 0 {
		return err
	}
	var asked int
	if err := r.desk.Pool.QueryRow(ctx, `SELECT count(*) FROM message WHERE person_id = $1 AND template = 'confirm' AND created_at > $2`,
		who.ID, r.desk.Now().Add(-24*time.Hour)).Scan(&asked); err != nil {
		return fmt.Errorf("count mails that ask for a choice: %w", err)
	}
	if asked >= asksADay {
		return errManyMails
	}
	var what, wordings []string
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		for _, o := range w.offers {
			what, wordings = append(what, o.Purpose.Words()), append(wordings, o.Wording)
			if err := r.desk.Ledger.Record(ctx, tx, who.ID, consent.Event{
				Purpose: o.Purpose, Channel: o.Channel, Granted: true, Wording: o.Wording, Point: w.point,
				Statement: s.ID, Origin: consent.FromForm, At: r.desk.Now(),
			}); err != nil {
				return err
			}
		}
		last, err := r.desk.Ledger.Head(ctx, tx, who.ID)
		if err != nil {
			return err
		}
		link := r.proofPath(proof{who.ID, r.desk.Now().Add(proofLasts), last})
		words := strings.Join(what, ", ")
		if w.channel() != consent.ByEmail {
			words += " " + w.channel().Words()
		}
		return r.desk.Mail.Insert(ctx, tx, mail.Message{
			Person: uuid.NullUUID{UUID: who.ID, Valid: true}, Template: "confirm", Address: who.Email, Basis: s.ID,
			Data: mail.Confirm{What: words, Wording: strings.Join(wordings, " "), URL: link},
		})
	})
	if err != nil {
		return fmt.Errorf("ask for a choice: %w", err)
	}
	return nil
}

// errManyMails says that the mailbox was asked often enough today.
var errManyMails = errors.New("privacy: enough mails asked for a confirmation today")

// newIn leaves of a wish what is neither in force nor was asked for within the hour, for the same number or address.
func (r *Room) newIn(ctx context.Context, who uuid.UUID, w wish) ([]consent.Offer, error) {
	choices, err := r.desk.Ledger.Of(ctx, who)
	if err != nil {
		return nil, err
	}
	points, err := r.desk.Ledger.Points(ctx, who)
	if err != nil {
		return nil, err
	}
	known := w.point == ""
	for _, p := range points {
		if p.Channel == w.channel() { // the newest of the channel
			known = p.Value == w.point && (p.InUse || r.desk.Now().Sub(p.At) < asksAgain)
			break
		}
	}
	var list []consent.Offer
	for _, o := range w.offers {
		made := false
		for _, c := range choices {
			made = made || c.Purpose == o.Purpose && c.Channel == o.Channel && (c.InForce || c.Granted && r.desk.Now().Sub(c.At) < asksAgain)
		}
		if !made || !known {
			list = append(list, o)
		}
	}
	return list, nil
}
