package staff

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/word"
)

// teamPage lists those who may sign in to the workspace, and invites more.
type teamPage struct {
	page.Base
	Members  []memberLine
	Done     string
	Email    string
	Name     string
	Roles    []option
	Problems []form.Problem
}

type memberLine struct {
	account.Account
	Labels string
	Last   string
	State  tag
}

// memberPage is one colleague: roles, and what can be done with the account.
type memberPage struct {
	page.Base
	Member   memberLine
	Roles    []option
	Self     bool
	Done     string
	Problems []form.Problem
	History  []momentView
}

func (ws *Workspace) memberLine(a account.Account) memberLine {
	l := memberLine{Account: a, Labels: roleLabels(a.Roles), Last: "never"}
	if a.LastSignInAt != nil {
		l.Last = clock.Date(*a.LastSignInAt)
	}
	switch {
	case !a.Active(ws.desk.Now()):
		l.State = tag{"closed", "Closed"}
	case !a.HasPassword:
		l.State = tag{"waiting", "Invited"}
	case !a.HasTOTP:
		l.State = tag{"waiting", "Authenticator still to be set up"}
	default:
		l.State = tag{"active", "Active"}
	}
	return l
}

func roleOptions(has func(account.Role) bool) []option {
	list := make([]option, 0, len(account.Roles()))
	for _, r := range account.Roles() {
		list = append(list, option{string(r), r.Label(), has(r)})
	}
	return list
}

func (ws *Workspace) showTeam(w http.ResponseWriter, r *http.Request) error {
	return ws.drawTeam(w, r, http.StatusOK, nil, nil)
}

func (ws *Workspace) drawTeam(w http.ResponseWriter, r *http.Request, status int, v url.Values, problems []form.Problem) error {
	all, err := ws.accounts.List(r.Context(), account.Staff)
	if err != nil {
		return err
	}
	p := teamPage{
		Base: page.Base{Title: "People and roles", NoIndex: true}, Done: ws.doneWords(r.URL.Query()), Email: v.Get("email"),
		Name: v.Get("name"), Problems: problems,
		Roles: roleOptions(func(x account.Role) bool { return slices.Contains(v["role"], string(x)) }),
	}
	for _, a := range all {
		p.Members = append(p.Members, ws.memberLine(a))
	}
	return ws.views.team.Write(w, r, status, p)
}

func rolesOf(v url.Values) []account.Role {
	var roles []account.Role
	for _, x := range account.Roles() {
		if slices.Contains(v["role"], string(x)) {
			roles = append(roles, x)
		}
	}
	return roles
}

// submitInvite makes an account and mails its owner a link to choose a password.
func (ws *Workspace) submitInvite(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	v := r.PostForm
	name := form.Clean(v.Get("name"), false)
	_, _, err := ws.accounts.CreateInvited(r.Context(), account.Hire{Email: v.Get("email"), Name: name, Roles: rolesOf(v)})
	if errors.Is(err, account.ErrTaken) && ws.justInvited(r.Context(), v.Get("email"), name) {
		return done(w, r, "/staff/team", "invited")
	}
	if problem, ok := teamProblem(err); ok {
		return ws.drawTeam(w, r, http.StatusUnprocessableEntity, v, []form.Problem{problem})
	}
	if err != nil {
		return err
	}
	return done(w, r, "/staff/team", "invited")
}

// justInvited tells whether the address was invited a moment ago under that name, or the one made for it: somebody pressed
// twice.
func (ws *Workspace) justInvited(ctx context.Context, email, name string) bool {
	a, err := ws.accounts.Find(ctx, email)
	return err == nil && a.Kind == account.Staff && a.Name == account.Named(name, a.Email) && ws.desk.Now().Sub(a.CreatedAt) < time.Minute
}

// teamProblem says what is wrong with a form about accounts.
func teamProblem(err error) (form.Problem, bool) {
	switch {
	case errors.Is(err, account.ErrAddress):
		return form.Problem{Name: "email", ID: "team-email", Text: "Write the address like name@example.com."}, true
	case errors.Is(err, account.ErrTaken):
		return form.Problem{Name: "email", ID: "team-email", Text: "This address has an account already."}, true
	case errors.Is(err, account.ErrRole):
		return form.Problem{Name: "role", ID: "team-role-0", Text: "Choose at least one role."}, true
	case errors.Is(err, account.ErrLastAdmin):
		return form.Problem{Name: "role", ID: "team-role-0", Text: "This is the last administrator. Make somebody else one first."}, true
	}
	return form.Problem{}, false
}

