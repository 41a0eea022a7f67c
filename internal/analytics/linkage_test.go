package analytics

import (
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/clock"
)

// visit is what is known of a visitor: this is what nobody is to find out about the sender of a form.
type visit struct {
	at   time.Time
	said map[string]string // by name of the dimension
}

// few picks one of many, the first ones far more often.
func few(rng *rand.Rand, n int) int {
	z := rand.NewZipf(rng, 1.4, 2, uint64(n-1))
	return int(z.Uint64())
}

// traffic makes a day's visits, in order of time.
func traffic(rng *rand.Rand, day time.Time, n int) []visit {
	list := make([]visit, 0, n)
	for i := range n {
		v := visit{day.Add(time.Duration(i) * 24 * time.Hour / time.Duration(n)), map[string]string{
			"page": fmt.Sprintf("/products/p%d", few(rng, 20)), "referring site": fmt.Sprintf("s%d.example.com", few(rng, 15)),
		}}
		if rng.IntN(3) == 0 {
			v.said["campaign"] = "fair-" + string(rune('a'+few(rng, 10)))
		}
		list = append(list, v)
	}
	return list
}

func (h *house) visit(v visit) {
	h.now = v.at
	ask(h.site, v.said["page"]+"?utm_campaign="+v.said["campaign"], "Referer", "https://"+v.said["referring site"]+"/")
}

// look is what somebody holds who exports all that can be exported: figures by month, dimension and value.
type look map[[3]string]int

func (h *house) look() look {
	seen := look{}
	for m := (month{time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)}); m.first.Year() == 2026; m = m.next() {
		lines, err := csv.NewReader(strings.NewReader(h.sheet(m))).ReadAll()
		if err != nil {
			h.t.Fatal(err)
		}
		for _, l := range lines {
			if n, err := strconv.Atoi(l[len(l)-1]); err == nil {
				seen[[3]string{l[0], l[1], l[2]}] = n
			}
		}
	}
	return seen
}

// peek is the same without the rule: it reads the table.
func (h *house) peek() look {
	rows, err := h.pool.Query(context.Background(), `
		SELECT CASE kind WHEN 'referrer' THEN 'referring site' ELSE kind END, value, sum(count) FROM analytics.page_count GROUP BY 1, 2`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	seen := look{}
	for rows.Next() {
		k, n := [3]string{"2026-10"}, 0
		if err := rows.Scan(&k[1], &k[2], &n); err != nil {
			h.t.Fatal(err)
		}
		seen[k] = n
	}
	return seen
}

// known is what everybody knows without any export: what most visitors do.
func known(dimension string) string {
	return map[string]string{"page": "/products/p0", "referring site": "s0.example.com", "campaign": "fair-a"}[dimension]
}

// guess says what the sender of a form in October did, by two looks, before and after it came: what grew most in that
// month, or else what everybody knows.
func guess(before, after look, dimension string) string {
	best, most := known(dimension), 0
	for k, n := range after {
		if by := n - before[k]; k[0] == "2026-10" && k[1] == dimension && (by > most || by == most && by > 0 && k[2] < best) {
			best, most = k[2], by
		}
	}
	return best
}

// advantage is how much more often guesses are right about those who sent the form than about anybody else who came: what
// the looks tell of a sender beyond what they tell of all, and the form itself tells.
func advantage(senders []visit, guesses []string, dimension string) float64 {
	right, chance, pairs := 0.0, 0.0, 0.0
	for i, g := range guesses {
		for j, v := range senders {
			hit := 0.0
			if v.said[dimension] == g {
				hit = 1
			}
			if i == j {
				right += hit
			} else {
				chance += hit
				pairs++
			}
		}
	}
	return right/float64(len(senders)) - chance/pairs
}

// TestLinkage lets an attacker know when a form was sent, and export everything just before and just after, an hour, a day
// and a month later. Whoever came in October is the sender once.
func TestLinkage(t *testing.T) {
	t.Parallel()
	for name, perDay := range map[string]int{"low traffic": 3, "high traffic": 300} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			rng := rand.New(rand.NewPCG(1, uint64(perDay)))
			visits, senders, before, after := 0, []visit{}, []look{}, map[string][]look{}
			step := max(1, perDay*31/90)
			for d := range 61 {
				day := time.Date(2026, 9, 1+d, 0, 0, 0, 0, clock.Zone())
				for i, v := range traffic(rng, day, perDay) {
					watched := day.Month() == time.October && (d*perDay+i)%step == 0
					h.now = v.at
					var raw look
					if watched {
						h.flush()
						before, raw = append(before, h.look()), h.peek()
					}
					h.visit(v)
					visits++
					if watched {
						h.flush()
						senders = append(senders, v)
						after["the rule taken out"] = append(after["the rule taken out"], difference(raw, h.peek()))
						for what, later := range map[string]time.Duration{"a minute": time.Minute, "an hour": time.Hour, "a day": 24 * time.Hour} {
							h.now = v.at.Add(later)
							after[what] = append(after[what], h.look())
						}
					}
				}
				h.flush()
			}
			h.now = time.Date(2026, 11, 20, 0, 0, 0, 0, clock.Zone())
			for range senders {
				after["a month"] = append(after["a month"], h.look())
			}
			t.Logf("%s: %d visits, %d of them by senders of a form; %d exports, %d looks at the table itself", name, visits, len(senders),
				len(before)+4*len(senders), 2*len(senders))
			for what, looks := range after {
				for _, dimension := range []string{"page", "referring site", "campaign"} {
					guesses := make([]string, len(senders))
					for i := range senders {
						first := before[i]
						if what == "the rule taken out" {
							first = look{}
						}
						guesses[i] = guess(first, looks[i], dimension)
					}
					got := advantage(senders, guesses, dimension)
					t.Logf("%s, %d senders, %s, looked again after %s: advantage %.3f", name, len(senders), dimension, what, got)
					switch {
					case what == "the rule taken out":
						if got < .2 {
							t.Errorf("the attack finds nothing even in the table: it proves nothing")
						}
					case got > 1e-9:
						t.Errorf("%s after %s: the exports tell %.3f more of a sender than of anybody", dimension, what, got)
					}
				}
			}
		})
	}
}

