package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a person waits for a page on a machine that does much else.
const patience = 45 * time.Second

// cookieless is the host at which the browser refuses all cookies, as a visitor may set it; at 127.0.0.1 it takes them.
const cookieless = "localhost"

// startBrowser starts Chromium for one test. Each visitor gets a profile of their own in it.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	program := chromium(t)
	dir, err := os.MkdirTemp("", "site-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeProfile(t, dir) })
	settings := `{"profile":{"content_settings":{"exceptions":{"cookies":{"http://` + cookieless + `,*":{"setting":2}}}}}}`
	if err := os.Mkdir(filepath.Join(dir, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Default", "Preferences"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(dir), chromedp.DisableGPU,
		chromedp.Flag("headless", "new"), chromedp.Flag("lang", "en-US"), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

// chromium is the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium on this machine: make test installs it")
	return ""
}

// removeProfile waits for the last of the browser's processes to stop writing.
func removeProfile(t *testing.T, dir string) {
	err := os.RemoveAll(dir)
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); err = os.RemoveAll(dir) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Error(err)
	}
}

// visitor is a person at a browser: what they do, they do by mouse and keyboard.
type visitor struct {
	t     *testing.T
	ctx   context.Context
	house *house
}

// visitor opens a window with a profile of its own; without script where so wished.
func (h *house) visitor(browser context.Context, t *testing.T, script bool) *visitor {
	t.Helper()
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	v := &visitor{t: t, ctx: ctx, house: h}
	v.do("open a window", chromedp.EmulateViewport(1280, 900))
	v.prefer("light")
	if !script {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		v.must("switch scripts off", err)
	}
	return v
}

// prefer sets the browser to a scheme of colours, and to little motion: what moves is not where the mouse aims.
func (v *visitor) prefer(scheme string) {
	v.t.Helper()
	_, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-reduced-motion", Value: "reduce"}, {Name: "prefers-color-scheme", Value: scheme},
		},
	})
	v.must("prefer "+scheme, err)
}

func (v *visitor) must(what string, err error) {
	v.t.Helper()
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx, 5*time.Second)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`[location.href, document.title, document.activeElement?.outerHTML.slice(0, 200),
		...[...document.querySelectorAll("h1, .errors, .error, .notice")].map((e) => e.innerText)].join("\n")`))
	v.t.Fatalf("%s: %v\nat %s", what, err, where)
}

func (v *visitor) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	// The first step of all opens the window, which must outlive the deadline.
	v.must(what, chromedp.Do(v.ctx))
	v.must(what, chromedp.Do(ctx, steps...))
}

// look evaluates a script in the page; it does so also where the page's own scripts are switched off.
func look[T any](v *visitor, script string) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	v.must(script, err)
	return value
}

// settled evaluates a script that promises a value.
func settled[T any](v *visitor, script string) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	v.must("evaluate", err)
	return value
}

// await waits until a condition holds in the page, whichever page that is by then.
func (v *visitor) await(what, condition string) {
	v.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithDeadline(v.ctx, deadline)
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		cancel()
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			v.must("wait until "+what, errors.Join(err, errors.New("it never came to be")))
		}
		time.Sleep(15 * time.Millisecond)
	}
}

// visit types an address of the site, or a whole one from a mail, and returns the status of the page.
func (v *visitor) visit(address string) int {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.house.url + address
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	resp, err := chromedp.Run(ctx, chromedp.NavigateResponse(address))
	return v.status("visit "+address, resp, err)
}

func (v *visitor) status(what string, resp *network.Response, err error) int {
	v.t.Helper()
	if err == nil && resp == nil {
		err = errors.New("no page came")
	}
	v.must(what, err)
	return int(resp.Status)
}

// leaving does something that leads to another page, and returns that page's status.
func (v *visitor) leaving(what string, steps ...chromedp.Action[chromedp.Void]) int {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, steps...)
	return v.status(what, resp, err)
}

// The ways in which a person finds things on a page: by the words on them, among what is visible.
const finders = `
const said = (e) => { const c = e.cloneNode(true); for (const x of c.querySelectorAll(".optional, .visually-hidden")) x.remove();
  return c.textContent.replace(/\s+/g, " ").trim(); };
const among = (sel, words) => [...document.querySelectorAll(sel)].filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .find((e) => said(e) === words) ?? null;
const labelled = (words) => among("label", words)?.control ?? null;`

// found is a script for the one element that finder("words") gives.
func found(finder, words string) chromedp.JSPath {
	quoted, err := json.Marshal(words)
	if err != nil {
		panic(err) // a string can always be quoted
	}
	return chromedp.JSPath(fmt.Sprintf("(() => {%s\nreturn %s; })()", finders, fmt.Sprintf(finder, quoted)))
}

