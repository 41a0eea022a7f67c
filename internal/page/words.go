package page

import (
	"clickcommerce.com/site/internal/word"
	"clickcommerce.com/site/web"
)

// Say returns the sentence of a name.
type Say = word.Say

// Words reads what a room says: what a page tells of itself, what was just done, why something was refused.
func (s *Set) Words(room string) Say { return word.Read(s.cfg.Web, room) }

// say are the words of the errors that every room returns: they are the same in every Set.
var say = word.Read(web.FS, "page")

// states are what states are called and by which sign they are drawn, the same in every Set too.
var states = word.Read(web.FS, "state")
