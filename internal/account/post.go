package account

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/mail"
)

// The mails of this room, all of purpose account.
const (
	tellInvite         = "invite"
	tellReset          = "reset"
	tellDeviceEnded    = "device-ended"
	tellAddressChanged = "address-changed"
	tellChanged        = "account-changed"
)

// Times in these mails are words already, in the company's own zone.

// Invite is what the mail with an invitation says.
type Invite struct {
	Name  string
	Staff bool
	Until string
	URL   string
}

// Reset is what the mail with a link for a new password says.
type Reset struct {
	Name, Until string
	URL         string
}

// DeviceEnded tells an owner that a copied cookie was shown and its computer is forgotten.
type DeviceEnded struct {
	Name, Device, When string // Device as Label makes it
	SignInURL          string
	ResetURL           string
}

// AddressChanged goes to the old address.
type AddressChanged struct {
	Name, NewAddress, When string // the new address with its middle left out
	ContactURL             string
}

// Changed tells an owner that what opens the account is another now, so that nobody else changes it unnoticed.
type Changed struct {
	Name       string
	What       string // one of the words below
	When       string
	ResetURL   string
	ContactURL string
}

const (
	changedPassword      = "password"
	changedAuthenticator = "authenticator"
	droppedAuthenticator = "dropped"
	changedRecovery      = "recovery codes"
)

// Templates returns the mails of this room, for mail.Config. What opens an account is emptied once it is sent.
func Templates() []mail.Template {
	return []mail.Template{
		{Name: tellInvite, Purpose: "account", Data: Invite{}, Secret: true},
		{Name: tellReset, Purpose: "account", Data: Reset{}, Secret: true},
		{Name: tellDeviceEnded, Purpose: "account", Data: DeviceEnded{}},
		{Name: tellAddressChanged, Purpose: "account", Data: AddressChanged{}},
		{Name: tellChanged, Purpose: "account", Data: Changed{}},
	}
}

func words(t time.Time) string { return t.In(clock.Zone()).Format("2 January 2006, 15:04 MST") }

// post queues a mail about an account in the transaction of its reason.
func (s *Service) post(ctx context.Context, tx pgx.Tx, a Account, address, template string, data any) error {
	return s.mail.Insert(ctx, tx, mail.Message{
		Person: a.Person, Account: uuid.NullUUID{UUID: a.ID, Valid: true}, Template: template, Address: address, Data: data,
	})
}

// postChanged tells the owner of an account what was changed of it.
func (s *Service) postChanged(ctx context.Context, tx pgx.Tx, a Account, what string) error {
	return s.post(ctx, tx, a, a.Email, tellChanged, Changed{
		Name: a.Name, What: what, When: words(s.now()), ResetURL: s.public + area(a.Kind) + "/reset", ContactURL: s.public + "/contact",
	})
}
