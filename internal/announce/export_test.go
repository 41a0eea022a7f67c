package announce

import "clickcommerce.com/site/internal/consent"

// Size sets how many people a transaction holds, and how many mails may wait.
func (r *Room) Size(batch, ahead int) { r.batch, r.ahead = batch, ahead }

// Sample is a letter as it is drawn.
func Sample(issue bool) Letter {
	a := announcement{
		Purpose: consent.Newsletter, Subject: "The part that nobody counted",
		Body: "A depot had **four hundred** pumps.\n\n## Count the waiting\n\n- Webinars are [on our site](/webinars)\n- And no picture\n",
	}
	if issue {
		slug := "2026-11-the-part"
		a.Slug = &slug
	}
	return letter(a, "https://www.example.com")
}
