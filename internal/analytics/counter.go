package analytics

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/privacy"
)

// kind is a dimension by which views are counted.
type kind string

const (
	byPage          kind = "page"
	byReferrer      kind = "referrer"
	byCampaign      kind = "campaign"
	byFirstWeek     kind = "first_week"     // of those who accept all cookies
	byFirstCampaign kind = "first_campaign" // likewise
)

const (
	direct = "direct" // no referrer, or a page of ours
	other  = "other"  // what is no host, or one too many
)

// held is how many values of a kind are told apart between two flushes; others count as "other".
const held = 1000

// day is a day in America/Chicago, counted from 1 January 1970.
type day int32

const secondsOfDay = 24 * 60 * 60

func dayOf(t time.Time) day {
	y, m, d := t.Date()
	return day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay)
}

func (d day) date() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

// cell is what one is added to.
type cell struct {
	day   day
	kind  kind
	value string
	bot   bool
}

// pool is what is bounded together.
type pool struct {
	kind kind
	bot  bool
}

// counter holds what was counted since it was last emptied.
type counter struct {
	now  func() time.Time
	home string // how addresses of ours begin, as in https://clickcommerce.com/
	own  string // our host

	mu           sync.Mutex
	cells        map[cell]*int64
	sizes        map[pool]int
	places       map[string]place // pages that were seen before, by path
	today        day
	begins, ends time.Time // of today
}

// newCounter returns an empty counter of the site at an origin (PUBLIC_URL).
func newCounter(now func() time.Time, origin string) *counter {
	own := ""
	if u, err := url.Parse(origin); err == nil {
		own = plainHost(u.Hostname())
	}
	return &counter{
		now: now, home: origin + "/", own: own,
		cells: map[cell]*int64{}, sizes: map[pool]int{}, places: map[string]place{},
	}
}

// view counts one view, unless the browser asks not to be counted, or nobody looked yet.
func (c *counter) view(r *http.Request, answer http.Header) {
	if page.Silent(r) || prefetched(r) {
		return
	}
	c.mu.Lock()
	at, known := c.places[r.URL.Path]
	c.mu.Unlock()
	if !known {
		if at = placeOf(r, answer); at == nowhere {
			return
		}
		c.remember(r.URL.Path, at)
	}
	from := direct
	if referrer := r.Header["Referer"]; len(referrer) > 0 && !strings.HasPrefix(referrer[0], c.home) {
		from = hostOf(referrer[0], c.own)
	}
	campaign, week, first := "", "", ""
	if r.URL.RawQuery != "" {
		campaign = page.CampaignOf(r.URL.Query())
	}
	if page.ChoiceOf(r) == page.AcceptAll {
		week, first = privacy.FirstVisit(r)
	}
	bot := isBot(r.UserAgent())

	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	if at == aPage {
		c.add(cell{c.today, byPage, r.URL.Path, bot}, 1)
	}
	c.add(cell{c.today, byReferrer, from, bot}, 1)
	c.add(cell{c.today, byCampaign, campaign, bot}, 1)
	c.add(cell{c.today, byFirstWeek, week, bot}, 1)
	c.add(cell{c.today, byFirstCampaign, first, bot}, 1)
}

// turn moves on to the day that it is now: reckoning it for each view would take longer than counting.
func (c *counter) turn() {
	now := c.now()
	if !now.Before(c.begins) && now.Before(c.ends) {
		return
	}
	zone := clock.Zone()
	c.today = dayOf(now.In(zone))
	y, m, d := now.In(zone).Date()
	c.begins, c.ends = time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

func (c *counter) add(k cell, n int64) {
	if k.value == "" {
		return
	}
	if count := c.cells[k]; count != nil {
		*count += n
		return
	}
	of := pool{k.kind, k.bot}
	if c.sizes[of] >= held && k.value != other {
		k.value = other
		c.add(k, n)
		return
	}
	c.sizes[of]++
	k.value = strings.Clone(k.value) // what it was cut from holds the whole request
	first := n                       // of its own: only the first of its kind is to allocate
	c.cells[k] = &first
}

// forget takes back what was counted today of a cell, and tells whether there was anything.
func (c *counter) forget(k cell) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.day = c.today
	_, counted := c.cells[k]
	if counted {
		delete(c.cells, k)
		c.sizes[pool{k.kind, k.bot}]--
	}
	return counted
}

// empty returns what was counted, and begins anew.
func (c *counter) empty() map[cell]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := make(map[cell]int64, len(c.cells))
	for k, n := range c.cells {
		counted[k] = *n
	}
	clear(c.cells)
	clear(c.sizes)
	return counted
}

// restore takes back what could not be written down.
func (c *counter) restore(counted map[cell]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range counted {
		c.add(k, n)
	}
}

// place is how views of an address are counted.
type place int

const (
	nowhere place = iota // not at all
	aForm                // where they came from, but not that they were there
	aPage
)

// maxPlaces bounds what is remembered; addresses that lead to a page are far fewer.
const maxPlaces = 4096

func (c *counter) remember(path string, at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.places) >= maxPlaces {
		clear(c.places)
	}
	c.places[strings.Clone(path)] = at
}

// publicParts takes away the parts of a route that name what is public: all other parts are known to one person.
var publicParts = strings.NewReplacer("{slug}", "", "{id}", "", "{range}", "")

// placeOf reads it from the route. Addresses that are known to one person are nowhere, and so not remembered either. An
// address that also takes a POST has a form.
func placeOf(r *http.Request, answer http.Header) place {
	route := chi.RouteContext(r.Context())
	if route == nil || !isHTML(r.URL.Path, answer) {
		return nowhere
	}
	pattern := route.RoutePattern()
	for _, part := range [...]string{"/staff", "/connect"} {
		if pattern == part || strings.HasPrefix(pattern, part+"/") {
			return nowhere
		}
	}
	if pattern == "" || strings.Contains(publicParts.Replace(pattern), "{") {
		return nowhere
	}
	if route.Routes.Match(chi.NewRouteContext(), http.MethodPost, r.URL.Path) {
		return aForm
	}
	return aPage
}

// isHTML tells pages from feeds, pictures and calendars. A 304 does not say what it stands for, but the address does.
func isHTML(path string, answer http.Header) bool {
	if kind := answer.Get("Content-Type"); kind != "" {
		return strings.HasPrefix(kind, "text/html")
	}
	return !strings.Contains(path, ".")
}

// prefetched tells whether the browser only fetches what might be looked at. What it fetches by our own rules it fetches
// because the link was pressed (web/static/speculation.json): that is a view, and the only request there will be.
func prefetched(r *http.Request) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose"} {
		if values := r.Header[name]; len(values) > 0 && strings.HasPrefix(values[0], "prefetch") {
			return values[0] != "prefetch" || r.Header.Get("Sec-Fetch-Site") != "same-origin"
		}
	}
	return false
}
