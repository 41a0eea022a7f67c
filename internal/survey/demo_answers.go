package survey

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/submission"
)

// acceptDemo adds answers to a survey until it has n. It uses a store of its own, whose clock stands on past days.
func (r *Room) acceptDemo(ctx context.Context, sample sampleSurvey, f form.Form, have, n int) error {
	if have >= n {
		return nil
	}
	statement, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	now := r.desk.Now().AddDate(0, 0, -sample.Closed)
	at := now
	config := r.desk.Store.Config
	config.Now, config.Accepted, config.Flushers = func() time.Time { return at }, nil, 1
	store := submission.NewStore(config)
	defer store.Close()
	p := newParticipants(sample)
	for i := range n {
		v := p.answers(f)
		// Evenly back from yesterday, give or take some hours.
		at = now.Add(-time.Duration((float64(i)/float64(n)*(demoDays-1)*24 + 24 + 9*p.rand.Float64()) * float64(time.Hour)))
		if i < have {
			continue // the same people as before come first
		}
		e := submission.Entry{
			Form: f, Values: v, Email: v.Get("email"), Name: v.Get("name"), Status: "new", PurgeAfter: clock.AddMonths(at, months),
			Seal: form.NewSeal(f, statement.ID, at),
		}
		if _, err := store.Accept(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// participants make up answers: the same for the same survey, each with a mood that its answers share.
type participants struct {
	rand    *rand.Rand
	samples map[string][]string // texts by field
	best    map[string]int      // how many steps from the lowest people like best, by field
	used    map[string]int
	people  int
}

func newParticipants(s sampleSurvey) *participants {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Slug)) // never fails
	p := &participants{
		rand:    rand.New(rand.NewPCG(h.Sum64(), 7)),                                                                 // example data: the same each time is the point
		samples: map[string][]string{}, best: map[string]int{}, used: map[string]int{}, people: int(h.Sum64() % 101), // other people for each survey
	}
	for _, page := range s.Pages {
		for _, q := range page.Questions {
			p.samples[prefix+q.Name] = q.Samples
			if q.Best > 0 {
				p.best[prefix+q.Name] = q.Best - q.Min
			}
		}
	}
	return p
}

func (p *participants) answers(f form.Form) form.Values {
	v, mood := form.Values{}, p.rand.Float64()
	for _, field := range f.Fields {
		if !strings.HasPrefix(field.Name, prefix) || (!field.Required && p.rand.Float64() < .12) {
			continue
		}
		switch field.Kind {
		case form.Choice:
			v[field.Name] = []string{field.Options[p.favourite(len(field.Options))].Value}
		case form.Several:
			for i, o := range field.Options {
				if p.rand.Float64() < .62-.5*float64(i)/float64(len(field.Options)) {
					v[field.Name] = append(v[field.Name], o.Value)
				}
			}
		case form.Rating:
			v[field.Name] = []string{field.Options[p.rate(field, mood)].Value}
		case form.LongText:
			if text, ok := p.write(field.Name); ok {
				v[field.Name] = []string{text}
			}
		}
	}
	if !f.Anonymous {
		v["name"], v["email"] = p.person()
	}
	return v
}

// favourite picks earlier answers oftener than later ones.
func (p *participants) favourite(n int) int {
	return min(int(p.rand.ExpFloat64()*float64(n)/3), n-1)
}

// rate picks a step of a scale: around the best, or by mood, mostly in the upper half.
func (p *participants) rate(f form.Field, mood float64) int {
	n, at := len(f.Options), .62+.42*mood
	if best, ok := p.best[f.Name]; ok {
		at = (float64(best) + .5) / float64(n)
	}
	return max(0, min(int((at+.22*p.rand.NormFloat64())*float64(n)), n-1))
}

// write takes the next text that was not written yet.
func (p *participants) write(field string) (string, bool) {
	n := p.used[field]
	if n >= len(p.samples[field]) || p.rand.Float64() > .5 {
		return "", false
	}
	p.used[field]++
	return p.samples[field][n], true
}

func (p *participants) person() (name, email []string) {
	first := []string{
		"Ines", "Jonas", "Mariko", "Tomasz", "Leila", "Owen", "Priya", "Sven", "Carla", "Ngozi", "Pavel", "Rosa", "Hugh",
		"Yuki", "Anders", "Bea",
	}
	last := []string{
		"Alvarez", "Bergström", "Chandra", "Dubois", "Eze", "Farrell", "Gruber", "Hall", "Ito", "Jansen", "Kowalska",
		"Lima", "Moretti",
	}
	i := p.people
	p.people++
	a, b := first[i%len(first)], last[(i*5+i/len(first))%len(last)]
	plain := strings.NewReplacer("ö", "o").Replace(strings.ToLower(a + "." + b))
	return []string{a + " " + b}, []string{fmt.Sprintf("%s.%d@example.org", plain, i+1)}
}
