//go:build audit

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// auditZoom enlarges every page, its words, and the space between them: nothing sticks out sideways or is cut off.
func auditZoom(t *testing.T, a *auditor) {
	a.each(t, "zoom", func(v *visitor, _ auditPage) (faults []string) {
		for _, s := range []struct {
			name          string
			width, height int64
			style         string
		}{
			{"zoom of 400 %", 320, 256, ""}, // what is left of 1280 by 1024
			{"spaced text", 390, 844, spaced},
			{"spaced text", 1280, 900, spaced},
			{"text of 200 %", 390, 844, doubled},
			{"text of 200 %", 1280, 900, doubled},
		} {
			v.do("resize", chromedp.EmulateViewport(s.width, s.height))
			for _, f := range look[[]string](v, fmt.Sprintf(lost, s.style)) {
				faults = append(faults, fmt.Sprintf("%s, %d pixels: %s", s.name, s.width, f))
			}
		}
		return faults
	})
}

// The space that WCAG 2.2 gives to words (1.4.12), and their size (1.4.4).
const (
	spaced  = `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }`
	doubled = `:root { font-size: 200% !important }`
)

// lost puts a style on the page and lists what it loses by it.
const lost = `(() => {
const sheet = new CSSStyleSheet();
sheet.replaceSync(%q);
document.adoptedStyleSheets = [sheet];
const list = new Set();
const name = (e) => e.localName + (e.id ? "#" + e.id : "") + [...e.classList].map((c) => "." + c).join("") + " in " +
	(e.closest("section, aside, nav, form, header, footer, main")?.className || "main") + " (" + e.textContent.trim().slice(0, 40) + ")";
const apart = ".skip, svg, option";
const within = (e, holds) => {
	for (; e && e !== document.body; e = e.parentElement) if (holds(e, getComputedStyle(e))) return true;
	return false;
};
const unseen = (e) => within(e, (x, s) => s.clipPath === "inset(50%%)"); // for screen readers only, at any size
const shortened = (e) => within(e, (x, s) => s.textOverflow === "ellipsis" && x.closest("a[href], .queue > li")); // a link leads to the whole
const scrolled = (e) => within(e, (x, s) => ["auto", "scroll"].includes(s.overflowX));
const wide = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > wide) list.add("the page is " + document.documentElement.scrollWidth + " pixels wide");
const range = document.createRange();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
	const e = walk.currentNode.parentElement;
	if (!walk.currentNode.data.trim() || e.closest(apart) || !e.checkVisibility({ visibilityProperty: true }) || unseen(e) || shortened(e)) continue;
	range.selectNodeContents(walk.currentNode);
	const boxes = [...range.getClientRects()].filter((b) => b.width > 1);
	if (boxes.some((b) => b.right > wide + 1 || b.left < -1) && !scrolled(e)) list.add("out of sight: " + name(e));
	for (let x = e; x && x !== document.body; x = x.parentElement) {
		const s = getComputedStyle(x);
		if (s.overflowX === "visible" && s.overflowY === "visible") continue;
		if (["auto", "scroll"].includes(s.overflowX) || ["auto", "scroll"].includes(s.overflowY)) break;
		const out = x.getBoundingClientRect();
		if (boxes.some((b) => b.bottom > out.bottom + 2 || b.top < out.top - 2 || b.right > out.right + 2 || b.left < out.left - 2)) list.add("cut off: " + name(e));
	}
}
return [...list].slice(0, 8);
})()`
