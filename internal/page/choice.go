package page

import "net/http"

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
