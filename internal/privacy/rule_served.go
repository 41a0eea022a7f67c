package privacy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"clickcommerce.com/site/internal/page"
)

// servedChecks look at what the site answers, from within.
func (r *Room) servedChecks() []Check {
	return []Check{
		{
			Promise: "P-7", Name: "One click in a mail program stops what rests on consent.", Run: r.checkOneClick,
			Remove: Removal{Serve: refusing},
		},
		{
			Promise: "P-9", Name: "Every kind of page tells the browser to load nothing from another host.", Run: r.checkPolicy,
			Remove: Removal{Serve: withHeader("Content-Security-Policy", "")},
		},
		{
			Promise: "P-14", Name: "The box that keeps a computer signed in is empty at first, and says how many cookies it sets.", Run: r.checkRememberBox,
			Remove: Removal{Serve: rewritten(`name="remember"`, `name="remember" checked`)},
		},
		{
			Promise: "P-15", Name: "No page sets a cookie in a browser that chose nothing.", Run: r.checkNoCookie,
			Remove: Removal{Serve: withHeader("Set-Cookie", "seen=1")},
			Also:   []Removal{{Serve: marking}},
		},
		{
			Promise: "P-15", Name: "Who rejects all cookies is asked to take that back before signing in.", Run: r.checkRejected,
			Remove: Removal{Serve: rewritten("Tell me first, and sign in", "Sign in")},
		},
		{
			Promise: "P-15", Name: "The three choices about cookies stand side by side.", Run: r.checkChoices,
			Remove: Removal{Serve: rewritten(`value="none"`, `value="later"`)},
		},
		{
			Promise: "P-16", Name: "Every link of the statement that leaves this site is marked.", Run: r.checkOutbound,
			Remove: Removal{Serve: rewritten(" (leaves this site)", "")},
		},
		{
			Promise: "P-17", Name: "The home page tells of the newest version until 90 days after it takes effect.", Run: r.checkAnnounced,
			Remove: Removal{Serve: rewritten("/privacy/changes/", "/about/")},
		},
	}
}

// strict is what a policy has to say for a page to load nothing from elsewhere and send nothing there.
func strict() []string {
	return []string{"default-src 'self'", "form-action 'self'", "base-uri 'none'", "object-src 'none'"}
}

func (r *Room) checkPolicy(ctx context.Context) error {
	for _, path := range []string{"/", "/privacy", "/contact", "/staff/sign-in"} {
		a, err := r.probe(ctx, path)
		if err != nil {
			return err
		}
		policy := a.header.Get("Content-Security-Policy")
		for _, words := range strict() {
			if !strings.Contains(policy, words) {
				return fmt.Errorf("the policy of %s lacks %s", path, words)
			}
		}
	}
	return nil
}

var rememberBox = regexp.MustCompile(`<input[^>]*name="remember"[^>]*>`)

func (r *Room) checkRememberBox(ctx context.Context) error {
	a, err := r.probe(ctx, "/connect/sign-in")
	if err != nil {
		return err
	}
	box := rememberBox.Find(a.body.Bytes())
	switch {
	case box == nil:
		return errors.New("the box is not there")
	case bytes.Contains(box, []byte("checked")):
		return errors.New("the box is ticked at first")
	case !strings.Contains(a.body.String(), "sets 1 cookie"):
		return errors.New("the box does not say that it sets 1 cookie")
	}
	return nil
}

