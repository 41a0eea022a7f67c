package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"clickcommerce.com/site/internal/form"
)

// listedField is a field of the inventory as programs read it.
type listedField struct {
	Name     string
	Required bool
	OnlyIn   []string `json:"only_in"`
}

// TestInventoryListsWhatIsAsked compares each form of the site, as its page draws it, with what the inventory says of it.
func TestInventoryListsWhatIsAsked(t *testing.T) {
	a := newApp(t)
	loadDemo(t, a)
	server := serveApp(t, a)
	resp, err := http.Get(server.URL + "/privacy/inventory.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var inventory struct {
		Activities []struct {
			Kind   string
			Fields []listedField
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&inventory); err != nil {
		t.Fatal(err)
	}
	listed := map[string][]listedField{}
	for _, entry := range inventory.Activities {
		listed[entry.Kind] = entry.Fields
	}
	names := formNames(t, a)
	forms := findForms(t, server)
	for _, f := range forms {
		seal, err := form.OpenSeal(a.ring, f.hidden.Get(form.SealField))
		if err != nil {
			t.Fatal(err)
		}
		name, ok := names[string(seal.Revision)]
		if !ok {
			t.Errorf("%s: its form is not among those that are open", f.address)
		}
		for _, field := range f.asked() {
			if !slices.ContainsFunc(listed[seal.Kind], func(l listedField) bool {
				return l.Name == field.Name && l.Required == field.Required && (len(l.OnlyIn) == 0 || slices.Contains(l.OnlyIn, name))
			}) {
				t.Errorf("%s asks %s (required: %t), which the inventory does not say of %q", f.address, field.Name, field.Required, name)
			}
		}
	}
	if len(forms) < len(names) {
		t.Errorf("%d forms are open, %d were found", len(names), len(forms))
	}
}

// formNames are the names of all forms that are open, by their wording.
func formNames(t *testing.T, a *app) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, act := range a.rooms.activities {
		subjects, err := act.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, subject := range subjects {
			f, err := act.Form(t.Context(), subject)
			if err != nil {
				t.Fatal(err)
			}
			name := f.Name
			if name == "" {
				name = f.Title
			}
			names[string(f.Revision().Digest)] = name
		}
	}
	return names
}

// asked are the fields of a form but for the consents that it offers.
func (f *shownForm) asked() []listedField {
	var list []listedField
	add := func(name string) {
		if name != "" && !f.hidden.Has(name) && !strings.HasPrefix(name, "consent_") {
			list = append(list, listedField{Name: name, Required: slices.Contains(f.required, name)})
		}
	}
	for name := range f.values {
		add(name)
	}
	add(f.file)
	return list
}