// member returns the colleague of the address.
func (ws *Workspace) member(r *http.Request) (account.Account, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return account.Account{}, page.ErrNotFound
	}
	a, err := ws.accounts.Get(r.Context(), id)
	if errors.Is(err, account.ErrNotFound) || err == nil && a.Kind != account.Staff {
		return account.Account{}, page.ErrNotFound
	}
	return a, err
}

func (ws *Workspace) showMember(w http.ResponseWriter, r *http.Request) error {
	a, err := ws.member(r)
	if err != nil {
		return err
	}
	return ws.drawMember(w, r, http.StatusOK, a, nil)
}

func (ws *Workspace) drawMember(w http.ResponseWriter, r *http.Request, status int, a account.Account, problems []form.Problem) error {
	names, err := ws.names(r.Context())
	if err != nil {
		return err
	}
	events, err := audit.Of(r.Context(), ws.desk.Pool, a.ID)
	if err != nil {
		return err
	}
	p := memberPage{
		Base:   page.Base{Title: a.Name, NoIndex: true, Crumbs: []page.Crumb{{Label: "People and roles", Path: "/staff/team"}}},
		Member: ws.memberLine(a), Self: a.ID == account.From(r.Context()).Account.ID, Done: ws.doneWords(r.URL.Query()), Problems: problems,
		Roles: roleOptions(func(x account.Role) bool { return slices.Contains(a.Roles, x) }),
	}
	for _, e := range events {
		words := word.Capital(e.Action)
		if e.Detail["after"] != "" {
			words += ": " + e.Detail["before"] + " → " + e.Detail["after"]
		}
		p.History = append(p.History, momentView{When: ws.stamp(e.At), What: words, Who: actorWords(names, e.ActorID, e.Role)})
	}
	return ws.views.member.Write(w, r, status, p)
}

func (ws *Workspace) submitRoles(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	return ws.govern(w, r, "roles", func(ctx context.Context, id uuid.UUID) error {
		if err := ws.accounts.SetRoles(ctx, id, rolesOf(r.PostForm)); err != nil {
			return err
		}
		return ws.takeBack(ctx, id, rolesOf(r.PostForm))
	})
}

func (ws *Workspace) submitInviteAgain(w http.ResponseWriter, r *http.Request) error {
	return ws.govern(w, r, "invited", func(ctx context.Context, id uuid.UUID) error {
		_, err := ws.accounts.Invite(ctx, id)
		return err
	})
}

func (ws *Workspace) submitDisable(w http.ResponseWriter, r *http.Request) error {
	return ws.govern(w, r, "disabled", func(ctx context.Context, id uuid.UUID) error {
		if err := ws.accounts.Disable(ctx, id); err != nil {
			return err
		}
		return ws.takeBack(ctx, id, nil)
	})
}

// takeBack leaves unassigned what a colleague with those roles can't work on: it would be in nobody's list.
func (ws *Workspace) takeBack(ctx context.Context, id uuid.UUID, roles []account.Role) error {
	var kinds []string
	for _, a := range ws.desk.Activities() {
		if !account.Can(roles, account.Act, a.Kind) {
			kinds = append(kinds, a.Kind)
		}
	}
	by := submission.Actor{ID: account.From(ctx).Account.ID, Role: string(account.Admin)}
	return ws.desk.Store.TakeBack(ctx, id, kinds, by)
}

func (ws *Workspace) submitEnable(w http.ResponseWriter, r *http.Request) error {
	return ws.govern(w, r, "enabled", ws.accounts.Enable)
}

func (ws *Workspace) submitDropTOTP(w http.ResponseWriter, r *http.Request) error {
	return ws.govern(w, r, "totp", ws.accounts.DropTOTP)
}

// govern does something with a colleague's account; package account logs it.
func (ws *Workspace) govern(w http.ResponseWriter, r *http.Request, word string, act func(context.Context, uuid.UUID) error) error {
	a, err := ws.member(r)
	if err != nil {
		return err
	}
	err = act(r.Context(), a.ID)
	if problem, ok := teamProblem(err); ok {
		return ws.drawMember(w, r, http.StatusUnprocessableEntity, a, []form.Problem{problem})
	}
	if err != nil {
		return err
	}
	return done(w, r, "/staff/team/"+a.ID.String(), word)
}
