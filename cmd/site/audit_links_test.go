//go:build audit

package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

// auditLinks follows every link of every page to its fragment, and wants what search engines show to be unique.
func auditLinks(t *testing.T, a *auditor) {
	followed := map[bool]map[string]string{true: {}, false: {}}
	titles, descriptions := map[string]auditPage{}, map[string]auditPage{}
	a.each(t, "links", func(v *visitor, p auditPage) []string {
		d := look[meta](v, describe)
		faults := append(d.Faults, v.broken(d.Links, followed[p.staff])...)
		if p.sent || !d.Indexed {
			return faults
		}
		for _, words := range []struct {
			name, text string
			others     map[string]auditPage
		}{{"title", d.Title, titles}, {"description", d.Description, descriptions}} {
			if other, taken := words.others[words.text]; taken {
				faults = append(faults, fmt.Sprintf("has the %s of %s: %q", words.name, other, words.text))
			}
			words.others[words.text] = p
		}
		return faults
	})
}

type meta struct {
	Title, Description string
	Indexed            bool // under its own address
	Links, Faults      []string
}

const describe = `(() => {
const faults = [];
const headings = document.querySelectorAll("h1").length;
if (headings !== 1) faults.push("has " + headings + " headings of the first level");
for (const e of document.querySelectorAll("script[type='application/ld+json']")) {
	try {
		const doc = JSON.parse(e.textContent);
		if (doc["@context"] !== "https://schema.org" || !doc["@type"]) faults.push("describes nothing: " + e.textContent);
	} catch (err) { faults.push("structured data: " + err); }
}
const links = [...document.querySelectorAll("a[href], area[href], link[href], img[src], script[src], source[src], track[src], video[poster], use[href]")]
	.map((e) => new URL(e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("poster"), document.baseURI));
for (const u of links) if (!["http:", "https:", "mailto:", "tel:"].includes(u.protocol)) faults.push("links to " + u);
const address = location.origin + location.pathname + location.search;
return { title: document.title, indexed: document.querySelector("link[rel=canonical]")?.href === address, description: document.querySelector("meta[name=description]")?.content ?? "", faults,
	links: [...new Set(links.filter((u) => u.origin === location.origin).map(String))] };
})()`

// broken reports which links lead nowhere; known are those that were followed before.
func (v *visitor) broken(links []string, known map[string]string) (faults []string) {
	v.t.Helper()
	fresh := []string{}
	for _, l := range links {
		if _, seen := known[l]; !seen {
			fresh = append(fresh, l)
		}
	}
	list, err := json.Marshal(fresh)
	v.must("list the links", err)
	for i, fault := range settled[[]string](v, fmt.Sprintf(follow, list)) {
		known[fresh[i]] = fault
	}
	for _, l := range links {
		if known[l] != "" {
			faults = append(faults, l+" "+known[l])
		}
	}
	return faults
}

// follow says of each link what is wrong with it, or nothing.
const follow = `(async (links) => {
const pages = new Map();
const fetched = async (address) => {
	const r = await fetch(address);
	if (r.headers.get("content-type")?.startsWith("text/html")) {
		return { status: r.status, ids: new DOMParser().parseFromString(await r.text(), "text/html") };
	}
	await r.body?.cancel();
	return { status: r.status };
};
const faults = [];
for (const link of links) {
	const u = new URL(link), address = u.origin + u.pathname + u.search;
	if (address === location.origin + location.pathname + location.search) pages.set(address, { status: 200, ids: document });
	if (!pages.has(address)) pages.set(address, await fetched(address));
	const { status, ids } = pages.get(address);
	const missing = u.hash.length > 1 && !ids?.getElementById(decodeURIComponent(u.hash.slice(1)));
	faults.push(status >= 400 ? "is answered by " + status : missing ? "has no such fragment" : "");
}
return faults;
})(%s)`
