package access

import "clickcommerce.com/site/internal/mail"

// The mails of this room, all of purpose account. The invitation itself is package account's.
const (
	tellRenewed = "access-renewed"
	tellEnding  = "access-ending"
	tellEnded   = "access-ended"
)

// Renewed tells the owner of an account until when the access lasts now. Days in these mails are words already.
type Renewed struct{ Name, Until, SignInURL string }

// Ending tells a month ahead that an access ends; the receipt is where to ask for more time.
type Ending struct{ Name, Until, ReceiptURL string }

// Ended tells that an access has ended. Ground is given where that was before its time.
type Ended struct{ Name, Ground, ReceiptURL string }

// Templates returns the mails of this room, for mail.Config.
func Templates() []mail.Template {
	return []mail.Template{
		{Name: tellRenewed, Purpose: "account", Data: Renewed{}},
		{Name: tellEnding, Purpose: "account", Data: Ending{}},
		{Name: tellEnded, Purpose: "account", Data: Ended{}},
	}
}
