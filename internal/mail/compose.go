package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"
)

// What tokens are for: each is bound to its purpose in the key ring.
const (
	unsubscribePurpose = "unsubscribe"
	preferencesPurpose = "preferences"
	messagePurpose     = "message id"
)

// UnsubscribePath returns where the one-click link of a message leads. It never expires.
func (q *Queue) UnsubscribePath(message uuid.UUID) string {
	return "/unsubscribe/" + q.keys.Token(unsubscribePurpose, message)
}

// PreferencesPath returns the address of a person's preferences. It never changes; whoever has it can see and stop, and
// can start nothing that the mailbox does not confirm.
func (q *Queue) PreferencesPath(person uuid.UUID) string {
	return "/preferences/" + q.keys.Token(preferencesPurpose, person)
}

// OfPreferences returns whose preferences the token of their address opens.
func (q *Queue) OfPreferences(token string) (uuid.UUID, error) {
	return q.keys.ParseToken(preferencesPurpose, token)
}

// messageID is the same for every attempt, so that a mail sent twice is known as one. It leads a bounce to its row, and
// nobody can make it from the id.
func (q *Queue) messageID(id uuid.UUID) string {
	return q.keys.Token(messagePurpose, id) + "@" + q.host()
}

func (q *Queue) host() string {
	host := q.base.Hostname()
	if strings.Contains(host, ":") { // an IPv6 literal is no right side of a Message-ID
		return "localhost"
	}
	return host
}

// StopHeaders returns with which headers mails leave that their reader can stop: those of a message of that id, by
// template, for each whose purpose needs consent.
func (q *Queue) StopHeaders(message uuid.UUID) (map[string]netmail.Header, error) {
	all := map[string]netmail.Header{}
	for name, d := range q.templates {
		if !consented(d.Purpose) {
			continue
		}
		m, err := q.compose(message, d, "nobody@check.invalid", Drawn{Subject: "A check", Text: "A check."}, nil, q.now())
		if err != nil {
			return nil, fmt.Errorf("headers of template %s: %w", name, err)
		}
		var raw bytes.Buffer
		if _, err := m.WriteTo(&raw); err != nil {
			return nil, fmt.Errorf("headers of template %s: %w", name, err)
		}
		read, err := netmail.ReadMessage(&raw)
		if err != nil {
			return nil, fmt.Errorf("headers of template %s: %w", name, err)
		}
		all[name] = read.Header
	}
	return all, nil
}

// compose makes the mail of one message. Its errors hold no word of it and no address.
func (q *Queue) compose(id uuid.UUID, d *drawer, to string, drawn Drawn, data any, at time.Time) (*gomail.Msg, error) {
	recipient, err := netmail.ParseAddress(to)
	if err != nil || recipient.Address != to {
		return nil, errors.New("the address is not a mail address")
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&q.identity.From)
	m.ToMailAddress(recipient)
	m.SetMessageIDWithValue(q.messageID(id))
	m.SetDateWithValue(at)
	m.Subject(drawn.Subject)
	if !d.ByHand {
		m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	}
	if consented(d.Purpose) {
		// RFC 2369 and RFC 8058. Set as they are, so that no folding or encoding reaches the address.
		m.SetGenHeaderPreformatted("List-Unsubscribe", "<"+q.base.String()+q.UnsubscribePath(id)+">")
		m.SetGenHeaderPreformatted("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	m.SetBodyString(gomail.TypeTextPlain, drawn.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, drawn.HTML)
	calendar, ok := data.(Invitation)
	if !ok {
		return m, nil
	}
	switch method, ics := calendar.Invitation(); method {
	case "":
	case "REQUEST", "CANCEL", "PUBLISH":
		m.AddAlternativeString(gomail.ContentType("text/calendar; method="+method), ics)
	default:
		return nil, fmt.Errorf("template %s: no such calendar method", d.Name)
	}
	return m, nil
}
