package privacy

import (
	"net/http"
	"strings"
	"time"

	"clickcommerce.com/site/internal/page"
)

// Promise is a commitment of the statement, and what keeps it.
type Promise struct {
	ID     string
	Words  string
	Keeps  string // what keeps it, in software or organisation
	Own    bool   // an addition of ours to what the source committed to
	Seen   []Link // where one sees it
	Checks []Result
}

// Link leads to where something can be seen.
type Link struct{ Label, Path string }

// State sums up the checks: kept, broken, or empty where none runs.
func (p Promise) State() string {
	if len(p.Checks) == 0 {
		return ""
	}
	for _, c := range p.Checks {
		if !c.OK {
			return "broken"
		}
	}
	return "kept"
}

type promisesPage struct {
	page.Base
	Main, Own []Promise
	Checked   time.Time
	Passed    int
	Ran       int
}

func (r *Room) showPromises(w http.ResponseWriter, req *http.Request) error {
	results, at := r.checker.results(req.Context())
	data := promisesPage{
		Base: page.Base{
			Title:       "Our promises, tested",
			Description: "Each commitment of our privacy statement, the rule in software that keeps it, and the result of the last check.",
			Section:     "privacy", Crumbs: crumbs("Promises"),
		},
		Checked: at, Ran: len(results),
	}
	for _, p := range promises() {
		for _, result := range results {
			if result.Promise == p.ID {
				p.Checks = append(p.Checks, result)
			}
		}
		if p.Own {
			data.Own = append(data.Own, p)
		} else {
			data.Main = append(data.Main, p)
		}
	}
	for _, result := range results {
		if result.OK {
			data.Passed++
		}
	}
	return r.views.promises.Write(w, req, http.StatusOK, data)
}

func promise(id string) (Promise, bool) {
	for _, p := range promises() {
		if p.ID == id {
			return p, true
		}
	}
	return Promise{}, false
}

// promises are all commitments, in the order of their ids.
func promises() []Promise {
	list := append(collecting(), using()...)
	list = append(list, telling()...)
	own := additions()
	for i := range own {
		own[i].Own = strings.HasPrefix(own[i].ID, "A-")
	}
	return append(list, own...)
}

func clause(id string) Link { return Link{"The clause", "/privacy#" + id} }

// collecting: what comes in, P-1 to P-5.
func collecting() []Promise {
	return []Promise{
		{
			ID:    "P-1",
			Words: "Click Commerce, Inc. owns and runs this site, and answers questions about privacy by mail.",
			Keeps: "Name and address come from one file, from which pages, mails and this statement take them. Each privacy page has the mail address with its subject line, and a form that lands with the privacy officer.",
			Seen:  []Link{clause("who"), {"Ask a question", "/privacy/requests?want=question"}},
		},
		{
			ID:    "P-2",
			Words: "Personal data is collected by the activities that we name, and by no other.",
			Keeps: "Personal data enters the database by one function, which takes the forms of registered activities only. The list of activities in the statement and the one in the software are compared.",
			Seen:  []Link{clause("activities"), {"All activities", "/privacy/inventory"}},
		},
		{
			ID:    "P-3",
			Words: "Each activity asks for its own things, and says which are required and which are left to you.",
			Keeps: "A field is declared as required or optional, and is drawn and checked from that declaration.",
			Seen:  []Link{clause("what-we-ask"), {"Every field", "/privacy/inventory"}},
		},
		{
			ID:    "P-4",
			Words: "Only what the stated purpose needs is asked for.",
			Keeps: "A field without a reason does not pass our tests, and its reason stands beside it in the form. The inventory is made from the same declarations that read the forms, so the two cannot differ.",
			Seen:  []Link{clause("what-we-ask"), {"The reasons", "/privacy/inventory"}},
		},
		{
			ID:    "P-5",
			Words: "Résumés and alliance applications serve to judge the candidate, and are read by those who decide.",
			Keeps: "Roles open only their own kinds of record. Each reading is logged in a table that nobody can rewrite, and your receipt shows its role and day. No program ranks anybody.",
			Seen:  []Link{clause("deciding")},
		},
	}
}

// using: what it may be used for, and by whom, P-6 to P-12.
func using() []Promise {
	return []Promise{
		{
			ID:    "P-6",
			Words: "Surveys, product news, promotion and the newsletter reach you only if you agreed to that purpose on that channel.",
			Keeps: "A trigger in the database refuses a message that lacks your consent, and is asked again when the message leaves. Choices are kept in a ledger that only grows and in which each entry seals the one before.",
			Seen:  []Link{clause("consent"), {"The newsletter’s form", "/newsletter"}},
		},
		{
			ID:    "P-7",
			Words: "Whoever does not want such messages can stop them, by link, mail, post or phone.",
			Keeps: "Every such mail carries a link that works at once, without sign-in, for ever. What was refused stays refused in a list that survives erasure and holds no address.",
			Seen:  []Link{clause("opt-out"), {"Stop messages", "/privacy/requests?want=stop"}},
		},
		{
			ID:    "P-8",
			Words: "If the site is misused with your address, we may write to you about it.",
			Keeps: "Such a message has a purpose and a template of its own. What misuse is stands in the terms.",
			Seen:  []Link{clause("misuse"), {"Terms of use", "/terms"}},
		},
		{
			ID:    "P-9",
			Words: "Personal data is not sold, rented, shared or given away.",
			Keeps: "Pages load nothing from another host; your browser is told to refuse it. The database knows three classes of recipient and no fourth. The hosts in the configuration are compared with the contracts on record.",
			Seen:  []Link{clause("recipients"), {"Recipients of each use", "/privacy/inventory"}},
		},
		{
			ID:    "P-10",
			Words: "Data is disclosed where the law requires it, or where we believe in good faith that it does.",
			Keeps: "The privacy officer decides, gives no more than was demanded, and keeps a register of it.",
			Seen:  []Link{clause("legal-demands")},
		},
		{
			ID:    "P-11",
			Words: "Figures without names serve to learn how visitors found us and what interests them.",
			Keeps: "Nothing is counted yet: no visit is recorded at all.",
			Seen:  []Link{clause("statistics")},
		},
		{
			ID:    "P-12",
			Words: "Such figures may be shared with others.",
			Keeps: "Nothing is counted yet, so there is nothing to share.",
			Seen:  []Link{clause("statistics")},
		},
	}
}

