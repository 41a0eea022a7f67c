package consent

import (
	"slices"

	"clickcommerce.com/site/internal/word"
	"clickcommerce.com/site/web"
)

// say are the words of purposes and channels; what is none of P-6 has none.
var say = word.Read(web.FS, "consent")

// Purposes lists the purposes of P-6, in the order in which they are shown.
func Purposes() []Purpose { return []Purpose{Survey, ProductNews, Promotion, Newsletter} }

// Channels lists the channels of P-6.
func Channels() []Channel { return []Channel{ByEmail, ByPhone, ByPost} }

// Label names the purpose in a list for staff; what is no purpose of P-6 has none.
func (p Purpose) Label() string { return say("label_" + string(p)) }

// Words name within a sentence to its person what is sent for the purpose; what is no purpose of P-6 has none.
func (p Purpose) Words() string { return say("words_" + string(p)) }

// Label names the channel in a list for staff; what is no channel of P-6 has none.
func (c Channel) Label() string { return say("channel_label_" + string(c)) }

// Words name within a sentence how something is sent; what is no channel of P-6 has none.
func (c Channel) Words() string { return say("channel_words_" + string(c)) }

// Offer is a purpose on a channel with the sentence that is agreed to where the person's own pages offer it.
type Offer struct {
	Purpose Purpose
	Channel Channel
	Wording string
}

// Offers lists all that can be agreed to, channel by channel.
func Offers() []Offer {
	var list []Offer
	for _, c := range Channels() {
		for _, p := range []Purpose{ProductNews, Newsletter, Promotion, Survey} {
			list = append(list, Offer{p, c, say("offer_" + string(c) + "_" + string(p))})
		}
	}
	return list
}

// OffersBy lists what can be agreed to on a channel.
func OffersBy(c Channel) []Offer {
	return slices.DeleteFunc(Offers(), func(o Offer) bool { return o.Channel != c })
}
