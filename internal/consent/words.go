package consent

import "slices"

// Purposes lists the purposes of P-6, in the order in which they are shown.
func Purposes() []Purpose { return []Purpose{Survey, ProductNews, Promotion, Newsletter} }

// Channels lists the channels of P-6.
func Channels() []Channel { return []Channel{ByEmail, ByPhone, ByPost} }

// Label names the purpose in a list for staff; what is no purpose of P-6 has none.
func (p Purpose) Label() string {
	switch p {
	case Survey:
		return "Surveys"
	case ProductNews:
		return "News of products"
	case Promotion:
		return "Promotion"
	case Newsletter:
		return "Newsletter"
	}
	return ""
}

// Words name within a sentence to its person what is sent for the purpose; what is no purpose of P-6 has none.
func (p Purpose) Words() string {
	switch p {
	case Survey:
		return "surveys about our products, site or business"
	case ProductNews:
		return "news of products and services"
	case Promotion:
		return "promotional material"
	case Newsletter:
		return "the newsletter"
	}
	return ""
}

// Label names the channel in a list for staff; what is no channel of P-6 has none.
func (c Channel) Label() string {
	switch c {
	case ByEmail:
		return "E-mail"
	case ByPhone:
		return "Phone"
	case ByPost:
		return "Post"
	}
	return ""
}

// Words name within a sentence how something is sent; what is no channel of P-6 has none.
func (c Channel) Words() string {
	switch c {
	case ByEmail:
		return "by e-mail"
	case ByPhone:
		return "by phone"
	case ByPost:
		return "by post"
	}
	return ""
}

// Offer is a purpose on a channel with the sentence that is agreed to where the person's own pages offer it.
type Offer struct {
	Purpose Purpose
	Channel Channel
	Wording string
}

// Offers lists all that can be agreed to, channel by channel.
func Offers() []Offer {
	return []Offer{
		{ProductNews, ByEmail, "Mail me news of products and services."},
		{Newsletter, ByEmail, "Mail me the newsletter, four times a year."},
		{Promotion, ByEmail, "Mail me offers and promotional material."},
		{Survey, ByEmail, "Ask me now and then by mail what I think of products, site and business."},
		{ProductNews, ByPhone, "Call me about news of products and services."},
		{Newsletter, ByPhone, "Call me with what the newsletter brings."},
		{Promotion, ByPhone, "Call me about offers."},
		{Survey, ByPhone, "Call me now and then to ask what I think of products, site and business."},
		{ProductNews, ByPost, "Send me news of products and services by post."},
		{Newsletter, ByPost, "Send me the newsletter by post."},
		{Promotion, ByPost, "Send me offers and promotional material by post."},
		{Survey, ByPost, "Send me surveys by post now and then."},
	}
}

// OffersBy lists what can be agreed to on a channel.
func OffersBy(c Channel) []Offer {
	return slices.DeleteFunc(Offers(), func(o Offer) bool { return o.Channel != c })
}
