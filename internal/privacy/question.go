package privacy

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"

	"clickcommerce.com/site/internal/form"
)

// question is what one form or several ask in the same words, under the same condition and for the same reason.
type question struct {
	form.Field
	asked  int      // by how many forms
	onlyIn []string // their names; none: all
}

// questions lists all that the forms of an activity ask, each once.
func questions(forms []form.Form) []question {
	var list []question
	for _, f := range forms {
		for _, field := range f.Fields {
			i := slices.IndexFunc(list, func(q question) bool { return listedAlike(q.Field, field) })
			if i < 0 {
				i, list = len(list), append(list, question{Field: field})
			}
			list[i].asked++
			if name := nameOf(f); !slices.Contains(list[i].onlyIn, name) {
				list[i].onlyIn = append(list[i].onlyIn, name)
			}
		}
	}
	for i := range list {
		if list[i].asked == len(forms) {
			list[i].onlyIn = nil
		}
	}
	return list
}

// listedAlike tells whether the inventory says the same of both.
func listedAlike(a, b form.Field) bool {
	return a.Purpose == b.Purpose && a.Channel == b.Channel && reflect.DeepEqual(newFieldEntry(a), newFieldEntry(b))
}

// nameOf is how the inventory names a form: by what it is about, or by its title.
func nameOf(f form.Form) string { return cmp.Or(f.Name, f.Title) }

// questionGroup are the questions that the same forms ask.
type questionGroup struct {
	Only, Except []string // names of forms; both empty: all ask them
	Fields       []fieldEntry
}

// Groups are the fields by the forms that ask them; what all ask stands first, and may be nothing.
func (a activityEntry) Groups() []questionGroup {
	groups := []questionGroup{{}}
	at := [][]string{nil} // the forms of each
	for _, f := range a.Fields {
		i := slices.IndexFunc(at, func(names []string) bool { return slices.Equal(names, f.OnlyIn) })
		if i < 0 {
			i, at, groups = len(at), append(at, f.OnlyIn), append(groups, a.group(f.OnlyIn))
		}
		groups[i].Fields = append(groups[i].Fields, f)
	}
	return groups
}

// group names the forms in the shorter way: those that ask, or those that don't.
func (a activityEntry) group(onlyIn []string) questionGroup {
	var rest []string
	for _, f := range a.Forms {
		if !slices.Contains(onlyIn, f.Name) {
			rest = append(rest, f.Name)
		}
	}
	if len(rest) > 0 && len(rest) < len(onlyIn) {
		return questionGroup{Except: rest}
	}
	return questionGroup{Only: onlyIn}
}

// Anonymous names the forms whose answers lead to nobody.
func (a activityEntry) Anonymous() []string {
	var names []string
	for _, f := range a.Forms {
		if f.Anonymous {
			names = append(names, f.Name)
		}
	}
	return names
}

// Required says how many fields a form has that must be filled.
func (a activityEntry) Required() string {
	return a.count(func(f form.Field) bool { return !isConsent(f) && f.Required })
}

// Optional says how many others it has.
func (a activityEntry) Optional() string {
	return a.count(func(f form.Field) bool { return !isConsent(f) && !f.Required })
}

// Offered says how many consents it offers.
func (a activityEntry) Offered() string { return a.count(isConsent) }

// count says how many such fields a form has, from the fewest to the most.
func (a activityEntry) count(such func(form.Field) bool) string {
	var counts []int
	for _, f := range a.forms {
		n := 0
		for _, field := range f.Fields {
			if such(field) {
				n++
			}
		}
		counts = append(counts, n)
	}
	least, most := strconv.Itoa(slices.Min(counts)), strconv.Itoa(slices.Max(counts))
	if least == most {
		return least
	}
	return least + "–" + most
}