// telling: cookies and the statement itself, P-13 to P-18.
func telling() []Promise {
	return []Promise{
		{
			ID:    "P-13",
			Words: "Cookies gather general facts for statistics, nothing personal.",
			Keeps: "Counting needs no cookie. One is set after “accept all”: it holds a week and the name of a campaign. A browser that sends Global Privacy Control or Do Not Track does not get it.",
			Seen:  []Link{clause("cookies"), {"Each cookie", "/cookies"}},
		},
		{
			ID:    "P-14",
			Words: "A cookie can keep your computer signed in, if you wish.",
			Keeps: "The box is empty at first and says what it sets. The cookie’s value changes with each use; an old one that turns up ends it. You see the remembered computers and can remove each.",
			Seen:  []Link{clause("signed-in"), {"Clickconnect", "/connect"}},
		},
		{
			ID:    "P-15",
			Words: "You can accept all cookies, be told before one is set, or reject all.",
			Keeps: "Nothing is set before you choose. The three choices are three equal buttons, each of which names what it sets. Everything but signing in works without cookies.",
			Seen:  []Link{clause("cookies"), {"The three choices", "/cookies"}},
		},
		{
			ID:    "P-16",
			Words: "The statement covers clickcommerce.com only, and you can see when you leave.",
			Keeps: "Links to other sites are marked as they are drawn, for the eye and for screen readers.",
			Seen:  []Link{clause("scope"), {"Outbound links in a clause", "/privacy#complaints"}},
		},
		{
			ID:    "P-17",
			Words: "Changes are posted on the home page, so that you always know what holds.",
			Keeps: "A published version lies in a table from which nothing can be changed or deleted, and is compared with its file. The home page announces it until 90 days after it takes effect.",
			Seen:  []Link{clause("changes"), {"All versions", "/privacy/versions"}},
		},
		{
			ID:    "P-18",
			Words: "If data is to be used otherwise than was said when you gave it, you are told by mail first.",
			Keeps: "Each record carries the version that was shown. The database refuses a message whose use that version did not name, unless its person was told.",
			Seen:  []Link{clause("new-uses")},
		},
	}
}

// additions are our own commitments, A-1 to A-9.
func additions() []Promise {
	return []Promise{
		{
			ID: "A-1", Words: "Each use has a legal basis, which we name.",
			Keeps: "A use without a basis cannot be published.",
			Seen:  []Link{clause("basis"), {"The basis of each use", "/privacy/inventory"}},
		},
		{
			ID: "A-2", Words: "You can see, correct, take with you, restrict and erase what we hold, and object to its use.",
			Keeps: "A form, your receipt, mail, post and phone reach the privacy officer. The receipt names the day by which you are answered: one month.",
			Seen:  []Link{clause("rights"), {"The form", "/privacy/requests"}},
		},
		{
			ID: "A-3", Words: "You know to whom you can complain.",
			Keeps: "The statement names the authorities.", Seen: []Link{clause("complaints")},
		},
		{
			ID: "A-4", Words: "Each kind of record has a time limit.",
			Keeps: "A use without a limit cannot be published, and a record cannot be stored without its date, which the receipt shows.",
			Seen:  []Link{clause("retention"), {"The limits", "/privacy/inventory"}},
		},
		{
			ID: "A-5", Words: "Data is kept safe.",
			Keeps: "Files are encrypted, each with a key of its own. Contents open by a code sent to the mailbox they belong to. Staff sign in with two factors. The program that serves this site may not alter what was logged.",
			Seen:  []Link{clause("security")},
		},
		{
			ID: "A-6", Words: "You know where data lies and who processes it.",
			Keeps: "Each processor has a country and a contract on record, and is named in the statement.",
			Seen:  []Link{clause("processors"), {"Processors", "/privacy/inventory#processors"}},
		},
		{
			ID: "A-7", Words: "The site is not directed to children under 16.",
			Keeps: "No form asks for an age. What a child sent is erased without proof.", Seen: []Link{clause("children")},
		},
		{
			ID: "A-8", Words: "No decision about you is made by a program.",
			Keeps: "The status of a request moves by a button that a person presses, and the timeline says which role.",
			Seen:  []Link{clause("no-automated-decisions")},
		},
		{
			ID: "A-9", Words: "Newsletter, contact and privacy requests are named as activities of their own.",
			Keeps: "They stand in the inventory with their fields like all others.",
			Seen:  []Link{clause("activities"), {"All activities", "/privacy/inventory"}},
		},
	}
}
