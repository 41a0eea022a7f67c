package announce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
)

// testTemplate is what marketers send to themselves.
const testTemplate = "announcement-test"

// Letter is an announcement as a mail draws it. Of a sending only the id is stored with each message.
type Letter struct {
	Announcement uuid.UUID     `json:"announcement"`
	Label        string        `json:"label,omitempty"` // says what it is: "Promotion"
	Subject      string        `json:"subject,omitempty"`
	Lead         string        `json:"lead,omitempty"` // for the line that inboxes show
	Text         string        `json:"text,omitempty"`
	HTML         template.HTML `json:"html,omitempty"`
	IssueURL     string        `json:"issue_url,omitempty"` // optional: where everybody can read it
}

// Templates are the mails of this room. publicURL is how the world reaches the site.
func Templates(pool *pgxpool.Pool, publicURL string) []mail.Template {
	// of reads the announcement of a stored message. There is none where it is gone: the mail can't be drawn then, and says so.
	of := func(ctx context.Context, data any) (a announcement, found bool, err error) {
		stored, ok := data.(Letter)
		if !ok {
			return a, false, nil
		}
		a, err = get(ctx, pool, stored.Announcement, "")
		if errors.Is(err, page.ErrNotFound) {
			return a, false, nil
		}
		return a, err == nil, err
	}
	fill := func(ctx context.Context, data any) (any, error) {
		a, found, err := of(ctx, data)
		if err != nil || !found {
			return data, err
		}
		return letter(a, publicURL), nil
	}
	stands := func(ctx context.Context, data any) error {
		a, _, err := of(ctx, data)
		switch {
		case err != nil:
			return err
		case a.State == stopped:
			return mail.ErrStopped
		case a.State == paused:
			return mail.ErrPaused
		}
		return nil
	}
	list := []mail.Template{{Name: testTemplate, Purpose: "internal", Data: Letter{}, ByHand: true}}
	for _, p := range consent.Purposes() {
		list = append(list, mail.Template{
			Name: templateOf(p), Purpose: string(p), Data: Letter{}, ByHand: true, Fill: fill, Stands: stands,
		})
	}
	return list
}

func templateOf(p consent.Purpose) string {
	switch p {
	case consent.Survey:
		return "survey-invitation"
	case consent.ProductNews:
		return "product-news"
	}
	return string(p)
}

func letter(a announcement, publicURL string) Letter {
	html, err := mailHTML(a.Body, publicURL)
	if err != nil {
		html = template.HTML(template.HTMLEscapeString(a.Body)) //nolint:gosec // escaped here
	}
	return Letter{
		Announcement: a.ID, Label: a.Purpose.Label(), Subject: a.Subject, Lead: a.lead(), Text: mailText(a.Body, publicURL),
		HTML: html, IssueURL: a.IssuePath(),
	}
}

var ownLink = regexp.MustCompile(`\]\(/`)

var heading = regexp.MustCompile(`^#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$`)

var inlineLink = regexp.MustCompile(`\[([^\[\]]+)\]\(([^()\s]+)\)`)

// mailText is the Markdown as it was written, which reads as plain text, with whole addresses. Only a heading is
// underlined, and a link told as words and address: their marks say nothing to those who do not know them.
func mailText(body, publicURL string) string {
	lines := strings.Split(ownLink.ReplaceAllString(body, "]("+publicURL+"/"), "\n")
	code := false
	for i, line := range lines {
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") {
			code = !code
		}
		if code {
			continue
		}
		line = inlineLink.ReplaceAllString(line, "$1 ($2)")
		lines[i] = line
		if m := heading.FindStringSubmatch(strings.TrimSuffix(line, "\r")); m != nil {
			lines[i] = m[1] + "\n" + strings.Repeat("-", min(max(utf8.RuneCountInString(m[1]), 3), 72))
		}
	}
	return strings.Join(lines, "\n")
}

// mailHTML draws Markdown for a mail: no pictures, whole addresses, and the name of the site beside each link that leads
// to another (P-16).
func mailHTML(body, publicURL string) (template.HTML, error) {
	source := []byte(body)
	md := goldmark.New()
	doc := md.Parser().Parse(text.NewReader(source))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		link, ok := n.(*ast.Link)
		if !ok || entering {
			return ast.WalkContinue, nil
		}
		to := string(link.Destination)
		if strings.HasPrefix(to, "/") {
			to = publicURL + to
			link.Destination = []byte(to)
		}
		if host := otherHost(to, publicURL); host != "" {
			link.AppendChild(link, ast.NewString([]byte(" ("+host+")")))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", fmt.Errorf("draw announcement: %w", err)
	}
	var buf bytes.Buffer
	if err := md.Renderer().Render(&buf, source, doc); err != nil {
		return "", fmt.Errorf("draw announcement: %w", err)
	}
	policy := bluemonday.NewPolicy()
	policy.AllowElements("p", "br", "h1", "h2", "h3", "h4", "ul", "ol", "li", "em", "strong", "blockquote", "hr", "code", "pre")
	policy.AllowAttrs("href").OnElements("a")
	policy.AllowURLSchemes("https", "http", "mailto")
	policy.RequireParseableURLs(true)
	return template.HTML(bytes.TrimSpace(policy.SanitizeBytes(buf.Bytes()))), nil //nolint:gosec // sanitised
}

// unfit names what in a Markdown text no mail shows, so that nobody gets words in one part that are missing in the other.
func unfit(body string) (problem string) {
	doc := goldmark.New().Parser().Parse(text.NewReader([]byte(body)))
	_ = ast.Walk(doc, func(n ast.Node, _ bool) (ast.WalkStatus, error) { // its only errors are those of this function
		switch n := n.(type) {
		case *ast.Image:
			problem = "unfit_picture"
		case *ast.RawHTML, *ast.HTMLBlock:
			problem = "unfit_html"
		case *ast.Link:
			if !opens(string(n.Destination)) {
				problem = "unfit_link"
			}
		}
		if problem != "" {
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	return problem
}

// opens tells whether a mail can have a link to the address.
func opens(to string) bool {
	u, err := url.Parse(to)
	return err == nil && (slices.Contains([]string{"https", "http", "mailto"}, u.Scheme) || u.Scheme == "" && u.Host == "" && strings.HasPrefix(to, "/"))
}

// otherHost returns the host of a link that leads away from the site.
func otherHost(to, publicURL string) string {
	there, err := url.Parse(to)
	here, err2 := url.Parse(publicURL)
	if err != nil || err2 != nil || there.Host == here.Host {
		return ""
	}
	return there.Host
}

var marks = regexp.MustCompile(`\]\([^)]*\)|^#+ |^[*>-] |[*_\[\]` + "`" + `]`)

// plain is a paragraph of Markdown without its marks.
func plain(part string) string {
	part = strings.TrimSpace(part)
	if strings.HasPrefix(part, "#") {
		return ""
	}
	return strings.Join(strings.Fields(marks.ReplaceAllString(part, "")), " ")
}

// addTest queues the test mail to a marketer's own address.
func (r *Room) addTest(ctx context.Context, a announcement, to string) error {
	return pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		return r.desk.Mail.Insert(ctx, tx, mail.Message{
			Template: testTemplate, Address: to, Data: letter(a, r.desk.Pages.URL("")),
		})
	})
}
