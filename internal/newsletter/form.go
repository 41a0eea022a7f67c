package newsletter

import (
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
)

// box is what is agreed to: nothing is sent without it.
func box() form.Field {
	box := activity.ConsentField(string(consent.Newsletter), "Mail me the newsletter, four times a year.")
	box.Required = true
	box.Missing = "Tick the box if you want the newsletter: it says that we may send it."
	box.Why = "Without your consent we may not send it. It counts once you confirm by the mail we send, and each issue has a link to stop."
	return box
}

func subscription() form.Form {
	return form.Form{
		Kind: Kind, Title: "Subscribe", Button: "Subscribe by email",
		Label: form.Facts{
			For: "sending you the newsletter", SeenBy: "those who send it", SharedWith: "nobody",
			Deleted: "when you leave; after 30 days if you never confirm",
		},
		Fields: []form.Field{activity.EmailField("The newsletter goes there."), box()},
	}
}