func button(words string) chromedp.JSPath  { return found(`among("button", %s)`, words) }
func anchor(words string) chromedp.JSPath  { return found(`among("a", %s)`, words) }
func control(label string) chromedp.JSPath { return found(`labelled(%s)`, label) }

// press clicks a button and returns the status of the page that comes.
func (v *visitor) press(words string) int {
	v.t.Helper()
	return v.leaving("press "+words, chromedp.Click(button(words)))
}

// follow clicks a link and returns the status of the page that comes.
func (v *visitor) follow(words string) int {
	v.t.Helper()
	return v.leaving("follow "+words, chromedp.Click(anchor(words)))
}

// unfold opens what stands below a summary.
func (v *visitor) unfold(words string) {
	v.t.Helper()
	v.do("unfold "+words, chromedp.Click(found(`among("summary", %s)`, words)))
}

// write replaces what is in a field.
func (v *visitor) write(label, text string) {
	v.t.Helper()
	v.do("write into "+label, chromedp.Click(control(label)), chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), typed(text))
	if got := v.value(label); got != text {
		v.t.Fatalf("%s: typed %q, it holds %q", label, text, got)
	}
}

// typed puts text where the cursor is.
func typed(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

func (v *visitor) value(label string) string {
	v.t.Helper()
	return look[string](v, string(control(label))+".value")
}

// pick chooses from a list as one does without a mouse: by typing what the option begins with.
func (v *visitor) pick(label, option string) {
	v.t.Helper()
	chosen := string(control(label)) + ".selectedOptions[0].label"
	for deadline := time.Now().Add(patience); look[string](v, chosen) != option; {
		if time.Now().After(deadline) {
			v.t.Fatalf("%s: %q could not be chosen", label, option)
		}
		// A slow machine may take one word for two: Home begins anew.
		v.do("choose in "+label, chromedp.Focus(control(label)), chromedp.KeyEvent(kb.Home), chromedp.KeyEvent(option))
	}
}

// tick clicks the words beside a box or a button to choose.
func (v *visitor) tick(words string) {
	v.t.Helper()
	before := look[bool](v, string(control(words))+".checked")
	v.do("tick "+words, chromedp.Click(found(`among("label", %s)`, words)))
	if before == look[bool](v, string(control(words))+".checked") {
		v.t.Fatalf("%s: a click changes nothing", words)
	}
}

func (v *visitor) upload(label, file string) {
	v.t.Helper()
	v.do("upload "+file, chromedp.SetUploadFiles(control(label), []string{file}))
}

// tab presses Tab until what has the focus says those words, as somebody without a mouse would.
func (v *visitor) tab(words string) {
	v.t.Helper()
	quoted, err := json.Marshal(words)
	v.must("quote", err)
	here := fmt.Sprintf(`(() => {%s
		const e = document.activeElement;
		return said(e) === %s || [...(e.labels ?? [])].some((l) => l.textContent.trim() === %[2]s || said(l) === %[2]s) || e.ariaLabel === %[2]s;
	})()`, finders, quoted)
	for range 120 {
		if look[bool](v, here) {
			return
		}
		v.do("press Tab", chromedp.KeyEvent(kb.Tab))
	}
	v.t.Fatalf("Tab never leads to %q in\n%s", words, v.text())
}

// enter presses Enter where the focus is, and returns the status of the page that comes.
func (v *visitor) enter() int {
	v.t.Helper()
	return v.leaving("press Enter", chromedp.KeyEvent(kb.Enter))
}

// text is what the page's main part says.
func (v *visitor) text() string {
	v.t.Helper()
	return look[string](v, `document.querySelector("main").innerText.replace(/\s+/g, " ")`)
}

// sees fails unless the page says all of that.
func (v *visitor) sees(words ...string) {
	v.t.Helper()
	text := v.text()
	for _, w := range words {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) { // capitals may be a matter of style
			v.t.Fatalf("%s does not say %q, but:\n%s", look[string](v, `location.pathname`), w, text)
		}
	}
}

// at fails unless the page has that status and heading.
func (v *visitor) at(status int, heading string, got int) {
	v.t.Helper()
	if h := look[string](v, `document.querySelector("h1")?.innerText ?? ""`); got != status || h != heading {
		v.t.Fatalf("%d %q at %s, want %d %q:\n%s", got, h, look[string](v, `location.pathname`), status, heading, v.text())
	}
}

// cookies is how many the visitor's browser holds.
func (v *visitor) cookies() int {
	v.t.Helper()
	id := chromedp.FromContext(v.ctx).BrowserContextID
	jar, err := chromedp.CallBrowser(v.ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: id})
	v.must("look at the cookies", err)
	return len(jar.Cookies)
}