// difference is what grew.
func difference(before, after look) look {
	grown := look{}
	for k, n := range after {
		if n > before[k] {
			grown[k] = n - before[k]
		}
	}
	return grown
}

// TestWhatIsWithheldLeavesNoTrace holds that exports would be the same, letter for letter, if what is withheld or rounded
// away had never been: so no subtraction brings it back, of however many exports at whatever times.
func TestWhatIsWithheldLeavesNoTrace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	start := h.now
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := h.pool.Exec(context.Background(), `DELETE FROM analytics.page_count`); err != nil {
			t.Fatal(err)
		}
		h.now = start
		october := monthOf(start)
		counts := map[cell]int64{}
		for range rapid.IntRange(0, 60).Draw(rt, "batches") {
			k := cell{
				kind:  rapid.SampledFrom([]kind{byPage, byReferrer, byCampaign}).Draw(rt, "kind"),
				value: "v" + strconv.Itoa(rapid.IntRange(0, 6).Draw(rt, "value")),
			}
			n := rapid.Int64Range(1, 12).Draw(rt, "n")
			counts[k] += n
			h.count(k.kind, k.value, n)
			if rapid.Bool().Draw(rt, "written") {
				h.flush()
			}
			h.now = h.now.Add(time.Duration(rapid.IntRange(0, 9).Draw(rt, "hours")) * time.Hour)
			if h.sheet(october) != "" {
				rt.Fatal("a month is exported while it is counted")
			}
		}
		h.flush()
		looks := []string{}
		for _, day := range []int{3, 4, 28} {
			h.now = time.Date(2026, 11, day, 0, 0, 0, 0, clock.Zone())
			h.count(byPage, "v0", 25) // November goes on
			h.flush()
			looks = append(looks, h.sheet(october))
		}
		if _, err := h.pool.Exec(context.Background(), `DELETE FROM analytics.page_count`); err != nil {
			t.Fatal(err)
		}
		h.now = start
		for k, n := range counts {
			if n >= 10 {
				h.count(k.kind, k.value, n/10*10)
			}
		}
		h.flush()
		h.now = time.Date(2026, 12, 1, 0, 0, 0, 0, clock.Zone())
		for i, l := range looks {
			if l != h.sheet(october) {
				rt.Fatalf("look %d tells of what is withheld:\n%s\nwithout it:\n%s", i+1, l, h.sheet(october))
			}
		}
	})
}
