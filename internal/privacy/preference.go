package privacy

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/word"
)

const (
	proofPurpose = "preferences confirm"
	proofLasts   = 30 * 24 * time.Hour // as long as an unproven choice waits
	asksAgain    = time.Hour           // before the same wish brings another mail
	asksADay     = 8                   // mails that may ask one mailbox: the four purposes by mail, and some mending
)

type preferencesPage struct {
	page.Base
	Address string // masked
	Erased  bool
	Rows    []preference
	Any     bool // something can be stopped
	Message string
	Problem string
	Calls   form.View
	Letters form.View
	wrong   consent.Channel // whose form is shown again, as shown says
	shown   form.Shown
}

// CallsOpen and LettersOpen tell whether the form is shown at once: it is to be put right.
func (p preferencesPage) CallsOpen() bool   { return p.wrong == consent.ByPhone }
func (p preferencesPage) LettersOpen() bool { return p.wrong == consent.ByPost }

type preference struct {
	What    string
	Value   string // "newsletter email": of the button
	State   string // on, off, waiting, never
	Since   time.Time
	Wording string
}

// On tells whether messages of this kind may come, or may once confirmed.
func (p preference) On() bool { return p.State == "on" || p.State == "waiting" }

// Startable tells whether one button agrees to it: what goes by phone or post needs a number or an address.
func (p preference) Startable() bool { return strings.HasSuffix(p.Value, " email") }

func (r *Room) owner(req *http.Request) (person.Person, error) {
	id, err := r.desk.Mail.OfPreferences(chi.URLParam(req, "token"))
	if err != nil {
		return person.Person{}, page.ErrNotFound
	}
	who, err := r.desk.People.Get(req.Context(), id)
	if errors.Is(err, person.ErrNotFound) {
		return person.Person{}, page.ErrNotFound
	}
	return who, err
}

func (r *Room) showPreferences(w http.ResponseWriter, req *http.Request) error {
	who, err := r.owner(req)
	if err != nil {
		return err
	}
	data := preferencesPage{}
	switch query := req.URL.Query(); {
	case query.Has("stopped"):
		data.Message = r.say("preferences_stopped")
	case query.Has("asked"):
		data.Message = r.say("preferences_asked")
	}
	return r.writePreferences(w, req, who, http.StatusOK, data)
}

func (r *Room) writePreferences(w http.ResponseWriter, req *http.Request, who person.Person, status int, data preferencesPage) error {
	data.Base = page.Base{
		Title: "Your preferences", Description: r.say("preferences_about"), NoIndex: true, Path: req.URL.Path,
	}
	w.Header().Set("Cache-Control", "no-store")
	if data.Erased = who.ErasedAt != nil; data.Erased {
		return r.views.preferences.Write(w, req, status, data)
	}
	choices, err := r.desk.Ledger.Of(req.Context(), who.ID)
	if err != nil {
		return err
	}
	refused, err := r.desk.Ledger.RefusedByAddress(req.Context(), who.ID)
	if err != nil {
		return err
	}
	data.Address = mask(who.Email)
	data.Rows = r.rows(choices, refused)
	for _, row := range data.Rows {
		data.Any = data.Any || row.On()
	}
	data.draw(consent.ByPhone, &data.Calls)
	data.draw(consent.ByPost, &data.Letters)
	return r.views.preferences.Write(w, req, status, data)
}

// draw makes the form of a channel: empty, or as it was sent where that is to be put right.
func (p *preferencesPage) draw(c consent.Channel, to *form.View) {
	s := form.Shown{}
	if p.wrong == c {
		s = p.shown
	}
	*to = pointView(p.Path, c, s)
}

// rows lists every purpose by mail, and other channels only where something was chosen about them, or refused for the address.
func (r *Room) rows(choices []consent.Choice, refused []consent.AddressRefusal) []preference {
	var list []preference
	for _, o := range consent.Offers() {
		p := row(o, choices)
		for _, x := range refused {
			if p.State == "never" && x.Purpose == o.Purpose && x.Channel == o.Channel {
				p.State, p.Since, p.Wording = "off", x.At, toldBy(r.say, x.Way)
			}
		}
		if p.State != "never" || o.Channel == consent.ByEmail {
			list = append(list, p)
		}
	}
	return list
}

