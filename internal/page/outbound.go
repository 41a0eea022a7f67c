package page

import (
	"bytes"
	"html/template"
	"regexp"
)

var outbound = regexp.MustCompile(`<a href="(https?://[^"]*)"([^>]*)>((?s:.*?))</a>`)

// MarkOutbound marks the links of ready HTML that lead away from the site, visibly and for screen readers (P-16).
func MarkOutbound(html []byte) template.HTML {
	marked := outbound.ReplaceAll(html,
		[]byte(`<a rel="external noopener" href="$1"$2>$3<span class="visually-hidden"> (leaves this site)</span></a>`))
	return template.HTML(bytes.TrimSpace(marked)) //nolint:gosec // callers hand in what goldmark or the sanitiser drew
}
