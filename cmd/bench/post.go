package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"clickcommerce.com/site/internal/form"
)

// measurePost pairs the whole way of a form, from the request to the redirect, with pgbench storing the same rows.
func measurePost(ctx context.Context, b *bench) error {
	w, err := b.newWorld(ctx, "post")
	if err != nil {
		return err
	}
	ways, err := b.postWays(ctx, w)
	if err != nil {
		return errors.Join(err, w.drop(ctx))
	}
	site, err := b.startSite(ctx, w)
	if err != nil {
		return errors.Join(err, w.drop(ctx))
	}
	err = b.pairPost(ctx, w, site, ways)
	return errors.Join(err, site.stop(), w.drop(ctx))
}

// postWay is a way of sending the form, with the limit that stores the same.
type postWay struct {
	name   string
	ticked []string // fields of consents
	goal   goal
	script string
}

func (b *bench) postWays(ctx context.Context, w *world) ([]postWay, error) {
	in, err := w.open(ctx, false)
	if err != nil {
		return nil, err
	}
	defer in.close()
	ways := []postWay{
		{name: "POST, whole", goal: goal{least: 0.9}},
		{name: "  with two consents ticked", ticked: []string{"consent_newsletter", "consent_product_news"}},
	}
	for i := range ways {
		if ways[i].script, err = w.limit(ctx, in, ways[i].ticked); err != nil {
			return nil, err
		}
	}
	return ways, nil
}

func (b *bench) pairPost(ctx context.Context, w *world, site *process, ways []postWay) error {
	for _, way := range ways {
		p, err := newPoster(ctx, b, w, site, way.ticked...)
		if err != nil {
			return err
		}
		if err := b.pairPoster(ctx, p, way); err != nil {
			return err
		}
	}
	b.table.note(limitNote)
	b.table.note("POST: wrk -t2 -c64 with a name and address of its own in each request; as many rows were stored as answers came. " +
		"The site indexes for search meanwhile; its mail server is unreachable, so that it sends none. The limit stores the same consents.")
	return nil
}

func (b *bench) pairPoster(ctx context.Context, p *poster, way postWay) error {
	w, site := p.world, p.site
	rounds, err := b.inTurns(
		func() (reading, error) { return b.measureLimit(ctx, w, []int{site.pid()}, way.script) },
		func() (reading, error) {
			if err := w.reset(ctx); err != nil {
				return reading{}, err
			}
			return b.spent(ctx, []int{site.pid()}, func() (float64, int, error) { return p.post(ctx) })
		})
	if err != nil {
		return err
	}
	b.table.add(way.name, "pgbench, the same rows in one statement", rounds, way.goal, perSecond)
	return nil
}

// poster sends the application form by wrk.
type poster struct {
	bench  *bench
	world  *world
	site   *process
	script string
}

var sealField = regexp.MustCompile(`name="` + form.SealField + `" value="([^"]+)"`)

// newPoster reads the seal off the page and writes wrk's script; the consents of those fields are ticked.
func newPoster(ctx context.Context, b *bench, w *world, site *process, consents ...string) (*poster, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, site.url+formPath, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	m := sealField.FindSubmatch(raw)
	if m == nil {
		return nil, fmt.Errorf("no seal on %s (%s)", formPath, resp.Status)
	}
	values := url.Values(answers())
	values.Set(form.SealField, string(m[1]))
	for _, name := range consents {
		values.Set(name, "yes")
	}
	p := &poster{bench: b, world: w, site: site, script: filepath.Join(b.dir, "post.lua")}
	return p, os.WriteFile(p.script, []byte(fmt.Sprintf(postScript, luaText(values.Encode()))), 0o600)
}

func luaText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// postScript numbers the senders of all threads apart. Requests are whole texts: wrk.format would take a good part of
// a core.
const postScript = `
local rest = %s
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end
local n = 0
function request()
  n = n + 1
  local who = id .. "000" .. n
  local body = rest .. "&name=Ada+Bench+" .. who .. "&email=ada.bench." .. who .. "%%40example.com"
  return "POST ` + formPath + ` HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
    "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
`

// post sends for the time of one measurement to a world that was reset, and makes sure that every answer stood for a
// stored submission.
func (p *poster) post(ctx context.Context) (rate float64, total int, err error) {
	if rate, total, err = p.bench.wrk(ctx, p.site.url+formPath, "-s", p.script); err != nil {
		return 0, 0, err
	}
	var stored int
	if err := p.world.owner.QueryRow(ctx, `SELECT count(*) FROM submission`).Scan(&stored); err != nil {
		return 0, 0, err
	}
	if stored -= standing; stored < total {
		return 0, 0, fmt.Errorf("%d answers, but only %d submissions stored", total, stored)
	}
	return rate, total, nil
}