func row(o consent.Offer, choices []consent.Choice) preference {
	words := what(o.Purpose, o.Channel)
	p := preference{What: word.Capital(words), Value: string(o.Purpose) + " " + string(o.Channel), State: "never"}
	for _, c := range choices {
		if c.Purpose != o.Purpose || c.Channel != o.Channel || c.Lapsed() {
			continue
		}
		p.Since, p.Wording = c.At, c.Wording
		switch {
		case c.InForce:
			p.State = "on"
		case c.Waiting:
			p.State = "waiting"
		default:
			p.State = "off"
		}
	}
	return p
}

// takePreferences keeps what was typed, whatever becomes of it.
func (r *Room) takePreferences(w http.ResponseWriter, req *http.Request) error {
	unread := page.ReadForm(req, page.MostForm)
	f := form.Form{Title: "Your preferences"}
	if c := consent.Channel(req.PostForm.Get("start")); hasPoint(c) {
		f = pointForm(c)
	}
	return r.desk.Unstored(w, req, r.judgePreferences(w, req, unread), f)
}

// judgePreferences stops at once what is to stop; what is to start waits for a button behind a mailed link.
func (r *Room) judgePreferences(w http.ResponseWriter, req *http.Request, unread error) error {
	who, err := r.owner(req)
	if err != nil {
		return err
	}
	if who.ErasedAt != nil {
		return r.writePreferences(w, req, who, http.StatusOK, preferencesPage{})
	}
	c := consent.Channel(req.PostForm.Get("start"))
	var known *page.Error
	if errors.As(unread, &known) {
		return r.writePreferences(w, req, who, known.Status, preferencesPage{
			Problem: known.Message, wrong: c, shown: form.Shown{Values: req.PostForm},
		})
	}
	if hasPoint(c) {
		return r.takePoint(w, req, who, c)
	}
	done := "?stopped"
	switch start, stop := req.PostForm.Get("start"), req.PostForm.Get("stop"); {
	case stop == "all":
		err = r.stopAll(req.Context(), who.ID)
	case stop != "":
		err = r.stopOne(req.Context(), who.ID, stop)
	case start != "":
		done, err = "?asked", r.startOne(req.Context(), who, start)
	default:
		err = errNoSuchChoice
	}
	if errors.Is(err, errNoSuchChoice) {
		return r.writePreferences(w, req, who, http.StatusUnprocessableEntity, preferencesPage{Problem: r.say("choose_button")})
	}
	if errors.Is(err, errManyMails) {
		w.Header().Set("Retry-After", "86400")
		return r.writePreferences(w, req, who, http.StatusTooManyRequests, preferencesPage{Problem: r.say("preferences_many")})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, req, req.URL.Path+done, http.StatusSeeOther)
	return nil
}

var errNoSuchChoice = errors.New("privacy: no such choice")

func (r *Room) stopOne(ctx context.Context, who uuid.UUID, value string) error {
	purpose, channel, _ := strings.Cut(value, " ")
	p, c := consent.Purpose(purpose), consent.Channel(channel)
	if p.Words() == "" || c.Words() == "" {
		return errNoSuchChoice
	}
	return r.stop(ctx, who, purpose, channel, consent.FromPreferences, r.say("stopped_there", "what", what(p, c)))
}

func (r *Room) stopAll(ctx context.Context, who uuid.UUID) error {
	choices, err := r.desk.Ledger.Of(ctx, who)
	if err != nil {
		return err
	}
	for _, o := range consent.OffersBy(consent.ByEmail) { // also what was never agreed to: "everything" means what may come, too
		if err := r.stopOne(ctx, who, string(o.Purpose)+" email"); err != nil {
			return err
		}
	}
	for _, c := range choices {
		if c.Granted && c.Channel != consent.ByEmail {
			if err := r.stopOne(ctx, who, string(c.Purpose)+" "+string(c.Channel)); err != nil {
				return err
			}
		}
	}
	return nil
}

// startOne asks for what goes by mail.
func (r *Room) startOne(ctx context.Context, who person.Person, value string) error {
	for _, o := range consent.OffersBy(consent.ByEmail) {
		if value == string(o.Purpose)+" email" {
			return r.start(ctx, who, wish{offers: []consent.Offer{o}})
		}
	}
	return errNoSuchChoice
}

