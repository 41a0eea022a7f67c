package privacy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
)

// statementChecks compare what the statement says with what is so.
func (r *Room) statementChecks() []Check {
	return []Check{
		{
			Promise: "P-1", Name: "The statement in force names the privacy address of this site, with its subject line.", Run: r.checkAddress,
			Remove: Removal{File: Edit{"content/site.yaml", "privacy_email: click.legal@", "privacy_email: somebody@"}},
		},
		{
			Promise: "P-2", Name: "The activities of the statement are those of the software.", Run: r.checkActivities,
			Remove: Removal{Statement: Edit{statementFiles, "activity: newsletter", "activity: bulletin"}},
		},
		{
			Promise: "P-7", Name: "The statement names all four ways to stop messages, and none is empty.", Run: r.checkWaysOut,
			Remove: Removal{Statement: Edit{statementFiles, "- **Post.** ", "- "}},
		},
		{
			Promise: "P-9", Name: "Whatever a department gets with a request, the statement tells that processors hold too.", Run: r.checkHandOver,
			Remove: Removal{SQL: `ALTER TABLE statement_use DISABLE TRIGGER USER;
				DELETE FROM statement_use WHERE activity = 'contact' AND recipient = 'processor'`},
		},
		{
			Promise: "P-17", Name: "Every published version reads as its file does.", Run: r.checkTexts,
			Remove: Removal{File: Edit{statementFiles, "None needs an account", "Some need an account"}},
		},
		{
			Promise: "A-1", Name: "Each use in the statement has a basis.", Run: r.checkUses(func(u consent.Use) string { return u.Basis }),
			Remove: Removal{SQL: emptied("basis")},
		},
		{
			Promise: "A-3", Name: "The statement leads to the authorities to which one can complain.", Run: r.checkAuthorities,
			Remove: Removal{Statement: Edit{statementFiles, "](https://ico.org.uk/)", "]"}},
		},
		{
			Promise: "A-4", Name: "Each use in the statement has a time limit.", Run: r.checkUses(func(u consent.Use) string { return u.Retention }),
			Remove: Removal{SQL: emptied("retention")},
		},
		{
			Promise: "A-6", Name: "Each processor has a country and a contract, and stands in the statement.", Run: r.checkProcessors,
			Remove: Removal{File: Edit{"content/site.yaml", "contract: Data processing agreement DPA-DEMO-02, signed 15 September 2026", `contract: ""`}},
		},
	}
}

const statementFiles = "privacy/*.md"

// emptied takes the words of a column of every use, past both fences.
func emptied(column string) string {
	return `ALTER TABLE statement_use DISABLE TRIGGER USER;
		ALTER TABLE statement_use DROP CONSTRAINT statement_use_said;
		UPDATE statement_use SET ` + column + ` = ''`
}

func (r *Room) checkAddress(context.Context) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	if !strings.Contains(s.Body, "mailto:"+r.desk.Pages.Site().PrivacyEmail+"?subject=Privacy%20Statement%20Question") {
		return errors.New("the address in site.yaml is not the one in the statement")
	}
	return nil
}

// uses are those of the statement in force.
func (r *Room) uses(ctx context.Context) ([]consent.Use, error) {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return nil, err
	}
	return r.desk.Statements.Uses(ctx, s.ID)
}

func (r *Room) checkWaysOut(context.Context) error {
	text, err := r.clause("opt-out")
	if err != nil {
		return err
	}
	for _, way := range []string{"**Link.**", "**Mail.**", "**Post.**", "**Phone.**"} {
		if !strings.Contains(text, way) {
			return fmt.Errorf("the clause does not name the way %s", way)
		}
	}
	if site := r.desk.Pages.Site(); site.Phone == "" || len(site.Address) == 0 || site.PrivacyEmail == "" {
		return errors.New("site.yaml lacks phone, address or privacy_email")
	}
	return nil
}

