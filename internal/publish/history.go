package publish

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
)

// entry is a change in words.
type entry struct {
	When, Who, What string
	Lines           []line
}

// line is one value that differs.
type line struct{ Label, Was, Is string }

// conflict is what an editor sees whose version another has replaced.
type conflict struct {
	Who, When string
	Since     []entry // what was saved in the meantime
	Lines     []line  // Was: as it is stored now; Is: as it was typed
	Settled   []line  // likewise, of what the form asks no more, since the row has moved on
	Theirs    string  // address of the form with what is stored
}

func (e *editor) history(ctx context.Context, x editing) ([]entry, error) {
	changes, err := Changes(ctx, e.desk.Pool, e.room.Kind, x.row.ID)
	if err != nil {
		return nil, err
	}
	list := make([]entry, 0, len(changes))
	for _, c := range changes {
		list = append(list, e.entry(x.form.Fields, c))
	}
	return list, nil
}

func (e *editor) entry(fields []form.Field, c Change) entry {
	who := c.Editor
	if who == "" {
		who = c.Role
	}
	return entry{When: inWords(c.At), Who: who, What: c.Action, Lines: e.lines(fields, c.Old, c.New)}
}

// lines lists what differs, in the order of the form, then what the form doesn't show.
func (e *editor) lines(fields []form.Field, was, is form.Values) []line {
	var list []line
	seen := map[string]bool{}
	for _, f := range fields {
		seen[f.Name] = true
		a, b := read(f, was), read(f, is)
		if a != b {
			list = append(list, line{f.Label, a, b})
		}
	}
	var rest []string
	for _, v := range []form.Values{was, is} {
		for name := range v {
			if !seen[name] {
				seen[name] = true
				rest = append(rest, name)
			}
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		list = append(list, line{label(name), e.plain(name, was), e.plain(name, is)})
	}
	return list
}

// read returns the value of a field in words fit to be read.
func read(f form.Field, v form.Values) string {
	if f.Kind == form.Consent {
		if v.Get(f.Name) == "yes" {
			return "yes"
		}
		return ""
	}
	if day, err := time.Parse(time.DateOnly, v.Get(f.Name)); f.Kind == form.Date && err == nil {
		return day.Format("2 January 2006")
	}
	var texts []string
	for _, a := range form.Answers([]form.Field{f}, v) {
		texts = append(texts, a.Texts...)
	}
	return strings.Join(texts, ", ")
}

func label(name string) string {
	if name == sinceName {
		return "Public from"
	}
	return form.Labelled(name)
}

func (e *editor) plain(name string, v form.Values) string {
	text := strings.Join(v[name], ", ")
	if name != sinceName {
		return text
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return inWords(at)
	}
	return text
}

// compare tells an editor what became of the row since the version that they worked on.
func (e *editor) compare(ctx context.Context, now editing, typed url.Values, version int) (*conflict, error) {
	changes, err := Changes(ctx, e.desk.Pool, e.room.Kind, now.row.ID)
	if err != nil {
		return nil, err
	}
	c := &conflict{Who: now.row.Editor, When: inWords(now.row.UpdatedAt), Theirs: e.path(now.row.ID)}
	for _, change := range changes {
		if change.Version > version {
			c.Since = append(c.Since, e.entry(now.form.Fields, change))
		}
	}
	values, _ := now.form.Parse(typed)
	for _, f := range now.form.Fields {
		if f.Kind == form.File {
			continue
		}
		stored, mine := read(f, form.Values(now.shown.Values)), read(f, values)
		if stored != mine {
			c.Lines = append(c.Lines, line{f.Label, stored, mine})
		}
	}
	c.Settled = e.settled(now, typed)
	return c, nil
}

// settled lists what was typed of a row's values into fields that its form has no more.
func (e *editor) settled(now editing, typed url.Values) []line {
	var list []line
	stored := form.Values(now.shown.Values)
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		if _, asked := now.form.Field(name); asked || !typed.Has(name) {
			continue
		}
		if was, is := e.plain(name, stored), form.Clean(strings.Join(typed[name], ", "), true); was != is {
			list = append(list, line{label(name), was, is})
		}
	}
	return list
}

// inWords is a time as the workspace writes it: in Chicago, where the company is.
func inWords(t time.Time) string { return t.In(clock.Zone()).Format("2 January 2006, 15:04") }

// since tells from when a row is public.
func (e *editor) since(r row) string {
	if r.PublishAt == nil || r.State != Published {
		return ""
	}
	return inWords(*r.PublishAt)
}
