package main

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"clickcommerce.com/site/internal/account"
)

// testLooks holds every page of the site against what nobody should have to notice, on a narrow screen: nothing sticks
// out sideways, everything to fill in, press or follow has a name, words stand out from their ground.
func testLooks(t *testing.T, h *house, in func() *visitor) {
	v := in()
	v.do("take a telephone", chromedp.EmulateViewport(390, 844))
	n := v.crawl("/", ofPublic, func(string) { v.faultless() })
	if n < 60 {
		t.Errorf("only %d pages were found", n)
	}
	v.tabs("/", "/alliances/apply", "/careers/technical-writer/apply", "/cookies")
	for _, path := range []string{"/about", "/search?q=about+click+commerce"} { // as the page's heading, and as a link to it
		v.visit(path)
		if lines := look[[]int](v, nameLines); len(lines) == 0 || slices.Max(lines) > 1 {
			t.Errorf("%s: headings give the company's name %v lines", path, lines)
		}
	}
	v.visit("/privacy/inventory")
	if apart := look[[]string](v, `[...document.querySelectorAll("main td[data-label=Asked]")].filter((e) =>
		Math.abs(e.getBoundingClientRect().top - e.closest("tr").querySelector("th").getBoundingClientRect().top) > 4)
		.map((e) => e.closest("tr").querySelector("th").textContent)`); len(apart) > 0 {
		t.Errorf("/privacy/inventory: whether %q are asked is not said beside them", apart)
	}
	for _, width := range []int64{390, 1440} { // the statement says that no choice about cookies is larger than another
		v.do("resize", chromedp.EmulateViewport(width, 900))
		v.visit("/cookies")
		sizes := look[[]string](v, `[...document.querySelectorAll("button[name=choice]")].map((b) => b.offsetWidth + " by " + b.offsetHeight)`)
		if len(sizes) < 3 || len(slices.Compact(slices.Clone(sizes))) != 1 {
			t.Errorf("/cookies, %d pixels: the choices are %v", width, sizes)
		}
	}
	v.visit("/alliances")
	if broken := look[[]string](v, `[...document.querySelectorAll("main .facts:not(.across, .tall) dt")].filter((e) => {
		const range = document.createRange();
		range.selectNodeContents(e);
		return range.getClientRects().length > 1;
	}).map((e) => e.textContent)`); len(broken) > 0 {
		t.Errorf("/alliances: %q take two lines each beside room enough", broken)
	}
}

// nameLines counts the lines on which the company's name stands, in each heading of the page that has it.
const nameLines = `[...document.querySelectorAll("main :is(h1, h2, h3)")].filter((h) => h.textContent.includes("Click Commerce")).map((h) => {
	const walk = document.createTreeWalker(h, NodeFilter.SHOW_TEXT), range = document.createRange();
	while (walk.nextNode()) {
		const at = walk.currentNode.data.indexOf("Click Commerce");
		if (at < 0) continue;
		range.setStart(walk.currentNode, at);
		range.setEnd(walk.currentNode, at + "Click Commerce".length);
		return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size;
	}
	return 0;
})`

// testStaffLooks does the same in the workspace, with every role.
func testStaffLooks(t *testing.T, h *house, in func() *visitor) {
	ada := in()
	ada.apply("ada@northline.example")
	h.hire(t, account.Roles()...)
	h.work(t)
	v := in()
	v.signIn()
	v.do("take a telephone", chromedp.EmulateViewport(390, 844))
	n := v.crawl("/staff/submissions", ofStaff, func(string) { v.faultless() })
	if n < 20 {
		t.Errorf("only %d pages were found", n)
	}
	v.tabs("/staff/submissions")
	v.do("take a tablet", chromedp.EmulateViewport(768, 1024))
	v.visit("/staff/submissions?view=unassigned")
	if rows := look[int](v, `new Set([...document.querySelectorAll(".filters .fold .control, .filters button")]
		.map((e) => Math.round(e.getBoundingClientRect().bottom))).size`); rows != 1 {
		t.Errorf("on a tablet what narrows the inbox down stands in %d rows", rows)
	}
}

// file is what a link leads to that is no page.
var fileName = regexp.MustCompile(`\.(atom|ics|json|pdf|txt|vtt|webm|xml|zip)$`)

func ofPublic(path string) bool { return !strings.HasPrefix(path, "/staff") }

func ofStaff(path string) bool {
	return strings.HasPrefix(path, "/staff") && !strings.HasPrefix(path, "/staff/jobs") // River's own pages
}

// crawl looks at every page that links lead to, and returns how many there are.
func (v *visitor) crawl(from string, within func(path string) bool, see func(path string)) int {
	v.t.Helper()
	seen, shapes, n := map[string]bool{from: true}, map[string]int{}, 0
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if status := v.visit(queue[0]); status >= http.StatusBadRequest {
			v.t.Errorf("%s: %d", queue[0], status)
		}
		n++
		see(queue[0])
		for _, link := range look[[]string](v, `[...document.querySelectorAll("a[href]:not([download])")].filter((a) => a.origin === location.origin)
			.map((a) => a.pathname + a.search)`) {
			u, err := url.Parse(link)
			if err != nil || seen[link] || !within(u.Path) || fileName.MatchString(u.Path) {
				continue
			}
			seen[link] = true
			if s := shape(u); shapes[s] < 2 { // of what differs by its row or its filter, two
				shapes[s]++
				queue = append(queue, link)
			}
		}
	}
	return n
}

