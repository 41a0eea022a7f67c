package page

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Choice is what the visitor chose about cookies (P-15).
type Choice string

// ChoiceCookie is the name of the cookie that keeps the choice; it is set only by a button that names it.
const ChoiceCookie = "choice"

// The choices. Unset means that none was made, so that nothing may be set.
const (
	Unset     Choice = ""
	RejectAll Choice = "none"
	TellMe    Choice = "tell"
	AcceptAll Choice = "all"
)

// ChoiceOf reads the choice from the request; anything unknown counts as none made.
func ChoiceOf(r *http.Request) Choice {
	if len(r.Header["Cookie"]) == 0 {
		return Unset
	}
	c, err := r.Cookie(ChoiceCookie)
	if err != nil {
		return Unset
	}
	switch choice := Choice(c.Value); choice {
	case RejectAll, TellMe, AcceptAll:
		return choice
	}
	return Unset
}

// ChoiceLasts is how long a choice is kept.
const ChoiceLasts = 365 * 24 * time.Hour

// Cookie returns the Set-Cookie that keeps a choice.
func (c Choice) Cookie(secure bool) *http.Cookie {
	return &http.Cookie{
		Name: ChoiceCookie, Value: string(c), Path: "/", MaxAge: int(ChoiceLasts.Seconds()), HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode,
	}
}

// signInCookies are the names of the cookies by which somebody stays signed in, at either door, with and without the prefix
// that https gives them.
var signInCookies = [...]string{"connect", "staff", "__Host-connect", "__Host-staff"}

// signIns counts the cookies in the browser that signing in has set. It says no more than that: whose they are, and whether
// they still open anything, a public page does not ask.
func signIns(r *http.Request) int {
	if len(r.Header["Cookie"]) == 0 {
		return 0
	}
	n := 0
	for _, name := range signInCookies {
		if _, err := r.Cookie(name); err == nil {
			n++
		}
	}
	return min(n, 2) // each door sets one
}

// Silent tells whether the browser asks not to be counted: Global Privacy Control, or Do Not Track (P-13).
func Silent(r *http.Request) bool {
	for _, name := range [...]string{"Sec-Gpc", "Dnt"} { // as net/http spells them
		if values := r.Header[name]; len(values) > 0 && values[0] == "1" {
			return true
		}
	}
	return false
}

var campaignTag = regexp.MustCompile(`^[a-z]+(-[a-z]+)*(-20\d\d)?$`)

// Campaign returns the name of a campaign, or "" where the text is none: a name is short and of words, perhaps with a
// year, so that no number of a person passes for one.
func Campaign(text string) string {
	text = strings.ToLower(text)
	if len(text) > 32 || !campaignTag.MatchString(text) {
		return ""
	}
	return text
}

// CampaignOf returns the campaign that an address names, or "".
func CampaignOf(query url.Values) string {
	for _, name := range [...]string{"utm_campaign", "campaign", "from", "utm_source"} {
		if tag := Campaign(query.Get(name)); tag != "" {
			return tag
		}
	}
	return ""
}
