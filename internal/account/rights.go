package account

import "slices"

// Role is what a member of staff is there for; one may have several.
type Role string

// The roles.
const (
	Reviewer  Role = "reviewer"  // answers what comes in by the forms, résumés aside
	Recruiter Role = "recruiter" // decides on résumés, publishes openings
	Alliance  Role = "alliance"  // decides on alliance applications
	Marketer  Role = "marketer"  // publishes news, webinars, demos, downloads, surveys; reads what they bring in
	Privacy   Role = "privacy"   // reads everything for rights requests, answers those
	Admin     Role = "admin"     // people, roles, settings: no submission's contents
)

// Roles lists all roles in the order in which they are offered.
func Roles() []Role { return []Role{Reviewer, Recruiter, Alliance, Marketer, Privacy, Admin} }

// Valid tells whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Label is the role in the words of the workspace.
func (r Role) Label() string {
	switch r {
	case Reviewer:
		return "Reviewer"
	case Recruiter:
		return "Recruiter"
	case Alliance:
		return "Alliance manager"
	case Marketer:
		return "Marketer"
	case Privacy:
		return "Privacy officer"
	case Admin:
		return "Administrator"
	}
	return string(r)
}

// Right is what may be done with a kind.
type Right int

// The rights.
const (
	See     Right = iota + 1 // read submissions of the kind; every read is logged
	Act                      // assign, decide, answer, note
	Publish                  // edit what the public pages of the kind offer
)

// other stands for every kind without a line of its own, so that a new activity is seen from its first day.
const other = "other"

// rights is the written table: who may do what with which kind. What isn't here isn't allowed. Résumés are readable
// by those who decide on them and by the privacy officer alone (P-5).
func rights(right Right, kind string) []Role {
	table := map[string]map[Right][]Role{
		"alliance":   {See: {Reviewer, Alliance, Privacy}, Act: {Reviewer, Alliance}},
		"career":     {See: {Recruiter, Privacy}, Act: {Recruiter}, Publish: {Recruiter}},
		"demo":       {See: {Reviewer, Marketer, Privacy}, Act: {Reviewer, Marketer}, Publish: {Marketer}},
		"webinar":    {See: {Reviewer, Marketer, Privacy}, Act: {Reviewer, Marketer}, Publish: {Marketer}},
		"download":   {See: {Reviewer, Marketer, Privacy}, Act: {Reviewer, Marketer}, Publish: {Marketer}},
		"survey":     {See: {Reviewer, Marketer, Privacy}, Act: {Reviewer, Marketer}, Publish: {Marketer}},
		"newsletter": {See: {Reviewer, Marketer, Privacy}, Act: {Reviewer, Marketer}},
		"access":     {See: {Reviewer, Privacy}, Act: {Reviewer}},
		"contact":    {See: {Reviewer, Privacy}, Act: {Reviewer}},
		"privacy":    {See: {Privacy}, Act: {Privacy}, Publish: {Privacy}},
		"news":       {Publish: {Marketer}},
		"announce":   {Publish: {Marketer}},
		"visits":     {See: {Marketer, Admin}},
		other:        {See: {Reviewer, Privacy}, Act: {Reviewer}, Publish: {Marketer}},
	}
	line, ok := table[kind]
	if !ok {
		line = table[other]
	}
	return line[right]
}

// Can tells whether one of roles gives the right over a kind of submission or content.
func Can(roles []Role, right Right, kind string) bool {
	return slices.ContainsFunc(rights(right, kind), func(r Role) bool { return slices.Contains(roles, r) })
}

// Allowed returns those of kinds over which one of roles gives the right, in their order; never nil, so that a query
// given the list finds nothing where nothing is allowed.
func Allowed(roles []Role, right Right, kinds []string) []string {
	allowed := []string{}
	for _, kind := range kinds {
		if Can(roles, right, kind) {
			allowed = append(allowed, kind)
		}
	}
	return allowed
}
