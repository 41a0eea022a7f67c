package staff

import (
	"errors"
	"fmt"
	"net/http"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// told turns what the stores return into what staff are told; the rest is no matter of theirs.
func (ws *Workspace) told(err error) error {
	switch {
	case errors.Is(err, submission.ErrNotFound), errors.Is(err, person.ErrNotFound), errors.Is(err, file.ErrGone):
		return page.ErrNotFound
	case errors.Is(err, file.ErrWithheld):
		return &page.Error{Status: http.StatusConflict, Message: ws.say("withheld")}
	case errors.Is(err, mail.ErrRefused):
		return &page.Error{Status: http.StatusConflict, Message: ws.say("mail_refused")}
	}
	return err
}

func errRead(what string, err error) error { return fmt.Errorf("read %s: %w", what, err) }
