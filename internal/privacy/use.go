package privacy

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
)

// UseChange is a change of what data is used for, as one sentence for all activities that it concerns.
type UseChange struct {
	// Wider: data is used for a new purpose, goes to a new recipient, more of it is used, it is kept for longer, or consent
	// is no longer asked for. What can't be told from the words counts as wider.
	Wider      bool
	Purpose    string
	Recipient  string
	Activities []string
	Sentence   string // without the activities
	// ByNotice: data that was collected before may be used so 30 days after its owner was told, unless the owner objects.
	// Else what is wider is not done with it without consent.
	ByNotice bool
}

// compareUses says what changes, one entry for each sentence.
func compareUses(say page.Say, from, to []consent.Use) []UseChange {
	list := append(useChanges(widened(say, to, from)), narrowed(say, from, to)...)
	sortUses(list)
	return list
}

// useChanges gathers sentences: one that is the same for several activities is said once.
type useChanges []UseChange

func (l *useChanges) put(u consent.Use, wider bool, sentence string) {
	notice := wider && u.Compatible != ""
	i := slices.IndexFunc(*l, func(c UseChange) bool {
		return c.Sentence == sentence && c.Wider == wider && c.ByNotice == notice
	})
	if i >= 0 {
		(*l)[i].Activities = append((*l)[i].Activities, u.Activity)
		return
	}
	*l = append(*l, UseChange{wider, u.Purpose, u.Recipient, []string{u.Activity}, sentence, notice})
}

// widened says what uses go beyond all that is known: beyond each of the statements that somebody read.
func widened(say page.Say, to []consent.Use, known ...[]consent.Use) []UseChange {
	var list useChanges
	for _, u := range to {
		olds := usesLike(known, u)
		if len(olds) == 0 {
			list.put(u, true, say("use_new", "for", forPurpose(say, u.Purpose), "by", byRecipient(say, u.Recipient), "kept", u.Retention))
			continue
		}
		last := olds[len(olds)-1]
		more := u.Data
		for _, old := range olds {
			more = without(more, old.Data)
		}
		if len(more) > 0 {
			list.put(u, true, say("use_more",
				"for", forPurpose(say, u.Purpose), "by", byRecipient(say, u.Recipient), "data", strings.Join(more, ", ")))
		}
		if !slices.ContainsFunc(olds, func(old consent.Use) bool { return namesRetention(old, u) }) {
			list.put(u, true, otherRetention(say, last, u))
		}
		if !slices.ContainsFunc(olds, func(old consent.Use) bool { return namesBasis(old, u) }) {
			list.put(u, true, otherBasis(say, last, u))
		}
	}
	return list
}

// narrowed says what is no longer done, or done on firmer ground.
func narrowed(say page.Say, from, to []consent.Use) []UseChange {
	var list useChanges
	for _, u := range to {
		old, ok := sameUse(from, u)
		if !ok {
			continue
		}
		if less := without(old.Data, u.Data); len(less) > 0 {
			list.put(u, false, say("use_less",
				"for", forPurpose(say, u.Purpose), "by", byRecipient(say, u.Recipient), "data", strings.Join(less, ", ")))
		}
		if u.Retention != old.Retention && namesRetention(old, u) {
			list.put(u, false, otherRetention(say, old, u))
		}
		if u.Basis != old.Basis && namesBasis(old, u) {
			list.put(u, false, otherBasis(say, old, u))
		}
	}
	for _, u := range from {
		if _, stays := sameUse(to, u); !stays {
			list.put(u, false, say("use_over", "for", forPurpose(say, u.Purpose), "by", byRecipient(say, u.Recipient)))
		}
	}
	return list
}

func otherRetention(say page.Say, old, u consent.Use) string {
	return say("use_retention",
		"for", forPurpose(say, u.Purpose), "by", byRecipient(say, u.Recipient), "now", u.Retention, "before", old.Retention)
}

func otherBasis(say page.Say, old, u consent.Use) string {
	return say("use_basis",
		"for", forPurpose(say, u.Purpose), "by", byRecipient(say, u.Recipient), "now", u.Basis, "before", old.Basis)
}

