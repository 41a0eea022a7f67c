//go:build audit

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// auditKeys goes through every page by Tab alone: it reaches all there is to use, in the order of the page, shows where
// it is, and comes out again at the end.
func auditKeys(t *testing.T, a *auditor) {
	a.each(t, "keys", func(v *visitor, _ auditPage) (faults []string) {
		for _, width := range []int64{390, 1440} {
			v.do("resize", chromedp.EmulateViewport(width, 900))
			for _, f := range v.keyed() {
				faults = append(faults, fmt.Sprintf("%d pixels: %s", width, f))
			}
		}
		return faults
	})
}

// longest is how often one thing may hold the focus: the parts of a date and time, or the buttons of a film.
const longest = 14

func (v *visitor) keyed() (faults []string) {
	v.t.Helper()
	stops := look[[]string](v, walkable)
	next, same, last := 0, 0, -1
	for range len(stops)*longest + 1 {
		v.do("press Tab", chromedp.KeyEvent(kb.Tab))
		at := look[focus](v, focused)
		if at.Left || at.Index == 0 && next == len(stops) { // out of the page, or around to its beginning
			break
		}
		if at.Fault != "" {
			faults = append(faults, at.Fault)
		}
		if at.Index < 0 {
			continue // a part of the page that scrolls
		}
		if same++; at.Index != last {
			same = 0
		}
		if same > longest {
			return append(faults, "Tab does not leave "+stops[at.Index])
		}
		last = at.Index
		if at.Index < next-1 {
			return append(faults, fmt.Sprintf("Tab goes back from %s to %s", stops[next-1], stops[at.Index]))
		}
		for ; next < at.Index; next++ {
			faults = append(faults, "Tab passes over "+stops[next])
		}
		next = at.Index + 1
	}
	for ; next < len(stops); next++ {
		faults = append(faults, "Tab never comes to "+stops[next])
	}
	return faults
}

// walkable lists what Tab must reach, in the order of the page: of buttons to choose one, the chosen or else the first.
const walkable = `(() => {
const start = document.createElement("i"); // the next Tab goes on from where the focus was lost
start.tabIndex = -1;
document.body.prepend(start);
start.focus();
start.remove();
const usable = (e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
const first = (e) => {
	if (e.type !== "radio") return true;
	const group = [...(e.form ?? document).querySelectorAll("input[type=radio]")].filter((x) => x.name === e.name && x.form === e.form);
	return e === (group.find((x) => x.checked) ?? group[0]);
};
window.auditStops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, video[controls], audio[controls], [tabindex]")]
	.filter((e) => usable(e) && first(e) && !(e.localName === "summary" && e !== e.parentElement.querySelector(":scope > summary")));
return window.auditStops.map((e) => e.outerHTML.slice(0, 120));
})()`

type focus struct {
	Left  bool
	Index int
	Fault string
}

// focused tells where the focus is, and what is wrong with how it shows. The browser itself marks the part of a date,
// and the button of a film.
const focused = `(() => {
const e = document.activeElement;
if (!e || e === document.body || e === document.documentElement) return { left: true, index: -1, fault: "" };
const named = e.outerHTML.slice(0, 120);
const own = ["date", "time", "datetime-local"].includes(e.type) || e.localName === "video";
const marked = [e, e.closest(".choice, .queue > li")].some((x) => x && getComputedStyle(x).outlineStyle !== "none");
const boxes = [...e.getClientRects(), ...[...(e.labels ?? [])].flatMap((l) => [...l.getClientRects()])];
const seen = boxes.some((b) => [0.1, 0.5, 0.9].some((y) => [0.1, 0.5, 0.9].some((x) => {
	const top = document.elementFromPoint(b.left + b.width * x, b.top + b.height * y);
	return top && (e.contains(top) || top.contains(e) || [...(e.labels ?? [])].some((l) => l.contains(top)));
})));
return { left: false, index: window.auditStops.indexOf(e), fault: !marked && !own ? "the focus does not show on " + named : !seen ? "the focus is hidden on " + named : "" };
})()`
