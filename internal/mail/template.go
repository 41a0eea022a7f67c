package mail

import (
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/url"
	"slices"
	texttemplate "text/template"

	"clickcommerce.com/site/internal/consent"
)

// Template is a kind of mail. Its words are in web/mail/NAME.txt (which defines "subject", "main" and, for the line
// that inboxes show beside the subject, "preview") and web/mail/NAME.html (which defines "main").
type Template struct {
	Name    string
	Purpose string // the same as in table mail_template
	Data    any    // zero value of the struct that it draws
	// ByHand says that a person decided to send this very mail: it does not call itself automatic (RFC 3834).
	ByHand bool
	// Secret says that the data is good for signing in, or opens something: it is emptied once the mail is sent.
	Secret bool
	// Bulk says that very many get such a mail at once: it leaves after all that answers somebody. What needs consent always
	// does.
	Bulk bool
	// Fill brings the words that all mails of one sending share, so that their rows need not hold a copy each: it gets
	// the stored data and returns what is drawn, of the same type. Optional. Its error means that the database is away.
	Fill func(ctx context.Context, data any) (any, error)
	// Stands is asked right before a mail leaves whether the sending that it belongs to still stands: ErrPaused puts it off,
	// ErrStopped cancels it. Optional. Any other error means that the database is away.
	Stands func(ctx context.Context, data any) error
}

var (
	// ErrPaused says that a sending is paused: its mails wait.
	ErrPaused = errors.New("the sending is paused")
	// ErrStopped says that a sending was stopped: what of it has not left never does.
	ErrStopped = errors.New("the sending was stopped")
)

func (t Template) bulk() bool { return t.Bulk || consented(t.Purpose) }

// filled is the stored data of a message with all that is drawn of it.
func (t Template) filled(ctx context.Context, data any) (any, error) {
	if t.Fill == nil {
		return data, nil
	}
	return t.Fill(ctx, data)
}

func (t Template) stands(ctx context.Context, data any) error {
	if t.Stands == nil {
		return nil
	}
	return t.Stands(ctx, data)
}

// Invitation may be implemented by the data of a template whose mails carry a calendar entry: method is REQUEST or
// CANCEL, ics the file (RFC 5545, RFC 6047); a mail whose method is empty carries none.
type Invitation interface {
	Invitation() (method, ics string)
}

// In the structs below, fields named URL (or ending so) take a path of the site ("/r/…") or an address below
// PUBLIC_URL; any other makes the message fail. Optional fields may be empty and are then not mentioned.

// Received tells the sender of a form that it arrived. It repeats nothing that was typed but a short name.
type Received struct {
	Name       string // optional; dropped where it isn't plainly a name
	What       string // "application to the alliance programme"
	Reference  string
	Next, By   string // optional: what happens next (a sentence), and by when
	ReceiptURL string
	ConfirmURL string // optional: set while the address isn't confirmed

	AddressOnly bool // confirming brings nothing into force that was ticked
}

// Confirm asks the owner of an address whether a consent given in its name is theirs (double opt-in).
type Confirm struct {
	What    string // "our newsletter"
	Wording string // what was ticked, word for word
	URL     string
}

// Code carries the six digits that open the contents of a receipt for 15 minutes.
type Code struct{ Code, Reference string }

// More asks the sender of a form for something that is missing.
type More struct{ What, Reference, Question, URL string }

// Letter is what a member of staff writes.
type Letter struct {
	Subject    string
	Name       string // optional
	Reference  string // optional
	Paragraphs []string
	URL        string // optional: where to answer
	URLLabel   string // words of that button
}

// Inbox tells the owner of a kind that one came in. Who is an organisation or a short name, nothing more.
type Inbox struct{ Kind, Subject, Reference, Who, URL string }

// Conduct is about inappropriate use of the site (P-8).
type Conduct struct{ What, Evidence, Terms, ObjectURL string }

// Core returns the templates that no activity owns.
func Core() []Template {
	return []Template{
		{Name: "received", Purpose: "service", Data: Received{}},
		{Name: "confirm", Purpose: "service", Data: Confirm{}},
		{Name: "code", Purpose: "service", Data: Code{}, Secret: true},
		{Name: "more", Purpose: "service", Data: More{}, ByHand: true},
		{Name: "letter", Purpose: "service", Data: Letter{}, ByHand: true},
		{Name: "inbox", Purpose: "internal", Data: Inbox{}},
		{Name: "conduct", Purpose: "conduct", Data: Conduct{}, ByHand: true},
	}
}

// consented tells whether mail for the purpose needs a consent in force.
func consented(purpose string) bool {
	return slices.Contains(consent.Purposes(), consent.Purpose(purpose))
}

// drawer is a Template with its parsed files.
type drawer struct {
	Template
	text *texttemplate.Template
	html *htmltemplate.Template
}

func parse(files fs.FS, list []Template, base *url.URL) (map[string]*drawer, error) {
	funcs := funcsFor(base)
	text, err := texttemplate.New("layout.txt").Option("missingkey=error").Funcs(funcs).ParseFS(files, "layout.txt", "why.txt")
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	html, err := htmltemplate.New("layout.html").Option("missingkey=error").Funcs(funcs).ParseFS(files, "layout.html", "why.txt")
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	parsed := make(map[string]*drawer, len(list))
	for _, t := range list {
		if _, twice := parsed[t.Name]; twice {
			return nil, fmt.Errorf("mail: two templates are named %s", t.Name)
		}
		d := &drawer{Template: t}
		if d.text, err = texttemplate.Must(text.Clone()).ParseFS(files, t.Name+".txt"); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		if d.html, err = htmltemplate.Must(html.Clone()).ParseFS(files, t.Name+".html"); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		if d.text.Lookup("subject") == nil || d.text.Lookup("main") == nil || d.html.Lookup("main") == nil {
			return nil, fmt.Errorf("mail: template %s lacks a part: .txt defines subject and main, .html main", t.Name)
		}
		parsed[t.Name] = d
	}
	return parsed, nil
}

// Parsed returns the parsed files of a template, so that tests can check them against the type of its data. Both are
// nil for an unknown name.
func (q *Queue) Parsed(name string) (*texttemplate.Template, *htmltemplate.Template) {
	d, ok := q.templates[name]
	if !ok {
		return nil, nil
	}
	return d.text, d.html
}
