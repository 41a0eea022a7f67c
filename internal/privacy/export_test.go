package privacy

import "context"

// Ahead sets how many notices may wait in the queue of mails, and what passes the time until some have left.
func (r *Room) Ahead(n int, rest func(context.Context)) { r.ahead, r.rest = n, rest }
