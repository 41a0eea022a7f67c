//go:build audit

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// eachTemplate is a page of each that the public site is drawn from.
func eachTemplate() []string {
	return []string{
		"/", "/products", "/products/service-parts", "/industries", "/industries/life-sciences", "/alliances", "/alliances/apply", "/demos",
		"/demos/one-study-two-boards", "/demos/one-study-two-boards/request", "/webinars", "/webinars/clause-library-workshop",
		"/webinars/clause-library-workshop/register", "/downloads", "/downloads/rebate-worksheet", "/downloads/rebate-worksheet/request",
		"/careers", "/careers/technical-writer", "/careers/technical-writer/apply", "/surveys", "/surveys/webinar-habits",
		"/surveys/webinar-habits/results", "/newsletter", "/newsletter/issues", "/news", "/news/service-parts-day-open", "/about", "/contact",
		"/connect", "/connect/request", "/connect/sign-in", "/privacy", "/privacy/versions", "/privacy/changes/2006-12-05...2026-11-18",
		"/privacy/promises", "/privacy/inventory", "/privacy/requests", "/cookies", "/terms",
	}
}

// auditLighthouse measures a page of each template on a slow telephone, as Lighthouse simulates it. The table also says
// when the page was painted here, without waiting for such a line and such a processor.
func auditLighthouse(t *testing.T, a *auditor) {
	for _, path := range eachTemplate() {
		if *only != "" && !slices.Contains(a.pages, auditPage{path: path}) {
			continue
		}
		m := lighthouse(t, a.house.url+path)
		p := auditPage{path: path}
		a.note(t, "lighthouse", p, m.faults())
		a.write("lighthouse", p, m.String())
	}
}

// measured is what Lighthouse found.
type measured struct {
	Categories map[string]struct{ Score float64 }
	Audits     map[string]struct {
		Title        string
		Score        *float64
		NumericValue float64
		Details      struct{ Items json.RawMessage }
	}
}

const (
	paint    = "largest-contentful-paint"
	shift    = "cumulative-layout-shift"
	blocking = "total-blocking-time"
)

// painted is how many milliseconds after the visit the largest part of the page was there.
func (m measured) painted() float64 {
	var list []struct{ ObservedLargestContentfulPaint float64 }
	if err := json.Unmarshal(m.Audits["metrics"].Details.Items, &list); err != nil || len(list) == 0 {
		return math.Inf(1)
	}
	return list[0].ObservedLargestContentfulPaint
}

func (m measured) score(category string) int {
	return int(math.Round(100 * m.Categories[category].Score))
}

func (m measured) String() string {
	return fmt.Sprintf("%d %d %d %d, CLS %.3f, LCP %.0f ms here, %.0f simulated, TBT %.0f simulated", m.score("performance"), m.score("accessibility"),
		m.score("best-practices"), m.score("seo"), m.Audits[shift].NumericValue, m.painted(), m.Audits[paint].NumericValue, m.Audits[blocking].NumericValue)
}

func (m measured) faults() (faults []string) {
	for _, c := range []string{"performance", "accessibility", "best-practices", "seo"} {
		if m.score(c) != 100 {
			faults = append(faults, fmt.Sprintf("%s: %d", c, m.score(c)))
		}
	}
	for name, limit := range map[string]float64{paint: 1000, shift: 0.0005, blocking: 0.5} { // zero as it is shown
		if v := m.Audits[name].NumericValue; v >= limit {
			faults = append(faults, fmt.Sprintf("%s: %.3f", name, v))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	for name, audit := range m.Audits {
		if audit.Score != nil && *audit.Score == 0 {
			faults = append(faults, name+": "+audit.Title)
		}
	}
	return faults
}

// lighthouse measures a page up to three times, until nothing is wrong, and takes the best: what else the machine does is
// not the page's.
func lighthouse(t *testing.T, address string) (best measured) {
	t.Helper()
	var failed error
	for range 3 {
		m, err := runLighthouse(t, address)
		if err != nil { // it lost the browser's trace
			failed = err
			continue
		}
		if best.Audits == nil || m.score("performance") > best.score("performance") {
			best = m
		}
		if len(best.faults()) == 0 {
			break
		}
	}
	if best.Audits == nil {
		t.Fatalf("lighthouse: %v", failed)
	}
	return best
}

func runLighthouse(t *testing.T, address string) (m measured, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", tool(t, "lighthouse", "cli", "index.js"), address, "--quiet", "--output=json",
		"--only-categories=performance,accessibility,best-practices,seo",
		"--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-background-networking")
	cmd.Env = append(os.Environ(), "CHROME_PATH="+chromium(t))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(out, &m)
}

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
		requests := len(sizes) + 1 // the icon, which a page does not see
		if sum > 60<<10 || requests > 6 {
			t.Errorf("%d pixels: the home page takes %d bytes in %d requests: %v", width, sum, requests, sizes)
		}
		a.write(fmt.Sprintf("weight %d", width), auditPage{path: "/"}, fmt.Sprintf("%d bytes, %d requests", sum, requests))
	}
}

// auditSlow goes the way of those who write to us over a bad line. Without scripts and cookies the journeys of make test
// go it.
func auditSlow(t *testing.T, a *auditor) {
	for name, journey := range map[string]func(*testing.T, *house, func() *visitor){
		"applicant": journeyApplicant, "candidate": journeyCandidate, "registrant": journeyRegistrant,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "127.0.0.1")
			journey(t, h, func() *visitor {
				v := h.visitor(a.browser, t, true)
				v.do("take a bad line", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
					_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
						MatchedNetworkConditions: []*network.Conditions{slow4G()},
					})
					return err
				}))
				return v
			})
		})
	}
}

// slow4G is what Chromium calls so: milliseconds, and bytes a second.
func slow4G() *network.Conditions {
	return &network.Conditions{Latency: 562.5, DownloadThroughput: 180_000, UploadThroughput: 84_375, ConnectionType: network.ConnectionTypeCellular4g}
}
