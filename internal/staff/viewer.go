package staff

import (
	"net/http"
	"strings"
	"time"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// inside draws the pages below it with the navigation of the roles of who is signed in. It stands below
// account.RequireStaff.
func (ws *Workspace) inside(next http.Handler) http.Handler {
	return ws.handle(func(w http.ResponseWriter, r *http.Request) error {
		in := account.From(r.Context())
		if in == nil {
			return page.ErrForbidden
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			// Most answers to POST are redirects: what is waiting is counted on the page they lead to.
			next.ServeHTTP(w, r.WithContext(page.WithViewer(r.Context(), ws.viewer(in, r.URL.Path, 0))))
			return nil
		}
		unread := 0
		if kinds := ws.kinds(in, account.See); len(kinds) > 0 {
			var err error
			if unread, err = ws.desk.Store.Count(r.Context(), submission.Filter{Kinds: kinds, Unread: true}); err != nil {
				return err
			}
		}
		next.ServeHTTP(w, r.WithContext(page.WithViewer(r.Context(), ws.viewer(in, r.URL.Path, unread))))
		return nil
	})
}

func (ws *Workspace) viewer(in *account.Session, path string, unread int) *page.Viewer {
	v := &page.Viewer{Name: in.Account.Name, Role: roleLabels(in.Roles)}
	add := func(label, to string, count int) {
		v.Nav = append(v.Nav, page.NavItem{
			Label: label, Path: to, Count: min(count, countCap), Current: path == to || strings.HasPrefix(path, to+"/"),
		})
	}
	if len(ws.kinds(in, account.See)) > 0 {
		add("Inbox", "/staff/submissions", unread)
	}
	for _, l := range ws.content {
		if in.Can(l.Right, l.Kind) {
			add(l.Label, l.Path, 0)
		}
	}
	if ws.mayExport(in) {
		add("Exports", exportsPath, 0)
	}
	if in.Has(account.Reviewer, account.Admin) {
		add("Mail not delivered", "/staff/mail", 0)
	}
	if in.Has(account.Admin) {
		add("People and roles", "/staff/team", 0)
		if ws.river != nil {
			add("Jobs", jobsPath, 0)
		}
	}
	add("Your account", "/staff/account", 0)
	return v
}

func roleLabels(roles []account.Role) string {
	labels := make([]string, 0, len(roles))
	for _, r := range roles {
		labels = append(labels, r.Label())
	}
	return strings.Join(labels, ", ")
}

// stamp is a moment as pages show it, in the time of the company's seat.
type stamp struct{ ISO, Text string }

// stamp says day and time in full.
func (ws *Workspace) stamp(t time.Time) stamp {
	return stamp{t.UTC().Format(time.RFC3339), t.In(clock.Zone()).Format("2 January 2006, 15:04")}
}

// brief says as little as a list needs: the time of today, else the day.
func (ws *Workspace) brief(t time.Time) stamp {
	here, now := t.In(clock.Zone()), ws.desk.Now().In(clock.Zone())
	layout := "2 Jan 2006"
	switch {
	case here.Format(time.DateOnly) == now.Format(time.DateOnly):
		layout = "15:04"
	case here.Year() == now.Year():
		layout = "2 Jan"
	}
	return stamp{t.UTC().Format(time.RFC3339), here.Format(layout)}
}
