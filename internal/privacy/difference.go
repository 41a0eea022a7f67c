package privacy

import (
	"cmp"
	"slices"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
)

// Fate is what became of a clause between two versions.
type Fate string

// The fates, as pages name them.
const (
	FateNew     Fate = "New"
	FateChanged Fate = "Changed"
	FateMoved   Fate = "Moved"
	FateGone    Fate = "Removed"
	FateSame    Fate = "Unchanged"
)

// ClauseChange is a clause and what became of it. A clause is the same as long as it keeps its id.
type ClauseChange struct {
	Clause           // as it is in the later version, or was in the earlier one if it is gone
	Fate      Fate   // a clause that moved and was changed is changed
	Was       string // its title before, where that is another
	Elsewhere bool   // it stands in another place among those that stayed
	Blocks    []Block
}

// Difference is what changes from one version of the statement to another.
type Difference struct {
	From, To consent.Statement
	Uses     []UseChange
	Clauses  []ClauseChange // in the later version's order; a removed one stands where it stood
}

// Only returns the clauses of a fate.
func (d Difference) Only(fates ...Fate) []ClauseChange {
	var list []ClauseChange
	for _, c := range d.Clauses {
		if slices.Contains(fates, c.Fate) {
			list = append(list, c)
		}
	}
	return list
}

// Widens tells whether data is used for more, given to others, or kept for longer: then people are told (P-18).
func (d Difference) Widens() bool {
	return slices.ContainsFunc(d.Uses, func(u UseChange) bool { return u.Wider })
}

// Compare says what changes from one version to another, in the words of this room.
func Compare(say page.Say, from, to consent.Draft) (Difference, error) {
	_, before, err := Clauses(from.Body)
	if err != nil {
		return Difference{}, err
	}
	_, after, err := Clauses(to.Body)
	if err != nil {
		return Difference{}, err
	}
	return Difference{
		From: from.Statement, To: to.Statement, Uses: compareUses(say, from.Uses, to.Uses), Clauses: compareClauses(before, after),
	}, nil
}

func compareClauses(before, after []Clause) []ClauseChange {
	var list []ClauseChange
	for _, p := range align(clauseIDs(before), clauseIDs(after)) {
		switch {
		case p[0] >= 0 && p[1] >= 0:
			list = append(list, compareClause(before[p[0]], after[p[1]], false))
		case p[1] >= 0:
			if old, ok := clauseOf(before, after[p[1]].ID); ok {
				list = append(list, compareClause(old, after[p[1]], true))
			} else {
				list = append(list, ClauseChange{Clause: after[p[1]], Fate: FateNew, Blocks: compareBlocks("", whole(after[p[1]]))})
			}
		default:
			if _, stays := clauseOf(after, before[p[0]].ID); !stays {
				list = append(list, ClauseChange{Clause: before[p[0]], Fate: FateGone, Blocks: compareBlocks(whole(before[p[0]]), "")})
			}
		}
	}
	return list
}

func clauseIDs(list []Clause) []string {
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	return ids
}

func clauseOf(list []Clause, id string) (Clause, bool) {
	i := slices.IndexFunc(list, func(c Clause) bool { return c.ID == id })
	if i < 0 {
		return Clause{}, false
	}
	return list[i], true
}

// whole is all that a clause says: its plain words are part of it.
func whole(c Clause) string { return c.Plain + "\n\n" + c.Text }

func compareClause(from, to Clause, moved bool) ClauseChange {
	c := ClauseChange{Clause: to, Fate: FateSame, Elsewhere: moved}
	if from.Title != to.Title {
		c.Was = from.Title
	}
	switch {
	case whole(from) != whole(to) || c.Was != "":
		c.Fate, c.Blocks = FateChanged, compareBlocks(whole(from), whole(to))
	case moved:
		c.Fate = FateMoved
	}
	return c
}

// sortUses puts what concerns people most first.
func sortUses(list []UseChange) {
	slices.SortStableFunc(list, func(a, b UseChange) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(slices.Index(order(), a.Purpose), slices.Index(order(), b.Purpose)))
	})
}

func rank(u UseChange) int {
	if u.Wider {
		return 0
	}
	return 1
}
