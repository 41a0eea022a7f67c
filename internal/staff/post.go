package staff

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/word"
)

// mailPage lists what was not delivered: no words of it, and no whole address.
type mailPage struct {
	page.Base
	Lines []failedLine
	Pager struct{ Newer, Older string }
	Done  string
}

type failedLine struct {
	ID                        uuid.UUID
	At                        stamp
	Name, Purpose, To, Reason string
	Path                      string // of the record, where the roles open it
	State                     tag
	Again                     bool // it can be sent again
	Gone                      bool // it failed, and its words are deleted
}

const mailsAPage = 50

func (ws *Workspace) showMail(w http.ResponseWriter, r *http.Request) error {
	items, err := ws.desk.Mail.Failed(r.Context(), parseMailCursor(r.URL.Query().Get("before")), mailsAPage+1)
	if err != nil {
		return err
	}
	p := mailPage{Base: page.Base{Title: "Mail not delivered", NoIndex: true}, Done: ws.doneWords(r.URL.Query())}
	if len(items) > mailsAPage {
		items = items[:mailsAPage]
		last := items[mailsAPage-1]
		p.Pager.Older = "/staff/mail?before=" + mailCursor(mail.Cursor{At: last.CreatedAt, ID: last.ID})
	}
	for _, i := range items {
		line := failedLine{
			ID: i.ID, At: ws.stamp(i.CreatedAt), Name: word.Capital(mailName(i.Template)), Purpose: purposeLabel(i.Purpose), To: person.Masked(i.Address),
			Reason: i.LastError, State: mailTag(i),
			Again: i.Again, Gone: i.State == "failed" && i.Emptied,
		}
		if line.Path, err = ws.seen(r.Context(), i.Submission); err != nil {
			return err
		}
		p.Lines = append(p.Lines, line)
	}
	return ws.views.mail.Write(w, r, http.StatusOK, p)
}

// messagePage shows one mail with its words.
type messagePage struct {
	page.Base
	Line    failedLine
	Address string
	Subject string
	Text    string
}

// secret are the links in a mail that do something for whoever follows them: they are for its reader alone.
var secret = regexp.MustCompile(`/(confirm|unsubscribe|preferences|invite|reset|edit)/\S+`) //nolint:gochecknoglobals // a constant in all but syntax

// showMessage shows the words of a mail to those who see the record it is about, and logs that as an opening of the
// record. What opens something for the reader of the mail is left out.
func (ws *Workspace) showMessage(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	item, drawn, err := ws.desk.Mail.Show(r.Context(), id)
	if errors.Is(err, mail.ErrNotFound) || err == nil && !item.Submission.Valid {
		return page.ErrNotFound
	}
	if err != nil {
		return err
	}
	o, err := ws.open(r.Context(), item.Submission.UUID, account.See)
	if err != nil {
		return err
	}
	if err := ws.desk.Store.Read(r.Context(), o.ID, o.by); err != nil {
		return ws.told(err)
	}
	p := messagePage{
		Base: page.Base{
			Title: "Mail: " + mailName(item.Template), NoIndex: true,
			Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}, {Label: o.Reference, Path: submission.RecordPath(o.ID)}},
		},
		Line: failedLine{
			ID: item.ID, At: ws.stamp(item.CreatedAt), Name: word.Capital(mailName(item.Template)), Purpose: purposeLabel(item.Purpose),
			Reason: item.LastError, Path: submission.RecordPath(o.ID), State: mailTag(item),
		},
		Address: item.Address, Subject: drawn.Subject, Text: secret.ReplaceAllString(drawn.Text, "/$1/…"),
	}
	if ws.desk.Mail.Secret(item.Template) {
		p.Text = "" // it opens something for the owner of the mailbox alone, and may not have left
	}
	return ws.views.letter.Write(w, r, http.StatusOK, p)
}

// seen returns the path of a record that the roles open, else "".
func (ws *Workspace) seen(ctx context.Context, id uuid.NullUUID) (string, error) {
	if !id.Valid {
		return "", nil
	}
	_, err := ws.open(ctx, id.UUID, account.See)
	if errors.Is(err, page.ErrNotFound) || errors.Is(err, page.ErrForbidden) {
		return "", nil
	}
	return submission.RecordPath(id.UUID), err
}

func mailCursor(c mail.Cursor) string {
	raw, _ := json.Marshal(c) // times and ids always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseMailCursor(text string) mail.Cursor {
	var c mail.Cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return mail.Cursor{}
	}
	return c
}

// submitRetry sends a mail again that was not delivered, now.
func (ws *Workspace) submitRetry(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	err = ws.desk.Mail.Retry(r.Context(), id)
	if errors.Is(err, mail.ErrNotFound) {
		return done(w, r, "/staff/mail", "sentalready")
	}
	if errors.Is(err, mail.ErrGone) {
		return done(w, r, "/staff/mail", "wordless")
	}
	if err != nil {
		return err
	}
	in := account.From(r.Context())
	role := account.Admin
	if in.Has(account.Reviewer) {
		role = account.Reviewer
	}
	if err := audit.Record(r.Context(), ws.desk.Pool, audit.Event{
		At: ws.desk.Now(), ActorID: some(in.Account.ID), Role: string(role), Action: "retry", Object: "message", ObjectID: some(id),
	}); err != nil {
		return err
	}
	return done(w, r, "/staff/mail", "again")
}
