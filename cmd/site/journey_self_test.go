package main

import (
	"net/http"
	"os"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
)

// journeySelf is about what people do with their data without staff: see it, and erase it.
func journeySelf(t *testing.T, h *house, in func() *visitor) {
	v := in()
	v.apply("ada@northline.example")
	reference := v.reference()
	h.work(t)
	v.visit("/privacy/requests")
	v.tick("Erase my data")
	v.write("Email address", "ada@northline.example")
	v.at(http.StatusOK, "Thank you, it has arrived", v.press("Send to the privacy officer"))
	request := v.reference()
	shots := os.Getenv("SCREENSHOTS")
	look := func(name string) {
		v.do("take a telephone", chromedp.EmulateViewport(390, 844))
		v.faultless()
		v.do("take the desk again", chromedp.EmulateViewport(1280, 900))
		if shots != "" {
			v.shoot(shots, name)
		}
	}
	look("self-receipt")
	v.at(http.StatusOK, "Your data", v.follow("See, take or erase your data now"))
	look("self-start")
	v.at(http.StatusOK, "Your data", v.press("Mail me a code"))
	h.work(t)
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(h.letter(t, "ada@northline.example", "Your code for "+request).text)
	v.write("Code from our mail", "12345")
	v.at(http.StatusUnprocessableEntity, "Your data", v.press("Show what is held"))
	look("self-wrong-code")
	v.write("Code from our mail", code)
	v.at(http.StatusOK, "Your data", v.press("Show what is held"))
	v.sees("ada@northline.example", "What you sent", "Alliance application", "What stays, and why")
	look("self-open")
	v.unfold("Alliance application")
	v.sees("Ours are the pumps of half of Ohio.", "CC-…", "Withdraw and delete") // the number proves more than the code
	look("self-unfolded")
	v.unfold("Erase all of it")
	v.tick("Erase everything. I know that it can’t be undone.")
	v.at(http.StatusUnprocessableEntity, "Your data", v.press("Erase all"))
	v.sees("That is not the number of a request")
	look("self-refused")
	v.do("type the number", chromedp.SendKeys(chromedp.CSS("#f-erase"), reference))
	v.tick("Erase everything. I know that it can’t be undone.")
	v.at(http.StatusOK, "All is erased", v.press("Erase all"))
	look("self-erased")
	v.at(http.StatusOK, "Nothing is held any more", v.visit(h.path(t, request)))
	look("self-nothing")
}

// path is the address of the page behind a privacy request.
func (h *house) path(t *testing.T, reference string) string {
	t.Helper()
	var id [16]byte
	if err := h.pool.QueryRow(t.Context(), `SELECT id FROM submission WHERE reference = $1`, reference).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return "/privacy/requests/" + h.store.Token(id)
}