// checkTexts compares what is published with the files that came with this program.
func (r *Room) checkTexts(ctx context.Context) error {
	if err := r.desk.Statements.Refresh(ctx); err != nil {
		return err
	}
	var faults []error
	for _, s := range r.desk.Statements.All() {
		draft, err := consent.ReadDraft(r.web, s.ID)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		uses, err := r.desk.Statements.Uses(ctx, s.ID)
		if err != nil {
			return err
		}
		same := draft.Title == s.Title && draft.Summary == s.Summary && draft.Body == s.Body &&
			dated(draft.Statement, s) && bytes.Equal(draft.Digest, s.Digest) && sameUses(draft.Uses, uses)
		if !same {
			faults = append(faults, fmt.Errorf("version %s differs from its file", s.ID))
		}
	}
	return errors.Join(faults...)
}

// dated tells whether a version takes effect as its file says, or on a day that was chosen when it was published.
func dated(file, s consent.Statement) bool {
	return file.EffectiveOn.Equal(s.EffectiveOn) ||
		s.EffectiveOn.Format(time.DateOnly) >= s.PublishedAt.In(clock.Zone()).Format(time.DateOnly)
}

func sameUses(a, b []consent.Use) bool {
	order := func(x, y consent.Use) int {
		return cmp.Or(cmp.Compare(x.Activity, y.Activity), cmp.Compare(x.Purpose, y.Purpose), cmp.Compare(x.Recipient, y.Recipient))
	}
	same := func(x, y consent.Use) bool {
		return order(x, y) == 0 && slices.Equal(x.Data, y.Data) && x.Retention == y.Retention && x.Basis == y.Basis && x.Compatible == y.Compatible
	}
	return slices.EqualFunc(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order), same)
}

func (r *Room) checkUses(of func(consent.Use) string) func(context.Context) error {
	return func(ctx context.Context) error {
		uses, err := r.uses(ctx)
		if err != nil {
			return err
		}
		for _, u := range uses {
			if strings.TrimSpace(of(u)) == "" {
				return fmt.Errorf("%s, %s, %s says nothing", u.Activity, u.Purpose, u.Recipient)
			}
		}
		return nil
	}
}

func (r *Room) checkProcessors(context.Context) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	var faults []error
	for _, p := range r.desk.Pages.Site().Processors {
		if p.Country == "" || p.Contract == "" || !strings.Contains(s.Body, p.Name) {
			faults = append(faults, fmt.Errorf("%s lacks a country, a contract, or its place in the statement", p.Name))
		}
	}
	return errors.Join(faults...)
}

// checkHandOver compares what the departments get with requests with what processors do: records lie with the company
// that hosts the site, and mails about them pass through the one that sends them.
func (r *Room) checkHandOver(ctx context.Context) error {
	uses, err := r.uses(ctx)
	if err != nil {
		return err
	}
	held := map[string][]string{}
	for _, u := range uses {
		if u.Purpose == "service" && u.Recipient == "processor" {
			held[u.Activity] = append(held[u.Activity], u.Data...)
		}
	}
	var faults []error
	for _, u := range uses {
		if u.Purpose != "service" || u.Recipient != "own department" {
			continue
		}
		for _, data := range u.Data {
			if !slices.Contains(held[u.Activity], data) {
				faults = append(faults, fmt.Errorf("%s: the statement names no processor that gets the %s", u.Activity, data))
			}
		}
	}
	return errors.Join(faults...)
}

func (r *Room) checkActivities(ctx context.Context) error {
	uses, err := r.uses(ctx)
	if err != nil {
		return err
	}
	var named []string
	for _, u := range uses {
		named = append(named, u.Activity)
	}
	slices.Sort(named)
	named = slices.Compact(named)
	kinds := slices.Sorted(slices.Values(r.desk.Activities().Kinds()))
	if !slices.Equal(named, kinds) {
		return fmt.Errorf("the statement names %v, the software has %v", named, kinds)
	}
	return nil
}

// checkAuthorities holds that there is one for each of the places that the clause names.
func (r *Room) checkAuthorities(context.Context) error {
	text, err := r.clause("complaints")
	if err != nil {
		return err
	}
	if strings.Count(text, "](https://") < 4 {
		return errors.New("the clause leads to fewer than four authorities")
	}
	return nil
}

// clause returns the text of a clause of the statement in force.
func (r *Room) clause(id string) (string, error) {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return "", err
	}
	_, clauses, err := Clauses(s.Body)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(clauses, func(c Clause) bool { return c.ID == id })
	if i < 0 {
		return "", fmt.Errorf("no clause %s", id)
	}
	return clauses[i].Text, nil
}
