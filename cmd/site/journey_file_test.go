package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// journeyLargeFile sends a large résumé, at first with a mistake: scripts tell how far it has come, and all ends as it
// does without them.
func journeyLargeFile(t *testing.T, _ *house, in func() *visitor) {
	v := in()
	paper := filepath.Join(t.TempDir(), "cv.pdf")
	large := append(resume(), bytes.Repeat([]byte("% nothing to see here\n"), 40_000)...)
	if err := os.WriteFile(paper, large, 0o600); err != nil {
		t.Fatal(err)
	}
	v.visit("/careers/technical-writer/apply")
	v.write("Full name", "Grace Hopper")
	v.write("Email address", "grace.example")
	v.pick("Country", "Germany")
	v.sees("+49 for Germany")
	v.upload("Résumé", paper)
	v.do("send it", chromedp.Click(button("Send application")))
	v.await("the page tells of the mistake", `document.title.startsWith("Error:") && document.querySelector(".kept")`)
	v.sees("cv.pdf", "kept")
	v.write("Email address", "grace@example.com")
	v.press("Send application")
	v.sees("Thank you, it has arrived")

	v.visit("/careers/technical-writer/apply")
	v.write("Full name", "Ada Lovelace")
	v.write("Email address", "ada@example.com")
	v.pick("Country", "Germany")
	v.upload("Résumé", paper)
	v.do("send it", chromedp.Click(button("Send application")))
	v.await("the receipt", `location.pathname.startsWith("/r/") && document.readyState === "complete"`)
	v.sees("Thank you, it has arrived")
}
