package privacy

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
)

type unsubscribePage struct {
	page.Base
	What        string // "the newsletter by email"
	Address     string // masked
	Preferences string
	Nothing     bool // nothing is held under the link any more
	Done        bool
}

// subscription returns what the link of a mail stands for. It returns page.ErrNotFound for a forged link, and ok false
// where erasure took what it stood for.
func (r *Room) subscription(req *http.Request) (s mail.Subscription, who person.Person, ok bool, err error) {
	s, err = r.desk.Mail.Unsubscribe(req.Context(), chi.URLParam(req, "token"))
	switch {
	case errors.Is(err, key.ErrForged):
		return s, who, false, page.ErrNotFound
	case errors.Is(err, mail.ErrNotFound):
		return s, who, false, nil
	case err != nil:
		return s, who, false, err
	}
	if consent.Purpose(s.Purpose).Words() == "" {
		return s, who, false, page.ErrNotFound // mail about a person's own request can't be stopped by a link, and has none
	}
	who, err = r.desk.People.Get(req.Context(), s.Person)
	if errors.Is(err, person.ErrNotFound) || err == nil && who.ErasedAt != nil {
		return s, who, false, nil
	}
	return s, who, err == nil, err
}

func (r *Room) showUnsubscribe(w http.ResponseWriter, req *http.Request) error {
	s, who, ok, err := r.subscription(req)
	if err != nil {
		return err
	}
	stopped := false
	if ok {
		if stopped, err = r.stopped(req.Context(), s); err != nil {
			return err
		}
	}
	return r.writeUnsubscribe(w, req, s, who, unsubscribePage{Nothing: !ok, Done: stopped})
}

// stopped tells whether what a link stands for is stopped already.
func (r *Room) stopped(ctx context.Context, s mail.Subscription) (bool, error) {
	choices, err := r.desk.Ledger.Of(ctx, s.Person)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(choices, func(c consent.Choice) bool {
		return string(c.Purpose) == s.Purpose && string(c.Channel) == s.Channel && !c.Granted
	}), nil
}

// takeUnsubscribe ends what the link stands for, at once and as often as it is pressed. The token is the authority, so
// the body is not even read: a person's button and a mail program's request (RFC 8058) are the same.
func (r *Room) takeUnsubscribe(w http.ResponseWriter, req *http.Request) error {
	s, who, ok, err := r.subscription(req)
	if err != nil {
		return err
	}
	if ok {
		err := r.stop(req.Context(), who.ID, s.Purpose, s.Channel, consent.FromUnsubscribe, r.say("stopped_by_link"))
		if err != nil {
			return err
		}
	}
	return r.writeUnsubscribe(w, req, s, who, unsubscribePage{Nothing: !ok, Done: ok})
}

func (r *Room) stop(ctx context.Context, who uuid.UUID, purpose, channel string, origin consent.Origin, wording string) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	if err := r.desk.Ledger.Withdraw(ctx, who, consent.Purpose(purpose), consent.Channel(channel), origin, wording, s.ID); err != nil {
		return err
	}
	r.desk.Refused()
	return nil
}

func (r *Room) writeUnsubscribe(w http.ResponseWriter, req *http.Request, s mail.Subscription, who person.Person, data unsubscribePage) error {
	data.Base = page.Base{
		Title: "Stop these mails", Description: r.say("unsubscribe_about"), NoIndex: true, Path: req.URL.Path,
	}
	if !data.Nothing {
		data.What = what(consent.Purpose(s.Purpose), consent.Channel(s.Channel))
		data.Address = mask(who.Email)
		data.Preferences = r.desk.Mail.PreferencesPath(who.ID)
	}
	if data.Done {
		data.Title = "Stopped"
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.views.unsubscribe.Write(w, req, http.StatusOK, data)
}

func what(purpose consent.Purpose, channel consent.Channel) string {
	return purpose.Words() + " " + channel.Words()
}

// mask shows enough of an address for its owner to know it: whoever else has the link learns little.
func mask(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	host, top, _ := strings.Cut(domain, ".")
	return first(local) + "@" + first(host) + "." + top
}

func first(text string) string {
	for _, letter := range text {
		return string(letter) + "•••"
	}
	return "•••"
}
