package staff

import (
	"fmt"
	"log/slog"
	"net/http"

	"riverqueue.com/riverui"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/job"
)

const jobsPath = "/staff/jobs"

// jobsCSP is the policy of River's own pages, the only ones of the site that are drawn by a client framework. They too
// load nothing from elsewhere.
const jobsCSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"

func newRiver(jobs *job.Jobs, log *slog.Logger) (*riverui.Handler, error) {
	h, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(jobs.Client(), nil), Logger: log, Prefix: jobsPath,
	})
	if err != nil {
		return nil, fmt.Errorf("pages of jobs: %w", err)
	}
	return h, nil
}

// serveJobs hands over to River's pages; what is changed there is logged.
func (ws *Workspace) serveJobs(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		if err := audit.Record(r.Context(), ws.desk.Pool, audit.Event{
			At: ws.desk.Now(), ActorID: some(account.From(r.Context()).Account.ID), Role: string(account.Admin), Action: "change",
			Object: "jobs", Detail: map[string]string{"method": r.Method, "path": r.URL.Path},
		}); err != nil {
			return err
		}
	}
	if r.URL.Path == jobsPath {
		http.Redirect(w, r, jobsPath+"/", http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Content-Security-Policy", jobsCSP)
	ws.river.ServeHTTP(w, r)
	return nil
}
