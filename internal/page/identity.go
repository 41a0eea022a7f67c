package page

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Site says who runs the site; it is web/content/site.yaml, the one place of it (P-1).
type Site struct {
	Demo         bool              `yaml:"demo"` // some values stand in for real ones; doctor objects once mail is really sent
	Name         string            `yaml:"name"`
	LegalName    string            `yaml:"legal_name"`
	Phone        Phone             `yaml:"phone"`
	Address      []string          `yaml:"address"`
	PrivacyEmail string            `yaml:"privacy_email"`
	Sender       Sender            `yaml:"sender"`
	Inboxes      map[string]string `yaml:"inboxes"` // by kind of activity
	Hosting      string            `yaml:"hosting"` // ISO 3166-1 code
	Processors   []Processor       `yaml:"processors"`
	Authorities  []Authority       `yaml:"authorities"`
	Offices      []Office          `yaml:"offices"`
}

// Authority is one to which people may complain about us, for those in the places that For names.
type Authority struct {
	For  string `yaml:"for"`
	Name string `yaml:"name"`
	URL  string `yaml:"url"`
}

// Sender is the From of all mail.
type Sender struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
}

// Processor works on personal data for us under a contract (P-9).
type Processor struct {
	Name     string   `yaml:"name"`
	Purpose  string   `yaml:"purpose"`
	Country  string   `yaml:"country"`
	Contract string   `yaml:"contract"`
	Hosts    []string `yaml:"hosts"`
}

// Phone is a telephone number as people read it: "+1 312 555 0142".
type Phone string

// Dial is the number as a link takes it (RFC 3966), without what only parts its digits for the eye.
func (p Phone) Dial() string { return strings.ReplaceAll(string(p), " ", "-") }

// Office is a place where we can be met.
type Office struct {
	Name    string   `yaml:"name"`
	Address []string `yaml:"address"`
	Phone   Phone    `yaml:"phone"`
	Hours   string   `yaml:"hours"`
}

// LoadSite reads content/site.yaml. An unknown or missing entry, or an address that is none, is an error.
func LoadSite(web fs.FS) (*Site, error) {
	raw, err := fs.ReadFile(web, "content/site.yaml")
	if err != nil {
		return nil, fmt.Errorf("site.yaml: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var s Site
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("site.yaml: %w", err)
	}
	for name, value := range map[string]string{
		"name": s.Name, "legal_name": s.LegalName, "privacy_email": s.PrivacyEmail,
		"sender.address": s.Sender.Address, "hosting": s.Hosting, "address": strings.Join(s.Address, ""),
		"inboxes.contact": s.Inboxes["contact"],
	} {
		if value == "" {
			return nil, fmt.Errorf("site.yaml: %s is missing", name)
		}
	}
	for name, address := range s.mailboxes() {
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			return nil, fmt.Errorf("site.yaml: %s: %q is no address", name, address)
		}
	}
	return &s, nil
}

// mailboxes are all addresses of mail, by the name of their entry.
func (s *Site) mailboxes() map[string]string {
	list := map[string]string{"privacy_email": s.PrivacyEmail, "sender.address": s.Sender.Address}
	for kind, address := range s.Inboxes {
		list["inboxes."+kind] = address
	}
	return list
}

// Inbox is the address that is told what comes in of a kind: the kind's own, or that of contact.
func (s *Site) Inbox(kind string) string { return cmp.Or(s.Inboxes[kind], s.Inboxes["contact"]) }

// StandIns names the entries whose value can't be real, in order: hosts reserved for examples, telephone numbers that
// ring nowhere, and what calls itself a demo.
func (s *Site) StandIns() []string {
	entries := s.mailboxes()
	add := func(name string, values ...string) { entries[name] = strings.Join(values, "\n") }
	add("name", s.Name)
	add("legal_name", s.LegalName)
	add("phone", string(s.Phone))
	add("address", s.Address...)
	for _, p := range s.Processors {
		add("processors: "+p.Name, append(slices.Clone(p.Hosts), p.Name, p.Contract)...)
	}
	for _, o := range s.Offices {
		add("offices: "+o.Name, append(slices.Clone(o.Address), o.Name, string(o.Phone))...)
	}
	standsIn := regexp.MustCompile(`(?im)(^|[@.])example\.(com|net|org)$|\.(example|invalid|test)$|\b555\W?01\d\d\b|\bdemo\b|^\d+ example plaza\b`)
	maps.DeleteFunc(entries, func(_, value string) bool { return !standsIn.MatchString(value) })
	return slices.Sorted(maps.Keys(entries))
}

// Processor returns the processor on record for a host name.
func (s *Site) Processor(host string) (Processor, bool) {
	i := slices.IndexFunc(s.Processors, func(p Processor) bool { return slices.Contains(p.Hosts, host) })
	if i < 0 {
		return Processor{}, false
	}
	return s.Processors[i], true
}
