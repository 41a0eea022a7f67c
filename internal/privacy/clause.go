package privacy

import (
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
)

// Clause is a part of a statement with an id of its own.
type Clause struct {
	ID, Title string
	Plain     string // in plain words
	Text      string // Markdown
	Promises  []string
}

// Body draws the text of the clause.
func (c Clause) Body() template.HTML { return page.Markdown(c.Text) }

var clauseHead = regexp.MustCompile(`^## (.+?) \{#([a-z0-9-]+)\}$`)

// Clauses takes a statement's Markdown apart: what stands before the first clause, and the clauses in order. Each begins
// with "## Title {#id}", then a quotation in plain words, its text, and a line of the promises it makes.
func Clauses(body string) (lead string, clauses []Clause, err error) {
	var before, text []string
	flush := func() {
		if len(clauses) > 0 {
			clauses[len(clauses)-1].Text = strings.TrimSpace(strings.Join(text, "\n"))
		}
		text = nil
	}
	for line := range strings.SplitSeq(body, "\n") {
		head := clauseHead.FindStringSubmatch(line)
		switch {
		case head != nil:
			flush()
			if slices.ContainsFunc(clauses, func(c Clause) bool { return c.ID == head[2] }) {
				return "", nil, fmt.Errorf("two clauses have the id %s", head[2])
			}
			clauses = append(clauses, Clause{ID: head[2], Title: head[1]})
		case strings.HasPrefix(line, "## "):
			return "", nil, fmt.Errorf("clause %q has no id", strings.TrimPrefix(line, "## "))
		case len(clauses) == 0:
			before = append(before, line)
		default:
			c := &clauses[len(clauses)-1]
			if !c.take(line, len(strings.TrimSpace(strings.Join(text, ""))) == 0) {
				text = append(text, line)
			}
		}
	}
	flush()
	return strings.TrimSpace(strings.Join(before, "\n")), clauses, nil
}

// take keeps a line that is not part of the text: the plain words, which stand first, and the promises.
func (c *Clause) take(line string, first bool) bool {
	if quoted, ok := strings.CutPrefix(line, "> "); ok && first {
		c.Plain = strings.TrimSpace(c.Plain + " " + quoted)
		return true
	}
	if ids, ok := strings.CutPrefix(line, "Promises: "); ok {
		for id := range strings.SplitSeq(ids, ",") {
			c.Promises = append(c.Promises, strings.TrimSpace(id))
		}
		return true
	}
	return false
}

// Verify says what is wrong with a statement as a text: a clause without plain words, text or promise, or a promise that
// nobody knows or that no clause makes.
func Verify(body string) error {
	_, clauses, err := Clauses(body)
	if err != nil {
		return err
	}
	var faults []error
	made := map[string]bool{}
	for _, c := range clauses {
		if c.Plain == "" || c.Text == "" || len(c.Promises) == 0 {
			faults = append(faults, fmt.Errorf("clause %s lacks plain words, text or promises", c.ID))
		}
		for _, id := range c.Promises {
			made[id] = true
			if !slices.Contains(promiseIDs(), id) {
				faults = append(faults, fmt.Errorf("clause %s names the unknown promise %s", c.ID, id))
			}
		}
	}
	for _, id := range promiseIDs()[:mainPromises] {
		if !made[id] {
			faults = append(faults, fmt.Errorf("no clause makes promise %s", id))
		}
	}
	return errors.Join(faults...)
}

// bases are on what a use can rest: five of GDPR 6.1, by the words that people read, and what the source had instead.
func bases() []string {
	return []string{"consent", "contract", "legal obligation", "legitimate interest", "your request", "opt-out"}
}

// VerifyUses says what is wrong with the uses of a statement: one of an activity that is none of kinds or for a purpose that
// the software does not have, one whose recipient is none of the three classes (P-9), one on no known basis or without
// time limit.
func VerifyUses(uses []consent.Use, kinds []string) error {
	var faults []error
	fault := func(u consent.Use, words string) {
		faults = append(faults, fmt.Errorf("use %s, %s, %s: %s", u.Activity, u.Purpose, u.Recipient, words))
	}
	for _, u := range uses {
		if !slices.Contains(kinds, u.Activity) {
			fault(u, "unknown activity")
		}
		if !slices.Contains(order(), u.Purpose) {
			fault(u, "unknown purpose")
		}
		if !slices.Contains([]string{"own department", "processor", "legal demand"}, u.Recipient) {
			fault(u, "unknown recipient")
		}
		if !slices.Contains(bases(), u.Basis) {
			fault(u, "unknown basis")
		}
		if strings.TrimSpace(u.Retention) == "" {
			fault(u, "no time limit")
		}
		if u.Compatible != "" && (needsConsent(u.Purpose) || weaker(u.Basis, "")) {
			fault(u, "rests on consent, so no notice can stand in for it")
		}
	}
	return errors.Join(faults...)
}
