package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// Addresses corrects the address of a person, and of their account where they have one.
//
// It promises that an address is changed only from the page behind a link that was mailed to the new one, once and within
// 24 hours; that the old one is told; and that whether somebody else has the new one is said behind that link only.
type Addresses struct {
	desk     *activity.Desk
	accounts *account.Service
	say      page.Say
	views    struct {
		confirm page.View[addressPage]
		office  page.View[officeAddressPage]
	}
}

// NewAddresses returns the addresses. It panics where a template is missing.
func NewAddresses(desk *activity.Desk, accounts *account.Service) *Addresses {
	x := &Addresses{desk: desk, accounts: accounts, say: desk.Pages.Words("privacy")}
	x.views.confirm = page.Load[addressPage](desk.Pages, "privacy/address")
	x.views.office = page.Load[officeAddressPage](desk.Pages, "privacy/staff_address")
	return x
}

const (
	newAddressMail   = "new-address"
	addressMovedMail = "address-moved"
	addressLasts     = 24 * time.Hour
	addressTries     = 5 // mails to new addresses, a day and person
)

// NewAddress asks the owner of an address whether it takes the place of another. Until is words already.
type NewAddress struct{ Until, URL string }

// AddressMoved tells the old address of a person that it is theirs no more.
type AddressMoved struct{ NewAddress, When, ContactURL string }

var (
	// ErrManyAddresses says that enough links were mailed today.
	ErrManyAddresses = errors.New("privacy: enough links to new addresses were mailed today")
	// ErrNoNewAddress says that no address waits under a link: it was used, replaced, or is too old.
	ErrNoNewAddress = errors.New("privacy: no new address waits under this link")
)

// Waiting is a new address that nobody confirmed yet.
type Waiting struct {
	Person uuid.UUID
	Email  string
}

// Ask notes the new address of a person and mails it what ask returns for the id that its link must name and the words for
// the end of its time. A newer request replaces an older one. It returns ErrManyAddresses, or person.ErrNotFound, also for
// an erased person.
func (x *Addresses) Ask(ctx context.Context, who uuid.UUID, email string, ask func(id uuid.UUID, until string) mail.Message) error {
	return pgx.BeginFunc(ctx, x.desk.Pool, func(tx pgx.Tx) error {
		now := x.desk.Now()
		tries, err := addressesAsked(ctx, tx, who, now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		if tries >= addressTries {
			return ErrManyAddresses
		}
		id, until := uuid.Must(uuid.NewV7()), now.Add(addressLasts)
		if _, err := tx.Exec(ctx, `
			INSERT INTO new_address (person_id, id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (person_id) DO UPDATE SET id = excluded.id, email = excluded.email,
				created_at = excluded.created_at, expires_at = excluded.expires_at`, who, id, email, now, until); err != nil {
			return fmt.Errorf("note new address: %w", err)
		}
		m := ask(id, until.In(clock.Zone()).Format("2 January 2006, 15:04 MST"))
		m.Person, m.Address = uuid.NullUUID{UUID: who, Valid: true}, email
		return x.desk.Mail.Insert(ctx, tx, m)
	})
}

// addressesAsked counts the links to new addresses of a person since a time. The row of the person orders those who press
// twice.
func addressesAsked(ctx context.Context, tx pgx.Tx, who uuid.UUID, since time.Time) (n int, err error) {
	tag, err := tx.Exec(ctx, `SELECT FROM person WHERE id = $1 AND erased_at IS NULL FOR UPDATE`, who)
	if err == nil && tag.RowsAffected() == 0 {
		return 0, person.ErrNotFound
	}
	if err == nil {
		err = tx.QueryRow(ctx, `
			SELECT count(*) FROM message
			WHERE person_id = $1 AND created_at > $2 AND template IN ('new-address', 'address-confirm')`, who, since).Scan(&n)
	}
	if err != nil {
		return 0, fmt.Errorf("count links to new addresses: %w", err)
	}
	return n, nil
}

// mailLink asks by the link that needs no account.
func (x *Addresses) mailLink(ctx context.Context, who uuid.UUID, email string) error {
	return x.Ask(ctx, who, email, func(id uuid.UUID, until string) mail.Message {
		return mail.Message{Template: newAddressMail, Data: NewAddress{Until: until, URL: addressPath + x.desk.Ring.Token(newAddressMail, id)}}
	})
}

// Find returns the address that waits under an id, or ErrNoNewAddress.
func (x *Addresses) Find(ctx context.Context, id uuid.UUID) (w Waiting, err error) {
	err = x.desk.Pool.QueryRow(ctx, `SELECT person_id, email FROM new_address WHERE id = $1 AND expires_at > $2`, id, x.desk.Now()).
		Scan(&w.Person, &w.Email)
	return w, notWaiting(err)
}

// Of returns the address of a person that waits, or ErrNoNewAddress.
func (x *Addresses) Of(ctx context.Context, who uuid.UUID) (email string, err error) {
	err = x.desk.Pool.QueryRow(ctx, `SELECT email FROM new_address WHERE person_id = $1 AND expires_at > $2`, who, x.desk.Now()).Scan(&email)
	return email, notWaiting(err)
}

func notWaiting(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoNewAddress
	}
	if err != nil {
		return fmt.Errorf("read new address: %w", err)
	}
	return nil
}

