package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
)

// formChecks look at what the forms ask, by the declarations that decode them.
func (r *Room) formChecks() []Check {
	return []Check{
		{
			Promise: "P-3", Name: "Each field of each form has a label.", Run: r.checkFields,
			Remove: Removal{Forms: asking(form.Field{Name: "shoe", Kind: form.Text, Why: "For the walk."})},
		},
		{
			Promise: "P-4", Name: "Each field of each form says why it is asked.", Run: r.checkReasons,
			Remove: Removal{Forms: asking(form.Field{Name: "shoe", Kind: form.Text, Label: "Shoe size"})},
		},
		{
			Promise: "A-2", Name: "The form of privacy requests offers every right.", Run: r.checkRights,
			Remove: Removal{Forms: withForm(Kind, func(f *form.Form) {
				f.Fields = slices.DeleteFunc(slices.Clone(f.Fields), func(f form.Field) bool { return f.Name == wantField })
			})},
		},
		{
			Promise: "A-7", Name: "No form asks for an age or a date of birth.", Run: r.checkAges,
			Remove: Removal{Forms: asking(form.Field{Name: "birth_date", Kind: form.Date, Label: "Date of birth", Why: "To greet you."})},
		},
		{
			Promise: "A-9", Name: "Newsletter, contact and privacy requests stand in the inventory.", Run: r.checkAdditions,
			Remove: Removal{Forms: func(list activity.Activities) activity.Activities {
				return slices.DeleteFunc(slices.Clone(list), func(a activity.Activity) bool { return a.Kind == "newsletter" })
			}},
		},
	}
}

// asking adds a field to the form of questions.
func asking(field form.Field) func(activity.Activities) activity.Activities {
	return withForm("contact", func(f *form.Form) { f.Fields = append(slices.Clone(f.Fields), field) })
}

// withForm changes the form of an activity.
func withForm(kind string, change func(*form.Form)) func(activity.Activities) activity.Activities {
	return func(list activity.Activities) activity.Activities {
		list = slices.Clone(list)
		for i, a := range list {
			if a.Kind != kind {
				continue
			}
			list[i].Form = func(ctx context.Context, subject uuid.UUID) (form.Form, error) {
				f, err := a.Form(ctx, subject)
				change(&f)
				return f, err
			}
		}
		return list
	}
}

func (r *Room) checkFields(ctx context.Context) error {
	return r.eachField(ctx, func(f fieldEntry) string {
		if f.Label == "" {
			return "no label"
		}
		return ""
	})
}

func (r *Room) checkReasons(ctx context.Context) error {
	return r.eachField(ctx, func(f fieldEntry) string {
		if f.Why == "" {
			return "no reason"
		}
		return ""
	})
}

// eachField collects the faults of all fields of all forms that can be filled in today.
func (r *Room) eachField(ctx context.Context, fault func(fieldEntry) string) error {
	inv, err := r.makeInventory(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, a := range inv.Activities {
		for _, f := range a.Fields {
			if words := fault(f); words != "" {
				where := strings.Join(append([]string{a.Kind}, f.OnlyIn...), ", ")
				faults = append(faults, fmt.Errorf("%s, field %s: %s", where, f.Name, words))
			}
		}
	}
	return errors.Join(faults...)
}

// checkRights holds that what the law grants can be asked for by the form.
func (r *Room) checkRights(ctx context.Context) error {
	a, ok := r.desk.Activities().Find(Kind)
	if !ok {
		return errors.New("no activity of privacy requests")
	}
	f, err := a.Form(ctx, uuid.Nil)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(f.Fields, func(f form.Field) bool { return f.Name == wantField })
	if i < 0 {
		return errors.New("the form does not ask what is wanted")
	}
	for _, right := range []string{"see", "export", "correct", "object", "restrict", "erase", "stop"} {
		if !slices.ContainsFunc(f.Fields[i].Options, func(o form.Option) bool { return o.Value == right }) {
			return fmt.Errorf("the form does not offer %q", right)
		}
	}
	return nil
}

func (r *Room) checkAges(ctx context.Context) error {
	return r.eachField(ctx, func(f fieldEntry) string {
		label := strings.ToLower(f.Label)
		for _, word := range []string{"birth", "how old", "your age"} {
			if strings.Contains(f.Name, word) || strings.Contains(label, word) {
				return "asks for an age"
			}
		}
		return ""
	})
}

func (r *Room) checkAdditions(ctx context.Context) error {
	inv, err := r.makeInventory(ctx)
	if err != nil {
		return err
	}
	for _, kind := range []string{"newsletter", "contact", Kind} {
		if !slices.ContainsFunc(inv.Activities, func(a activityEntry) bool { return a.Kind == kind && len(a.Fields) > 0 }) {
			return fmt.Errorf("%s is not listed with its fields", kind)
		}
	}
	return nil
}
