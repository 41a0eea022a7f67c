//go:build audit

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// auditWeight counts what a first visit of the home page fetches.
func auditWeight(t *testing.T, a *auditor) {
	for _, width := range []int64{390, 1440} {
		v := a.house.visitor(a.browser, t, true)
		v.do("resize", chromedp.EmulateViewport(width, 900))
		v.visit("/")
		v.await("all is there", `document.readyState === "complete"`)
		sizes := look[map[string]int](v, `Object.fromEntries([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
			.map((e) => [new URL(e.name).pathname, e.transferSize]))`)
		sum := 0
		for _, n := range sizes {
			sum += n
		}
		if sum > 60<<10 || len(sizes) > 6 {
			t.Errorf("%d pixels: the home page takes %d bytes in %d requests: %v", width, sum, len(sizes), sizes)
		}
		a.write(fmt.Sprintf("weight %d", width), auditPage{path: "/"}, fmt.Sprintf("%d bytes, %d requests", sum, len(sizes)))
	}
}
