package page

import (
	"bytes"
	"html/template"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// Markdown draws text that staff wrote. Raw HTML in it is dropped, and what is left passes a sanitiser; addresses
// outside the site are marked as such (P-16).
func Markdown(text string) template.HTML {
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	var buf bytes.Buffer
	if err := md.Convert([]byte(text), &buf); err != nil {
		return template.HTML(template.HTMLEscapeString(text)) //nolint:gosec // escaped here
	}
	return MarkOutbound(sanitiser().SanitizeBytes(buf.Bytes()))
}

// sanitiser knows what may stand in a text of staff. It is made once, since its many expressions take longer than a text does.
var sanitiser = sync.OnceValue(func() *bluemonday.Policy {
	policy := bluemonday.UGCPolicy()
	policy.AllowAttrs("id").OnElements("h2", "h3", "h4")
	policy.RequireNoFollowOnLinks(false)
	return policy
})