// proof is what only the mailbox gets: whoever brings it back reads the mail of that person.
type proof struct {
	who   uuid.UUID
	until time.Time
	last  int64 // the entry of the person's chain that it was mailed for: what came later, it does not prove
}

func (r *Room) proofPath(p proof) string {
	body := binary.BigEndian.AppendUint64(p.who[:], uint64(p.until.Unix())) //nolint:gosec // after 1970
	body = binary.BigEndian.AppendUint64(body, uint64(p.last))              //nolint:gosec // counted from 1
	return "/preferences/confirm/" + r.desk.Ring.Seal(proofPurpose, body)
}

// openProof reads a proof. One that was mailed by an earlier version names no entry: it is of what came until it was mailed.
func (r *Room) openProof(ctx context.Context, text string) (proof, error) {
	body, err := r.desk.Ring.Open(proofPurpose, text)
	if err != nil || len(body) != 24 && len(body) != 32 {
		return proof{}, page.ErrNotFound
	}
	p := proof{who: uuid.UUID(body[:16]), until: time.Unix(int64(binary.BigEndian.Uint64(body[16:])), 0)} //nolint:gosec // written above
	if len(body) == 32 {
		p.last = int64(binary.BigEndian.Uint64(body[24:])) //nolint:gosec // written above
		return p, nil
	}
	p.last, err = r.desk.Ledger.LastOf(ctx, p.who, p.until.Add(time.Second-proofLasts), uuid.Nil)
	return p, err
}

type proofPage struct {
	page.Base
	Done        bool
	Choices     []string // wordings that come into force
	Points      []string // the numbers and addresses that they come into force for
	Preferences string
}

// Nothing tells that it counts already, or was stopped since it was asked.
func (p proofPage) Nothing() bool { return len(p.Choices) == 0 && len(p.Points) == 0 }

func (r *Room) prover(req *http.Request) (who person.Person, last int64, err error) {
	p, err := r.openProof(req.Context(), chi.URLParam(req, "proof"))
	if err != nil {
		return who, 0, err
	}
	who, err = r.desk.People.Get(req.Context(), p.who)
	switch {
	case errors.Is(err, person.ErrNotFound), err == nil && who.ErasedAt != nil:
		return who, 0, r.desk.NoMail()
	case err != nil:
		return who, 0, err
	case r.desk.Now().After(p.until):
		return who, 0, &page.Error{Status: http.StatusNotFound, Message: r.say("proof_over")}
	}
	return who, p.last, nil
}

func (r *Room) showProof(w http.ResponseWriter, req *http.Request) error {
	who, last, err := r.prover(req)
	if err != nil {
		return err
	}
	data := proofPage{
		Base: page.Base{Title: "Confirm your choice", Description: r.say("proof_about"), NoIndex: true, Path: req.URL.Path},
		Done: req.URL.Query().Has("done"), Preferences: r.desk.Mail.PreferencesPath(who.ID),
	}
	if err := r.waiting(req.Context(), who, last, &data); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.views.proof.Write(w, req, http.StatusOK, data)
}

// waiting fills in what a confirmation up to that entry of a person's ledger brings into force.
func (r *Room) waiting(ctx context.Context, who person.Person, last int64, data *proofPage) (err error) {
	if data.Choices, err = r.desk.Ledger.Waiting(ctx, who.ID, last); err != nil {
		return err
	}
	points, err := r.desk.Ledger.Points(ctx, who.ID)
	if err != nil {
		return err
	}
	seen := map[consent.Channel]bool{}
	for _, p := range points { // the newest of a channel is the one that will count
		if p.Seq > last {
			continue
		}
		if !seen[p.Channel] && !p.InUse && r.desk.Now().Sub(p.At) < proofLasts {
			data.Points = append(data.Points, p.Value)
		}
		seen[p.Channel] = true
	}
	return nil
}

func (r *Room) takeProof(w http.ResponseWriter, req *http.Request) error {
	who, last, err := r.prover(req)
	if err != nil {
		return err
	}
	var asked proofPage
	if err := r.waiting(req.Context(), who, last, &asked); err != nil {
		return err
	}
	if err := r.desk.Confirm(req.Context(), who, last); err != nil {
		return err
	}
	to := req.URL.Path
	if !asked.Nothing() {
		to += "?done"
	}
	http.Redirect(w, req, to, http.StatusSeeOther)
	return nil
}
