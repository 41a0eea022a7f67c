package privacy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// inventory lists what is asked, why, and what becomes of it. It is made from the declarations that decode the forms of
// today, whatever they are about, and from the uses of the statement in force, so it can't tell another story (P-4).
type inventory struct {
	Controller  string           `json:"controller"`
	Contact     string           `json:"contact"`
	Statement   string           `json:"statement"`
	EffectiveOn string           `json:"effective_on"`
	Hosting     string           `json:"data_lies_in"` // ISO 3166-1
	Processors  []processorEntry `json:"processors"`
	Activities  []activityEntry  `json:"activities"`
	Preferences []fieldEntry     `json:"asked_in_preferences"` // of who chooses calls or letters there
	Demands     []halfYear       `json:"legal_demands"`        // of half years that ended six months ago or earlier
	NextCount   time.Time        `json:"-"`                    // when the next one is published
}

type processorEntry struct {
	Name     string `json:"name"`
	Purpose  string `json:"purpose"`
	Country  string `json:"country"`
	Contract string `json:"contract"`
}

type activityEntry struct {
	Kind     string         `json:"kind"`
	Title    string         `json:"title"`
	Path     string         `json:"path"`
	Note     string         `json:"note,omitempty"`
	Forms    []formEntry    `json:"forms"` // those that can be filled in today
	Fields   []fieldEntry   `json:"fields"`
	Consents []consentEntry `json:"consents_offered"`
	Uses     []useEntry     `json:"uses"`

	forms []form.Form // from which this is made
}

// formEntry is a form by the name of what it is about.
type formEntry struct {
	Name      string `json:"name"`
	Anonymous bool   `json:"anonymous,omitempty"` // its answers lead to nobody
}

type fieldEntry struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Kind     string   `json:"kind"`
	Required bool     `json:"required"`
	Why      string   `json:"why"`
	Options  []string `json:"options,omitempty"`
	OnlyIn   []string `json:"only_in,omitempty"` // names of the forms that ask it; none: all
}

type consentEntry struct {
	Purpose  string   `json:"purpose"`
	Channel  string   `json:"channel"`
	Wording  string   `json:"wording"`
	Required bool     `json:"required,omitempty"` // the request itself is the consent
	OnlyIn   []string `json:"only_in,omitempty"`  // as of a field
}

type useEntry struct {
	Purpose   string   `json:"purpose"`
	Data      []string `json:"data"`
	Recipient string   `json:"recipient"`
	Retention string   `json:"retention"`
	Basis     string   `json:"basis"`
}

const inventoryTitle = "What we hold"

type inventoryPage struct {
	page.Base
	Inventory inventory
	Name      string // of the statement
}

func (r *Room) showInventory(w http.ResponseWriter, req *http.Request) error {
	inv, err := r.makeInventory(req.Context())
	if err != nil {
		return err
	}
	s, err := r.desk.Statement()
	if err != nil {
		return err
	}
	return r.views.inventory.Write(w, req, http.StatusOK, inventoryPage{
		Base: page.Base{
			Title:       inventoryTitle,
			Description: r.say("inventory_about"),
			Section:     "privacy", Crumbs: crumbs("Inventory"),
		},
		Inventory: inv, Name: s.Name(),
	})
}

func (r *Room) writeInventory(w http.ResponseWriter, req *http.Request) error {
	inv, err := r.makeInventory(req.Context())
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(inv, "", "  ")
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the visitor may be gone
	return nil
}

func (r *Room) makeInventory(ctx context.Context) (inv inventory, err error) {
	s, err := r.desk.Statement()
	if err != nil {
		return inv, err
	}
	uses, err := r.desk.Statements.Uses(ctx, s.ID)
	if err != nil {
		return inv, err
	}
	site := r.desk.Pages.Site()
	inv = inventory{
		Controller: site.LegalName, Contact: site.PrivacyEmail, Statement: s.ID,
		EffectiveOn: s.EffectiveOn.Format("2006-01-02"), Hosting: site.Hosting,
	}
	for _, p := range site.Processors {
		inv.Processors = append(inv.Processors, processorEntry{p.Name, p.Purpose, p.Country, p.Contract})
	}
	if inv.Demands, inv.NextCount, err = r.disclosureCounts(ctx); err != nil {
		return inv, err
	}
	for _, c := range []consent.Channel{consent.ByPhone, consent.ByPost} {
		for _, f := range pointForm(c).Fields {
			inv.Preferences = append(inv.Preferences, newFieldEntry(f))
		}
	}
	slices.SortStableFunc(uses, func(a, b consent.Use) int { return cmp.Compare(weight(a), weight(b)) })
	for _, a := range r.desk.Activities() {
		entry, err := r.entry(ctx, a)
		if err != nil {
			return inv, err
		}
		for _, u := range uses {
			if u.Activity == a.Kind {
				entry.Uses = append(entry.Uses, useEntry{u.Purpose, u.Data, u.Recipient, u.Retention, u.Basis})
			}
		}
		inv.Activities = append(inv.Activities, entry)
	}
	return inv, nil
}

// weight puts what a person came for first, and what seldom happens last.
func weight(u consent.Use) int {
	if u.Recipient == "legal demand" {
		return 100
	}
	return slices.Index(order(), u.Purpose)
}

// order lists all purposes, in the order in which they are told.
func order() []string {
	return []string{"service", "account", "internal", "newsletter", "product_news", "promotion", "survey", "notice", "conduct"}
}

// entry lists what the forms of an activity ask; where none is open today, what a sample of them does.
func (r *Room) entry(ctx context.Context, a activity.Activity) (activityEntry, error) {
	entry := activityEntry{
		Kind: a.Kind, Title: a.Title, Path: a.Path, Forms: []formEntry{}, Fields: []fieldEntry{}, Consents: []consentEntry{}, Uses: []useEntry{},
	}
	subjects, err := a.Open(ctx)
	if err != nil {
		return entry, fmt.Errorf("what is open of %s: %w", a.Kind, err)
	}
	if entry.forms, err = formsOf(ctx, a, subjects); err != nil {
		return entry, err
	}
	for _, f := range entry.forms {
		entry.Forms = append(entry.Forms, formEntry{nameOf(f), f.Anonymous})
	}
	if len(subjects) == 0 {
		entry.Note = r.say("inventory_closed")
		if entry.forms, err = formsOf(ctx, a, []uuid.UUID{uuid.Nil}); err != nil {
			return entry, err
		}
	}
	for _, q := range questions(entry.forms) {
		if isConsent(q.Field) {
			entry.Consents = append(entry.Consents, consentEntry{q.Purpose, q.Channel, q.Label, q.Required, q.onlyIn})
			continue
		}
		field := newFieldEntry(q.Field)
		field.OnlyIn = q.onlyIn
		entry.Fields = append(entry.Fields, field)
	}
	return entry, nil
}

func formsOf(ctx context.Context, a activity.Activity, subjects []uuid.UUID) ([]form.Form, error) {
	forms := make([]form.Form, len(subjects))
	for i, subject := range subjects {
		var err error
		if forms[i], err = a.Form(ctx, subject); err != nil {
			return nil, fmt.Errorf("form of %s: %w", a.Kind, err)
		}
	}
	return forms, nil
}

func newFieldEntry(f form.Field) fieldEntry {
	field := fieldEntry{Name: f.Name, Label: f.Label, Kind: string(f.Kind), Required: f.Required, Why: f.Why}
	for _, o := range f.Options {
		field.Options = append(field.Options, o.Label)
	}
	return field
}

func isConsent(f form.Field) bool { return f.Kind == form.Consent && f.Purpose != "" }
