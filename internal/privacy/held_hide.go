package privacy

import (
	"strings"

	"github.com/google/uuid"
)

// hidden stands where the number of a request is left out.
const hidden = "CC-…"

// hider takes the numbers of requests, and the addresses of their receipts, where those stand, out of what is shown to
// somebody who has proven no more than that they read the mailbox now: such a number is what proves more. The request by
// which they ask is no secret to them.
func (h held) hider(own uuid.UUID) *strings.Replacer {
	var pairs []string
	for _, x := range h.Requests {
		if x.id != own {
			pairs = append(pairs, x.Reference, hidden, x.token, "…")
		}
	}
	return strings.NewReplacer(pairs...)
}

// masked are the parts as they are shown to such a one.
func masked(parts []section, hide *strings.Replacer) []section {
	for _, part := range parts {
		for i := range part.Items {
			item := &part.Items[i]
			item.Title, item.Note, item.Text = hide.Replace(item.Title), hide.Replace(item.Note), hide.Replace(item.Text)
			if hide.Replace(item.Receipt) != item.Receipt {
				item.Receipt = ""
			}
			for _, fact := range item.Facts {
				for n, text := range fact.Texts {
					fact.Texts[n] = hide.Replace(text)
				}
			}
		}
	}
	return parts
}

// called is a request in words for its sender, without its number.
func (x heldRequest) called() string {
	if x.Subject == "" {
		return x.What
	}
	return x.What + ": " + x.Subject
}
