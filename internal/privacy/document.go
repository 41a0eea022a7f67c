package privacy

import (
	"context"
	"errors"
	"strings"
	"time"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/content"
)

// Documents lists, for search and sitemap, the clauses of the statement in force, each at its own place in the page, and
// the pages beside it. Nothing where none is in force yet.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	s, err := r.desk.Statements.InForce()
	if errors.Is(err, consent.ErrNoStatement) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, clauses, err := Clauses(s.Body)
	if err != nil {
		return nil, err
	}
	asked, err := r.askedWords(ctx)
	if err != nil {
		return nil, err
	}
	docs := []content.Document{
		document("/privacy/promises", promisesTitle, r.say("promises_about"), r.promisedWords(), time.Time{}),
		document("/privacy/inventory", inventoryTitle, r.say("inventory_about"), asked, time.Time{}),
		document("/privacy/versions", versionsTitle, r.say("versions_about"), "", r.desk.Statements.All()[0].PublishedAt),
	}
	for _, c := range clauses {
		docs = append(docs, document("/privacy#"+c.ID, c.Title, c.Plain, content.Words(c.Text), s.PublishedAt))
	}
	for _, v := range r.desk.Statements.All() { // without its text, so that a search finds the one that applies
		docs = append(docs, document("/privacy/versions/"+v.ID, versionTitle(v), v.Summary, "", v.PublishedAt))
	}
	return docs, nil
}

func document(path, title, summary, body string, updated time.Time) content.Document {
	return content.Document{Path: path, Kind: Kind, Title: title, Summary: summary, Body: body, Updated: updated}
}

// promisedWords is what the page of promises says.
func (r *Room) promisedWords() string {
	var words []string
	for _, p := range r.promises {
		words = append(words, p.Words, p.Keeps, p.People)
	}
	return strings.Join(words, " ")
}

// askedWords is what the inventory says of fields and of who processes them.
func (r *Room) askedWords(ctx context.Context) (string, error) {
	inv, err := r.makeInventory(ctx)
	if err != nil {
		return "", err
	}
	var words []string
	for _, a := range inv.Activities {
		words = append(words, a.Title+".")
		for _, f := range a.Fields {
			words = append(words, f.Label+": "+f.Why)
		}
	}
	for _, p := range inv.Processors {
		words = append(words, p.Name+": "+p.Purpose+".")
	}
	return strings.Join(words, " "), nil
}
