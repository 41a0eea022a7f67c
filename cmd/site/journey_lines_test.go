package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// journeyLines reads the lines that the script adds: it says them in words that the page brings.
func journeyLines(t *testing.T, _ *house, in func() *visitor) {
	v := in()
	v.visit("/alliances/apply")
	const why = "Why do you want this alliance?"
	for _, tt := range []struct {
		length int
		line   string
	}{
		{2000, ""}, {2500, "500 characters left"}, {2999, "1 character left"}, {3001, "1 character too many"}, {4234, "1,234 characters too many"},
	} {
		v.write(why, strings.Repeat("a", tt.length))
		v.await(tt.line, `document.querySelector("#f-why + .count").textContent === "`+tt.line+`"`)
	}

	v.pick("Country", "France")
	v.await("the code of the country is told", `document.querySelector("#f-phone + .count").textContent === "+33 for France is added to it"`)

	for _, tt := range []struct{ label, text, field, line string }{
		{"Email address", "ada", "#f-email", "Write the address like name@example.com"},
		{"Full name", " ", "#f-name", "Enter your full name."},
		{why, " ", "#f-why", "Write why you want this alliance: it is what we judge."},
	} {
		v.write(tt.label, tt.text)
		v.do("leave it", chromedp.KeyEvent(kb.Tab))
		v.await(tt.line, `document.querySelector("`+tt.field+`-error")?.textContent === "`+tt.line+`"`)
	}

	_, err := chromedp.Call(v.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Tokyo"})
	v.must("travel to Tokyo", err)
	v.visit("/webinars")
	v.await("the own time is told", `[...document.querySelectorAll(".own-time")].some((x) => /^\w+,? \d+ \w+.*\d+:\d\d where you are \(Asia\/Tokyo\)$/.test(x.textContent))`)
}
