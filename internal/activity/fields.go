package activity

import (
	"net/http"
	"net/url"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// The fields that most forms share. Their names are known to the desk: name, company and email make a record findable.

// NameField asks for the full name.
func NameField(why string) form.Field {
	return form.Field{
		Name: "name", Label: "Full name", Kind: form.Text, Required: true, Max: 120, Why: why,
		Missing: "Enter your full name.",
		Example: "Ada Lovelace", Autocomplete: "name",
	}
}

// EmailField asks for the address to which everything about the request goes.
func EmailField(why string) form.Field {
	return form.Field{
		Name: "email", Label: "Email address", Kind: form.Email, Required: true, Why: why,
		Missing: "Enter your email address.",
		Example: "ada@example.com", Autocomplete: "email",
	}
}

// CompanyField asks for the company or institution.
func CompanyField(required bool, why string) form.Field {
	return form.Field{
		Name: "company", Label: "Company or institution", Kind: form.Text, Required: required, Max: 160, Why: why,
		Missing: "Enter the name of your company or institution.",
		Example: "Northline Bearings", Autocomplete: "organization",
	}
}

// CodeField asks for a code that was mailed.
func CodeField() form.Field {
	return form.Field{
		Name: codeName, Label: "Code from our mail", Kind: form.Text, Required: true, Autocomplete: "one-time-code",
		Missing: "Enter the six digits of the code from our mail.",
		Hint:    "Six digits, good for 15 minutes.",
	}
}

// CountryField asks for the country; it stands before the phone number, which is read by it.
func CountryField(required bool, why string) form.Field {
	return form.Field{
		Name: "country", Label: "Country", Kind: form.Country, Required: required, Why: why, Example: "US",
		Missing:      "Choose your country.",
		Autocomplete: "country",
	}
}

// PhoneField asks for a number. It is optional, and what can't be read as a number never stops the form.
func PhoneField(why string) form.Field {
	return form.Field{
		Name: "phone", Label: "Phone", Kind: form.Phone, Why: why, Example: "+1 312 555 0100", Autocomplete: "tel",
	}
}

// ProductOptions are the product families, for a field by which a person names some. Their values are the last parts of
// the addresses of the families under web/content/products: by them the portal opens its files.
func ProductOptions() []form.Option {
	return []form.Option{
		{Value: "partner-channels", Label: "Partner channels"},
		{Value: "supply-chain", Label: "Supply chain"},
		{Value: "service-parts", Label: "Service parts"},
		{Value: "contracts", Label: "Contracts"},
		{Value: "research-compliance", Label: "Research compliance"},
	}
}

const sourceName = "source"

// SourceField asks how the sender came to us. What the form's own address says of it, the name of a campaign, stands in
// the field when the form is shown: it is sent only as an answer of the sender's, who may change or empty it (P-11).
func SourceField() form.Field {
	return form.Field{
		Name: sourceName, Label: "How did you hear of us?", Kind: form.Text, Max: 120,
		Hint: "If a link of ours led here, the name of its campaign stands here already. Change it or empty it as you like.",
		Why:  "It tells us which of our efforts reach anybody. It is kept with your request, and deleted with it.", Example: "a colleague",
	}
}

// source is what the address of a form says of how its reader came, as an answer to SourceField; nil where it says
// nothing, or the form does not ask.
func source(f form.Form, r *http.Request) url.Values {
	if _, asks := f.Field(sourceName); !asks || r.URL.RawQuery == "" {
		return nil
	}
	if tag := page.CampaignOf(r.URL.Query()); tag != "" {
		return url.Values{sourceName: {tag}}
	}
	return nil
}

// ConsentField offers mail for one of the four purposes (P-6). It is never ticked beforehand, and decides nothing.
func ConsentField(purpose, wording string) form.Field {
	return form.Field{
		Name: "consent_" + purpose, Label: wording, Kind: form.Consent, Purpose: purpose, Channel: "email",
		Why: "Your choice. It counts once you confirm your address by the mail we send, and every such mail has a link to stop.",
	}
}

// CallField offers calls for one of the four purposes, beside the number that a PhoneField asks for. It is otherwise as
// ConsentField.
func CallField(purpose, wording string) form.Field {
	return form.Field{
		Name: "consent_" + purpose + "_phone", Label: wording, Kind: form.Consent, Purpose: purpose, Channel: "phone",
		Why: "Your choice. We call the number above, once you confirm your address by the mail we send, and until you say stop.",
	}
}
