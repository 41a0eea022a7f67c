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

// Templates returns the mails of this room, for mail.Config. What opens an account is emptied once it is sent.
func Templates() []mail.Template {
	return []mail.Template{
		{Name: tellInvite, Purpose: "account", Data: Invite{}, Secret: true},
		{Name: tellReset, Purpose: "account", Data: Reset{}, Secret: true},
		{Name: tellDeviceEnded, Purpose: "account", Data: DeviceEnded{}},
		{Name: tellAddressChanged, Purpose: "account", Data: AddressChanged{}},
	}
}

func words(t time.Time) string { return t.In(clock.Zone()).Format("2 January 2006, 15:04 MST") }

// post queues a mail about an account in the transaction of its reason.
func (s *Service) post(ctx context.Context, tx pgx.Tx, a Account, address, template string, data any) error {
	return s.mail.Insert(ctx, tx, mail.Message{
		Person: a.Person, Account: uuid.NullUUID{UUID: a.ID, Valid: true}, Template: template, Address: address, Data: data,
	})
}
