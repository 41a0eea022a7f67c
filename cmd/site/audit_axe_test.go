//go:build audit

package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// auditAxe holds every page against WCAG 2.2, levels A and AA, and against what axe calls best practice. Of the rules, those
// about colour are asked again in the dark.
func auditAxe(t *testing.T, a *auditor) {
	axe, err := os.ReadFile(tool(t, "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	a.each(t, "axe", func(v *visitor, _ auditPage) (faults []string) {
		look[bool](v, string(axe)+"\ntrue")
		for _, width := range []int64{390, 1440} {
			v.do("resize", chromedp.EmulateViewport(width, 900))
			for scheme, rules := range map[string]string{
				"light": `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`,
				"dark":  `{ type: "rule", values: ["color-contrast", "link-in-text-block"] }`,
			} {
				v.prefer(scheme)
				for _, fault := range settled[[]string](v, fmt.Sprintf(violations, rules)) {
					faults = append(faults, fmt.Sprintf("%d pixels, %s: %s", width, scheme, fault))
				}
			}
		}
		v.prefer("light")
		return faults
	})
}

const violations = `axe.run(document, { runOnly: %s, resultTypes: ["violations"], preload: false }).then(({ violations }) =>
	violations.flatMap((v) => v.nodes.map((n) => v.id + " at " + n.target.join(" ") + ": " +
		[...n.any, ...n.all, ...n.none].map((c) => c.message).join("; "))))`