// Change gives a person the address that waits under an id, which counts as confirmed, and tells the old one. It returns
// ErrNoNewAddress, or an error of the page's where another has the address.
func (x *Addresses) Change(ctx context.Context, id uuid.UUID) error {
	err := pgx.BeginFunc(ctx, x.desk.Pool, func(tx pgx.Tx) error {
		var w Waiting
		var old string
		err := tx.QueryRow(ctx, `
			DELETE FROM new_address n USING person p WHERE n.id = $1 AND n.expires_at > $2 AND p.id = n.person_id
			RETURNING n.person_id, n.email, coalesce(p.email, '')`, id, x.desk.Now()).Scan(&w.Person, &w.Email, &old)
		if err := notWaiting(err); err != nil {
			return err
		}
		err = x.accounts.ChangeAddressOf(ctx, tx, w.Person, w.Email)
		if errors.Is(err, account.ErrNotFound) {
			err = x.tellOld(ctx, tx, w, old)
		}
		if err != nil {
			return err
		}
		if err := x.desk.People.ChangeAddress(ctx, tx, w.Person, w.Email); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{
			At: x.desk.Now(), Role: submission.Sender.Role, Action: "change address", Object: "person",
			ObjectID: uuid.NullUUID{UUID: w.Person, Valid: true},
		})
	})
	switch {
	case errors.Is(err, account.ErrTaken):
		return &page.Error{Status: http.StatusConflict, Message: x.say("address_account_there")}
	case errors.Is(err, person.ErrTaken):
		return &page.Error{Status: http.StatusConflict, Message: x.say("address_person_there")}
	case errors.Is(err, person.ErrNotFound):
		return ErrNoNewAddress
	}
	return err
}

// tellOld tells the old address where no account does.
func (x *Addresses) tellOld(ctx context.Context, tx pgx.Tx, w Waiting, old string) error {
	return x.desk.Mail.Insert(ctx, tx, mail.Message{
		Person: uuid.NullUUID{UUID: w.Person, Valid: true}, Template: addressMovedMail, Address: old,
		Data: AddressMoved{
			NewAddress: person.Masked(w.Email), ContactURL: "/contact",
			When: x.desk.Now().In(clock.Zone()).Format("2 January 2006, 15:04 MST"),
		},
	})
}

// Deletes says that new addresses go that were not confirmed in time.
func (x *Addresses) Deletes() []job.Deletion {
	return []job.Deletion{{
		Kind: "person", Outcome: "new addresses never confirmed", Due: `new_address WHERE expires_at <= $1`, At: "expires_at",
	}}
}

// AddressHolder tells which new address of a person waits to be confirmed, and how many earlier ones are known by digest. It
// forgets the new one with the person; the earlier ones are forgotten with the person's row.
func AddressHolder(pool *pgxpool.Pool) activity.Holder {
	return activity.Holder{
		Export: func(ctx context.Context, who uuid.UUID, to io.Writer) error {
			var held struct {
				Waiting string `json:"new_address_to_be_confirmed,omitempty"`
				Former  int    `json:"earlier_addresses_kept_as_digests,omitempty"`
			}
			err := pool.QueryRow(ctx, `
				SELECT coalesce((SELECT email FROM new_address WHERE person_id = $1), ''),
					(SELECT count(*) FROM former_address WHERE person_id = $1)`, who).Scan(&held.Waiting, &held.Former)
			if err == nil && (held.Waiting != "" || held.Former > 0) {
				err = json.NewEncoder(to).Encode(held)
			}
			if err != nil {
				return fmt.Errorf("export addresses: %w", err)
			}
			return nil
		},
		Erase: func(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
			if _, err := tx.Exec(ctx, `DELETE FROM new_address WHERE person_id = $1 AND created_at <= $2`, who, until); err != nil {
				return fmt.Errorf("erase new address: %w", err)
			}
			return nil
		},
	}
}