var rowName = regexp.MustCompile(`^/(careers|demos|downloads|news|surveys|webinars)/[^/]+|[0-9a-f-]{36}|/questions/\w+`)

// shape is an address without what tells one row or one filter from another.
func shape(u *url.URL) string {
	keys := slices.Sorted(maps.Keys(u.Query()))
	p := rowName.ReplaceAllString(u.Path, "$1*")
	if p == u.Path && len(keys) == 0 {
		return u.Path // there is but one
	}
	return p + "?" + strings.Join(keys, "&")
}

// faultless reports what is wrong with the page.
func (v *visitor) faultless() {
	v.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		v.prefer(scheme)
		for _, fault := range look[[]string](v, faults) {
			v.t.Errorf("%s, %s: %s", look[string](v, `location.pathname + location.search`), scheme, fault)
		}
	}
}

// faults lists what is wrong with a page, in the words of a selector and a complaint.
const faults = `(() => {
const list = [];
const name = (e) => e.localName + (e.id ? "#" + e.id : "") + [...e.classList].map((c) => "." + c).join("") +
  (e.name ? "[name=" + e.name + "]" : "") + " in " + (e.closest("section, aside, nav, form, header, footer, main")?.className || "main");
const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
const all = (sel) => [...document.querySelectorAll(sel)].filter(shown);

const wide = innerWidth;
if (document.documentElement.scrollWidth > wide) {
  const out = all("body *").filter((e) => e.getBoundingClientRect().right > wide + 1 && !e.closest(".table-scroll *, pre *"));
  list.push("is " + document.documentElement.scrollWidth + " pixels wide because of " + out.slice(-3).map(name).join(", "));
}
for (const e of all("input:not([type=hidden]), select, textarea")) {
  if (!e.labels.length && !e.ariaLabel && !e.getAttribute("aria-labelledby")) list.push(name(e) + " has no label");
}
for (const e of all("a[href], button, summary")) {
  if (e.closest("[aria-hidden=true]") && e.tabIndex < 0) continue; // a picture that leads where the words beside it do
  const says = e.textContent.trim() || e.ariaLabel || e.querySelector("img[alt]:not([alt=''])");
  if (!says) list.push(name(e) + " has no name");
}
for (const e of document.images) if (!e.hasAttribute("alt")) list.push(name(e) + " has no alternative text");
let last = 0;
for (const e of all("h1, h2, h3, h4, h5, h6")) {
  const level = +e.localName[1];
  if (last && level > last + 1) list.push(name(e) + " comes after a heading of level " + last + ": " + e.textContent.trim());
  last = level;
}
for (const id of all("[aria-describedby], [aria-labelledby]").flatMap((e) =>
  (e.getAttribute("aria-describedby") + " " + e.getAttribute("aria-labelledby")).split(" "))) {
  if (id && id !== "null" && !document.getElementById(id)) list.push("#" + id + " is spoken of and missing");
}

// Contrast, as WCAG 2.2 reckons it (1.4.3), of words on plain grounds.
const paint = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();
const rgba = (css) => {
  if (!known.has(css)) {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = css; paint.fillRect(0, 0, 1, 1);
    known.set(css, [...paint.getImageData(0, 0, 1, 1).data]);
  }
  return known.get(css);
};
const light = (c) => { const f = (x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
const over = (a, b) => { const t = a[3] / 255; return [0, 1, 2].map((i) => a[i] * t + b[i] * (1 - t)).concat(255); };
const ground = (e) => {
  const stack = [];
  for (; e; e = e.parentElement) {
    const s = getComputedStyle(e);
    if (s.backgroundImage !== "none") return null;
    const c = rgba(s.backgroundColor);
    if (c[3]) stack.push(c);
    if (c[3] === 255) break;
  }
  return stack.reverse().reduce((under, c) => over(c, under), rgba(getComputedStyle(document.documentElement).backgroundColor)[3] ? [255, 255, 255, 255] : rgba("canvas"));
};
const dull = new Set();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || e.closest(".visually-hidden, .skip, .trap, svg, option, [disabled]")) continue;
  const s = getComputedStyle(e), under = ground(e);
  if (!under) continue;
  const a = light(over(rgba(s.color), under)), b = light(under);
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(s.fontSize), big = size >= 24 || (size >= 18.66 && s.fontWeight >= 700);
  if (ratio < (big ? 3 : 4.5)) dull.add(name(e) + " has a contrast of " + ratio.toFixed(2));
}
return list.concat([...dull].slice(0, 5));
})()`

// tabs goes through pages by Tab alone: wherever the focus goes, it shows.
func (v *visitor) tabs(pages ...string) {
	v.t.Helper()
	for _, p := range pages {
		v.visit(p)
		reached := 0
		for range 90 {
			v.do("press Tab", chromedp.KeyEvent(kb.Tab))
			state := look[string](v, `(() => { const e = document.activeElement; if (e === document.body) return "end";
				const shows = [e, e.closest(".choice, .queue > li")].some((x) => x && getComputedStyle(x).outlineStyle !== "none");
				return shows || e.type === "date" ? // the browser marks the part of a date itself
					 "shows" : e.outerHTML.slice(0, 120); })()`)
			if state == "end" {
				break
			}
			reached++
			if state != "shows" {
				v.t.Errorf("%s: the focus does not show on %s", p, state)
			}
		}
		if reached < 20 {
			v.t.Errorf("%s: Tab reaches only %d things", p, reached)
		}
	}
}
