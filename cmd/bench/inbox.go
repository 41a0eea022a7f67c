package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/account"
)

// measureInbox pairs the inbox of a large house with that of a small one: the same pages over HTTP, signed in.
func measureInbox(ctx context.Context, b *bench) (err error) {
	small, err := b.openInbox(ctx, "small", b.small)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, small.close(ctx)) }()
	large, err := b.openInbox(ctx, "large", b.large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, large.close(ctx)) }()
	against := fmt.Sprintf("at %s records", thousands(float64(b.small)))
	for i, page := range inboxPages() {
		rounds, err := b.inTurns(
			func() (reading, error) { return small.latency(ctx, b.each/2, page.query) },
			func() (reading, error) { return large.latency(ctx, b.each/2, page.query) })
		if err != nil {
			return fmt.Errorf("%s: %w", page.name, err)
		}
		name, g := "  "+page.name, goal{}
		if i == 0 {
			name, g = fmt.Sprintf("inbox page at %s records", thousands(float64(b.large))), goal{most: 1.5}
		}
		b.table.add(name, against, rounds, g, milliseconds)
	}
	b.table.note("Inbox: median time of requests one after the other, for one signed in with all roles that see submissions; " +
		"the first line is the page as it opens.")
	return nil
}

type inboxPage struct{ name, query string }

// inboxPages are the ways in which the queue is looked at. The first is the one that the target is for.
func inboxPages() []inboxPage {
	return []inboxPage{
		{"as it opens", ""},
		{"unread ones", "?view=unread"},
		{"unassigned ones", "?view=unassigned"},
		{"of one kind and status", "?kind=contact&status=closed"},
		{"a common word", "?q=word1"},
		{"a rare word", "?q=turbine"},
		{"an address by its beginning", "?q=ada.1234%40"},
	}
}

// inbox is the workspace over a number of records, and a client that is signed in to it.
type inbox struct {
	world  *world
	site   *process
	client *http.Client
}

func (b *bench) openInbox(ctx context.Context, name string, n int) (*inbox, error) {
	w, err := b.newWorld(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := w.fill(ctx, n); err != nil {
		return nil, errors.Join(err, w.drop(ctx))
	}
	site, err := b.startSite(ctx, w)
	if err != nil {
		return nil, errors.Join(err, w.drop(ctx))
	}
	i := &inbox{world: w, site: site}
	if err := i.signIn(ctx); err != nil {
		return nil, errors.Join(err, i.close(ctx))
	}
	return i, nil
}

func (i *inbox) close(ctx context.Context) error {
	return errors.Join(i.site.stop(), i.world.drop(ctx))
}

const (
	email    = "bench@example.com"
	password = "a bench of seasoned oak, 1899"
	secret   = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

// signIn makes a member of staff and goes in by the door: password, then code.
func (i *inbox) signIn(ctx context.Context) error {
	in, err := i.world.open(ctx, false)
	if err != nil {
		return err
	}
	defer in.close()
	made, err := in.accounts.Create(ctx, account.Hire{
		Email: email, Name: "Bench", Password: password, Roles: []account.Role{account.Reviewer, account.Recruiter, account.Privacy},
	})
	if err != nil {
		return err
	}
	// A code counts once: enrolling takes the one before, signing in the present one.
	code, err := totp.GenerateCode(secret, time.Now().Add(-30*time.Second))
	if err != nil {
		return err
	}
	if _, err := in.accounts.Enrol(ctx, made, secret, code); err != nil {
		return err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	i.client = &http.Client{Jar: jar}
	if err := i.send(ctx, "/staff/sign-in", url.Values{"email": {email}, "password": {password}}); err != nil {
		return err
	}
	if code, err = totp.GenerateCode(secret, time.Now()); err != nil {
		return err
	}
	return i.send(ctx, "/staff/totp", url.Values{"code": {code}})
}

// send posts a form and follows where it leads.
func (i *inbox) send(ctx context.Context, path string, values url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.site.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return i.do(req)
}

func (i *inbox) do(req *http.Request) error {
	resp, err := i.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", req.URL.Path, resp.Status)
	}
	return nil
}

// latency asks for the page again and again, and returns the median time in milliseconds.
func (i *inbox) latency(ctx context.Context, during time.Duration, query string) (reading, error) {
	var times []float64
	for begin := time.Now(); time.Since(begin) < during || len(times) < 3; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.site.url+"/staff/submissions"+query, nil)
		if err != nil {
			return reading{}, err
		}
		start := time.Now()
		if err := i.do(req); err != nil {
			return reading{}, err
		}
		times = append(times, float64(time.Since(start))/float64(time.Millisecond))
	}
	return reading{rate: median(times)}, nil
}