// namesRetention tells whether who read of the old use read of a time limit that is no shorter than the other's.
func namesRetention(old, u consent.Use) bool {
	return old.Retention == u.Retention || !longer(old.Retention, u.Retention)
}

// namesBasis tells whether the other use rests on ground as firm as the old one.
func namesBasis(old, u consent.Use) bool { return !weaker(old.Basis, u.Basis) }

// sameUse finds the use of the same activity for the same purpose by the same recipient.
func sameUse(list []consent.Use, u consent.Use) (consent.Use, bool) {
	i := slices.IndexFunc(list, func(o consent.Use) bool {
		return o.Activity == u.Activity && o.Purpose == u.Purpose && o.Recipient == u.Recipient
	})
	if i < 0 {
		return consent.Use{}, false
	}
	return list[i], true
}

// usesLike finds the same use in several statements.
func usesLike(statements [][]consent.Use, u consent.Use) []consent.Use {
	var list []consent.Use
	for _, uses := range statements {
		if old, ok := sameUse(uses, u); ok {
			list = append(list, old)
		}
	}
	return list
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// weaker tells whether a basis asks less of us: consent was needed, and is no more.
func weaker(from, to string) bool {
	return strings.Contains(from, "consent") && !strings.Contains(to, "consent")
}

// restsOnConsent names the uses that are to be made of older data after notice although that data rests on consent: the
// use itself did in another version, or all uses there of something that it takes did.
func restsOnConsent(to []consent.Use, others ...[]consent.Use) []consent.Use {
	return slices.DeleteFunc(slices.Clone(to), func(u consent.Use) bool {
		return u.Compatible == "" || !slices.ContainsFunc(others, func(uses []consent.Use) bool {
			old, ok := sameUse(uses, u)
			return ok && strings.Contains(old.Basis, "consent") || slices.ContainsFunc(u.Data, func(data string) bool {
				return onlyByConsent(usesOf(uses, u.Activity), data)
			})
		})
	})
}

// onlyByConsent tells whether data is used, and each of its uses rests on consent.
func onlyByConsent(uses []consent.Use, data string) bool {
	used := slices.DeleteFunc(slices.Clone(uses), func(u consent.Use) bool {
		return !slices.Contains(u.Data, data) || u.Purpose == "notice" || u.Purpose == "conduct" || u.Recipient == "legal demand"
	})
	return len(used) > 0 && !slices.ContainsFunc(used, func(u consent.Use) bool { return !strings.Contains(u.Basis, "consent") })
}

// needsConsent tells whether a purpose is one for which nothing is sent without consent (P-6).
func needsConsent(purpose string) bool { return consent.Purpose(purpose).Words() != "" }

var span = regexp.MustCompile(`(\d+) (hour|day|week|month|year)s?`)

// longer tells whether data may be kept for longer than before. It compares the spans in order where all else that the two
// texts say is the same: what a span counts from, or what is kept without one. Otherwise nobody can tell, and it is. Any limit
// is shorter than one that was not stated.
func longer(from, to string) bool {
	if strings.HasPrefix(from, "not stated") {
		return false
	}
	before, after := spans(from), spans(to)
	if len(before) != len(after) || len(after) == 0 || span.ReplaceAllString(from, "") != span.ReplaceAllString(to, "") {
		return true
	}
	for i := range after {
		if after[i] > before[i] {
			return true
		}
	}
	return false
}

// spans are the periods that a text names, in hours.
func spans(text string) []int {
	hours := map[string]int{"hour": 1, "day": 24, "week": 7 * 24, "month": 731, "year": 12 * 731}
	var list []int
	for _, m := range span.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			n = 1 << 20 // a number beyond all bounds
		}
		list = append(list, n*hours[m[2]])
	}
	return list
}

func forPurpose(say page.Say, purpose string) string {
	return cmp.Or(say("for_"+purpose), say("for", "purpose", purpose))
}

func byRecipient(say page.Say, recipient string) string {
	return cmp.Or(say("by_"+strings.ReplaceAll(recipient, " ", "_")), say("by", "recipient", recipient))
}
