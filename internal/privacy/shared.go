package privacy

import (
	"regexp"
	"slices"
	"strings"
)

// roles are names of mailboxes that several people read (RFC 2142, and what companies use).
func roles() []string {
	return []string{
		"abuse", "accounting", "accounts", "admin", "administrator", "billing", "career", "careers", "contact", "customerservice",
		"enquiries", "enquiry", "finance", "hello", "help", "helpdesk", "hostmaster", "hr", "info", "inquiries", "inquiry", "it",
		"jobs", "legal", "mail", "mailbox", "marketing", "media", "no-reply", "noc", "noreply", "office", "orders", "partners",
		"postmaster", "press", "privacy", "procurement", "purchasing", "reception", "recruiting", "sales", "secretary", "security",
		"service", "services", "support", "team", "webmaster",
	}
}

// surnames are those of them that stand in people's own addresses too: "anna.press", "j.it".
func surnames() []string {
	return []string{"career", "hello", "help", "hr", "it", "jobs", "legal", "mail", "media", "noc", "partners", "press", "service"}
}

// shared says why an address may be several people's, so that a person must judge what goes to whom: of the sentences
// shared_… of this room's words, what follows the stroke. It is "" where the address is one's own as far as we can see.
func shared(email string, names []string) string {
	local, _, _ := strings.Cut(strings.ToLower(email), "@")
	local, _, _ = strings.Cut(local, "+")
	if isRole(local) || slices.ContainsFunc(nameWord.FindAllString(local, -1), func(part string) bool {
		return isRole(part) && !slices.Contains(surnames(), part)
	}) {
		return "role"
	}
	if several(names) {
		return "names"
	}
	return ""
}

// isRole tells whether an address, or a part of it between its marks, names a mailbox: "sales-us", "info2.chicago".
func isRole(part string) bool { return slices.Contains(roles(), strings.TrimRight(part, "0123456789")) }

// several tells whether names are of different people. One that only has more words than another, or other marks between
// them, is the same: "Ada Lovelace", "lovelace, ada", "Dr. Ada King Lovelace".
func several(names []string) bool {
	var longest []string
	sets := make([][]string, 0, len(names))
	for _, name := range names {
		words := nameWord.FindAllString(strings.ToLower(name), -1)
		if sets = append(sets, words); len(words) > len(longest) {
			longest = words
		}
	}
	return slices.ContainsFunc(sets, func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(longest, w) })
	})
}

var nameWord = regexp.MustCompile(`[\p{L}\p{N}]+`)
