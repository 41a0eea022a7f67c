package privacy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
)

// workChecks look at what has to go on by itself: work that stopped, and links in mails that lead nowhere.
func (r *Room) workChecks() []Check {
	return []Check{
		{
			Promise: "P-6", Name: "The ledger is sealed day by day.", Run: r.checkSealing,
			Remove: Removal{SQL: notSealed},
		},
		{
			Promise: "P-18", Name: "Nobody who is to be told of a new use waits while nobody is told.", Run: r.checkTelling,
			Remove: Removal{SQL: notTold},
		},
	}
}

// patience is how long work may rest before its check goes red.
const patience = 24 * time.Hour

// notSealed stores a choice after seals that are old.
const notSealed = `
	ALTER TABLE consent_checkpoint DISABLE TRIGGER USER;
	UPDATE consent_checkpoint SET at = '2000-01-01';
	INSERT INTO person (id, email, address_hmac, created_at) VALUES (gen_random_uuid(), 'loose@check.invalid', '\x02', now());
	INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
	SELECT p.id, 'newsletter', 'email', false, 'No.', (SELECT min(id) FROM statement_version), 'unsubscribe', now()
	FROM person p WHERE email = 'loose@check.invalid'`

// notTold leaves somebody untold whose question is older than the statement that was published long ago.
const notTold = `
	ALTER TABLE statement_version DISABLE TRIGGER USER;
	UPDATE statement_version SET published_at = '2000-01-01';
	INSERT INTO person (id, email, address_hmac, created_at) VALUES (gen_random_uuid(), 'untold@check.invalid', '\x03', now());
	INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at) VALUES ('\x00', 'contact', '[]', '{}', 'en', now());
	INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
	SELECT id, id, 'contact', 'new', '', now(), now() + interval '1 year' FROM person WHERE email = 'untold@check.invalid';
	INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
	SELECT id, 1, '\x00', (SELECT min(v.id) FROM statement_version v), 'en', '{}', now() FROM person WHERE email = 'untold@check.invalid'`

func (r *Room) checkSealing(ctx context.Context) error {
	late, err := r.desk.Ledger.Unsealed(ctx, r.desk.Now().Add(-patience))
	if err == nil && late {
		err = errors.New("there are entries without a seal, and no seal was made for a day")
	}
	return err
}

// checkTelling looks for people who are to be told of the newest version although for a day nobody was told.
func (r *Room) checkTelling(ctx context.Context) error {
	all := r.desk.Statements.All()
	if len(all) == 0 {
		return nil
	}
	var rests bool
	if err := r.desk.Pool.QueryRow(ctx, `
		SELECT v.published_at < $2 AND NOT EXISTS (SELECT FROM notice n WHERE n.version = v.id AND n.queued_at >= $2)
		FROM statement_version v WHERE v.id = $1`, all[0].ID, r.desk.Now().Add(-patience)).Scan(&rests); err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	if !rests {
		return nil
	}
	if walked, err := r.walked(ctx, all[0].ID, patience); err != nil || walked { // counting everybody again takes long
		return err
	}
	uses, err := r.desk.Statements.Uses(ctx, all[0].ID)
	if err != nil {
		return err
	}
	n, err := r.Told(ctx, consent.Draft{Statement: all[0], Uses: uses})
	if err == nil && n > 0 {
		err = fmt.Errorf("%d people are to be told of version %s, and for a day nobody was", n, all[0].ID)
	}
	return err
}

// checkOneClick holds that every mail which rests on consent carries the two headers of RFC 8058, and that the address in
// them answers a mail program: a request from elsewhere, without cookies.
func (r *Room) checkOneClick(ctx context.Context) error {
	headers, err := r.desk.Mail.StopHeaders(uuid.New())
	if err != nil {
		return err
	}
	if len(headers) == 0 {
		return errors.New("no mail rests on consent, so nothing can be told")
	}
	for template, h := range headers {
		address := strings.TrimSuffix(strings.TrimPrefix(h.Get("List-Unsubscribe"), "<"), ">")
		path, ours := strings.CutPrefix(address, r.desk.Pages.URL(""))
		if !ours || h.Get("List-Unsubscribe-Post") != oneClick {
			return fmt.Errorf("a mail of template %s can't be stopped by one click", template)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(oneClick))
		if err != nil {
			return fmt.Errorf("ask to stop: %w", err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://mail.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if _, err := r.answer(req, path); err != nil {
			return err
		}
	}
	return nil
}

const oneClick = "List-Unsubscribe=One-Click"

// refusing keeps what other sites send from the site.
func refusing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost && req.Header.Get("Sec-Fetch-Site") == "cross-site" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, req)
	})
}