func (r *Room) checkNoCookie(ctx context.Context) error {
	ordinary := []string{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
	for _, browser := range [][]string{ordinary, append(ordinary, "DNT", "1")} {
		for _, path := range []string{"/", "/privacy", "/cookies", "/contact", "/alliances/apply", "/connect/sign-in"} {
			a, err := r.probe(ctx, path, browser...)
			if err != nil {
				return err
			}
			if a.header.Get("Set-Cookie") != "" {
				return fmt.Errorf("%s sets a cookie", path)
			}
		}
	}
	return nil
}

// checkRejected looks at both doors as a browser that rejects all cookies.
func (r *Room) checkRejected(ctx context.Context) error {
	for _, path := range []string{"/connect/sign-in", "/staff/sign-in"} {
		a, err := r.probe(ctx, path, "Cookie", page.ChoiceCookie+"="+string(page.RejectAll))
		if err != nil {
			return err
		}
		switch {
		case a.header.Get("Set-Cookie") != "":
			return fmt.Errorf("%s sets a cookie", path)
		case !strings.Contains(a.body.String(), "Tell me first, and sign in (sets 2 cookies)"):
			return fmt.Errorf("the button of %s does not name what it sets", path)
		}
	}
	return nil
}

// marking sets a cookie in browsers that do not ask to be left alone.
func marking(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("DNT") == "" {
			w.Header().Set("Set-Cookie", "seen=1")
		}
		next.ServeHTTP(w, req)
	})
}

func (r *Room) checkChoices(ctx context.Context) error {
	a, err := r.probe(ctx, cookiePath)
	if err != nil {
		return err
	}
	for _, choice := range []string{"all", "tell", "none"} {
		if !strings.Contains(a.body.String(), `name="choice" value="`+choice+`"`) {
			return fmt.Errorf("the choice %q is missing", choice)
		}
	}
	return nil
}

// checkOutbound follows the links of the statement, which has some that leave.
func (r *Room) checkOutbound(ctx context.Context) error {
	a, err := r.probe(ctx, "/privacy")
	if err != nil {
		return err
	}
	doc, err := html.Parse(&a.body)
	if err != nil {
		return fmt.Errorf("read the statement: %w", err)
	}
	ours, err := url.Parse(r.desk.Pages.URL(""))
	if err != nil {
		return fmt.Errorf("read our own address: %w", err)
	}
	leaving := 0
	for node := range doc.Descendants() {
		href := attribute(node, "href")
		to, err := url.Parse(href)
		if node.Data != "a" || err != nil || to.Host == "" || to.Host == ours.Host {
			continue
		}
		leaving++
		if !strings.Contains(attribute(node, "rel"), "external") || !strings.Contains(textOf(node), "leaves this site") {
			return fmt.Errorf("the link to %s is not marked", href)
		}
	}
	if leaving == 0 {
		return errors.New("no link leaves, so nothing can be told")
	}
	return nil
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(node *html.Node) string {
	var b strings.Builder
	for n := range node.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return b.String()
}

func (r *Room) checkAnnounced(ctx context.Context) error {
	notice := r.Notice(ctx)
	if notice == nil {
		return nil // nothing is new
	}
	a, err := r.probe(ctx, "/")
	if err != nil {
		return err
	}
	if !strings.Contains(a.body.String(), `href="`+notice.Path+`"`) {
		return errors.New("the home page does not lead to what changed")
	}
	return nil
}

// withHeader sets a header of every answer, or removes it if value is empty, after the site has written its own.
func withHeader(name, value string) func(http.Handler) http.Handler {
	return tampered(func(a *answer) {
		if value == "" {
			a.header.Del(name)
		} else {
			a.header.Set(name, value)
		}
	})
}

// rewritten replaces words of every answer.
func rewritten(old, new string) func(http.Handler) http.Handler {
	return tampered(func(a *answer) {
		body := bytes.ReplaceAll(a.body.Bytes(), []byte(old), []byte(new))
		a.body = *bytes.NewBuffer(body)
	})
}

func tampered(change func(*answer)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			a := &answer{header: http.Header{}}
			next.ServeHTTP(a, req)
			change(a)
			for name, values := range a.header {
				w.Header()[name] = values
			}
			w.WriteHeader(a.status)
			_, _ = w.Write(a.body.Bytes()) // a copy's answer goes to a probe, which takes all
		})
	}
}
