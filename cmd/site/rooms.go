package main

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/alliance"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
)

// rooms are the activities of the site and what is mounted beside them.
type rooms struct {
	activities activity.Activities
	sources    []content.Source
	public     []func(chi.Router)
	staff      http.Handler
	connect    http.Handler
	demo       []func(context.Context) error
	// subjects lists what can be applied for today, for the activities that have subjects.
	subjects map[string]func(context.Context) ([]uuid.UUID, error)
}

// makeRooms is the list of activities: a new one is a line here, a folder in internal/ and one in web/templates/.
func (a *app) makeRooms() rooms {
	return rooms{activities: activity.Activities{
		alliance.New(a.desk, a.content),
	}}
}

// mailTemplates are those of all rooms.
func mailTemplates() []mail.Template {
	list := mail.Core()
	list = append(list, account.Templates()...)
	return list
}

// notice is the home page's line about a changed statement (P-17).
func (a *app) notice(context.Context) *page.Notice { return nil }
