//go:build audit

package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// auditAxe holds every page against WCAG 2.2, levels A and AA, and against what axe calls best practice.
func auditAxe(t *testing.T, a *auditor) {
	axe, err := os.ReadFile(tool(t, "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	a.each(t, "axe", func(v *visitor, _ auditPage) (faults []string) {
		look[bool](v, string(axe)+"\ntrue")
		for _, width := range []int64{390, 1440} {
			v.do("resize", chromedp.EmulateViewport(width, 900))
			for _, scheme := range []string{"light", "dark"} {
				v.prefer(scheme)
				for _, fault := range settled[[]string](v, violations) {
					faults = append(faults, fmt.Sprintf("%d pixels, %s: %s", width, scheme, fault))
				}
			}
		}
		v.prefer("light")
		return faults
	})
}

const violations = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: false,
}).then(({ violations }) => violations.flatMap((v) => v.nodes.map((n) => v.id + " at " + n.target.join(" ") + ": " +
	[...n.any, ...n.all, ...n.none].map((c) => c.message).join("; "))))`
