package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/page"
)

// Routes mounts everything under /staff: the doors of package account, this room's pages, and the staff pages of the
// activities and the other rooms, which find who is signed in by account.From and check their own rights.
func (ws *Workspace) Routes(r chi.Router) {
	ws.accounts.StaffRoutes(r, ws.inside)
	r.Group(func(r chi.Router) {
		r.Use(ws.accounts.Load)                // who is signed in
		r.Use(ws.accounts.RequireStaff())      // and has given a code
		r.Use(ws.inside)                       // the navigation of their roles
		r.Route("/staff", func(r chi.Router) { // first: what follows takes its own addresses back
			for _, a := range ws.desk.Activities() {
				if a.Staff != nil {
					a.Staff(r)
				}
			}
			for _, room := range ws.rooms {
				room(r)
			}
		})
		ws.queueRoutes(r)
		ws.recordRoutes(r)
		ws.personRoutes(r)
		ws.exportRoutes(r)
		ws.officeRoutes(r)
	})
}

// The queue, for all who see at least one kind.
func (ws *Workspace) queueRoutes(r chi.Router) {
	r.Get("/staff", ws.handle(ws.showStart))
	r.Get("/staff/search", ws.handle(ws.showSearch))
	r.Post("/staff/search", ws.handle(ws.submitSearch))
	r.Get("/staff/submissions", ws.handle(ws.showQueue))
	r.Post("/staff/submissions", ws.handle(ws.submitBulk))
	r.Get("/staff/submissions/new", ws.handle(ws.showTake))
	r.Post("/staff/submissions/new", ws.handle(ws.submitTake))
}

// One record: See opens it, Act changes it.
func (ws *Workspace) recordRoutes(r chi.Router) {
	const at = "/staff/submissions/{id}"
	r.Get(at, ws.onRecord(account.See, ws.showRecord))
	r.Post(at+"/file/{file}", ws.onRecord(account.See, ws.submitFile))
	r.Post(at+"/file/{file}/scan", ws.onRecord(account.Act, ws.submitScan))
	r.Post(at+"/move", ws.onRecord(account.Act, ws.submitMove))
	r.Post(at+"/reply", ws.onRecord(account.Act, ws.submitReply))
	r.Post(at+"/undo", ws.onRecord(account.Act, ws.submitUndo))
	r.Post(at+"/note", ws.onRecord(account.Act, ws.submitNote))
	r.Post(at+"/assign", ws.onRecord(account.Act, ws.submitAssign))
	r.Post(at+"/quarantine", ws.onRecord(account.Act, ws.submitQuarantine))
	r.Post(at+"/restore", ws.onRecord(account.Act, ws.submitRestore))
	r.Post(at+"/misuse", ws.onRecord(account.Act, ws.submitMisuse))
}

// One person, for those who see one of their submissions, and the privacy officer. Who calls or writes to people finds by
// number or postal address who wants no more of it.
func (ws *Workspace) personRoutes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(ws.accounts.RequireStaff(finders()...))
		r.Get("/staff/people", ws.handle(ws.showFind))
		r.Post("/staff/people", ws.handle(ws.submitFind))
	})
	r.Group(func(r chi.Router) {
		r.Use(ws.accounts.RequireStaff(recorders()...)) // who may record an opt-out of anybody, also of nobody we know
		r.Get(refusalsPath, ws.handle(ws.showRefusal))
		r.Post(refusalsPath, ws.handle(ws.submitRefusal))
	})
	r.Get("/staff/people/{id}", ws.onPerson(ws.showPerson))
	r.Post("/staff/people/{id}/opt-out", ws.onPerson(ws.submitOptOut))
	r.Post("/staff/misuse/{id}/lift", ws.handle(ws.submitLift))
}

// What leaves the house. The password is asked once more before it does. An export is there for who made it, and for
// the privacy officer.
func (ws *Workspace) exportRoutes(r chi.Router) {
	r.Get("/staff/exports", ws.handle(ws.showExports))
	r.Get("/staff/exports/{id}", ws.handle(ws.showExport))
	r.Group(func(r chi.Router) {
		r.Use(ws.accounts.RequireFresh)
		r.Post("/staff/exports/submissions", ws.handle(ws.submitExportQueue))
		r.With(ws.accounts.RequireStaff(account.Marketer, account.Privacy)).
			Post("/staff/exports/contacts", ws.handle(ws.submitExportContacts))
		r.Post("/staff/exports/{id}/recall", ws.handle(ws.submitRecall))
	})
}

// Mail that did not arrive, colleagues, jobs. The words of a mail are for those who see the record it is about.
func (ws *Workspace) officeRoutes(r chi.Router) {
	r.Get("/staff/mail/{id}", ws.handle(ws.showMessage))
	r.Get("/staff/design", ws.handle(ws.showDesign)) // examples only, for all
	r.Group(func(r chi.Router) {
		r.Use(ws.accounts.RequireStaff(account.Reviewer, account.Admin))
		r.Get("/staff/mail", ws.handle(ws.showMail))
		r.Post("/staff/mail/{id}/retry", ws.handle(ws.submitRetry))
	})
	r.Group(func(r chi.Router) {
		r.Use(ws.accounts.RequireStaff(account.Admin))
		r.Get("/staff/team", ws.handle(ws.showTeam))
		r.Get("/staff/team/{id}", ws.handle(ws.showMember))
		r.Group(func(r chi.Router) {
			r.Use(ws.accounts.RequireFresh) // rights are given by who is there, not by who left a screen open
			r.Post("/staff/team", ws.handle(ws.submitInvite))
			r.Post("/staff/team/{id}/roles", ws.handle(ws.submitRoles))
			r.Post("/staff/team/{id}/invite", ws.handle(ws.submitInviteAgain))
			r.Post("/staff/team/{id}/disable", ws.handle(ws.submitDisable))
			r.Post("/staff/team/{id}/enable", ws.handle(ws.submitEnable))
			r.Post("/staff/team/{id}/authenticator", ws.handle(ws.submitDropTOTP))
		})
		if ws.river != nil {
			r.Get(jobsPath, ws.handle(ws.serveJobs))
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch} {
				r.Method(method, jobsPath+"/*", ws.handle(ws.serveJobs))
			}
		}
	})
}

func (ws *Workspace) handle(h page.Handler) http.HandlerFunc { return ws.desk.Pages.Handle(h) }
