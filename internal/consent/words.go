package consent

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
