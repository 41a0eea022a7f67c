package survey_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/survey"
	"clickcommerce.com/site/web"
)

func (h *house) staffPath(path string) string { return "/staff/surveys/" + h.id(path).String() }

func (h *house) tidy() {
	h.t.Helper()
	if err := h.room.Tidy(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	for _, d := range h.room.Activity().Deletes {
		if _, err := d.Run(h.t.Context(), h.Pool, h.Now()); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) accept(path string, n int, change func(i int, v url.Values)) {
	h.t.Helper()
	for i := range n {
		w, _ := h.walk(path, func(v url.Values) { change(i, v) })
		if w.Code != http.StatusSeeOther {
			h.t.Fatalf("answer %d: %d %s", i, w.Code, gist(w))
		}
	}
}

func TestDemoAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 2 { // run twice: nobody answers twice
		if err := h.room.DemoAnswers(t.Context(), web.FS); err != nil {
			t.Fatal(err)
		}
	}
	if n := scan[int](h, `SELECT count(*) FROM submission WHERE kind = 'survey'`); n != 360 {
		t.Errorf("%d answers, want 120 to each of 2 anonymous surveys and 60 to each of 2 others", n)
	}
	if n := scan[int](h, `SELECT count(*) - count(DISTINCT created_at) FROM submission WHERE person_id IS NOT NULL`); n > 0 {
		t.Errorf("%d answers came in the same moment as another", n)
	}
	if n := scan[int](h, `SELECT count(*) FROM submission WHERE created_at > $1`, h.Now()); n > 0 {
		t.Errorf("%d answers come from the future", n)
	}
	if mails := h.Mails(t); len(mails) > 0 {
		t.Errorf("%d mails", len(mails))
	}
	h.Pages.Invalidate()
	if mean := scan[float64](h, `
		SELECT avg((a.values -> 'q_length' ->> 0)::int)::float8 FROM answers a WHERE a.values ? 'q_length'`); mean < 2.5 || mean > 3.5 {
		t.Errorf("from too short (1) to too long (5): %v, want the middle", mean)
	}
	w := h.Get(over + "/results")
	want(t, w, 200, "people answered", ">120</dd>", "net promoter score", "Free text isn’t published")
	lacks(t, w, "Customs papers")
	want(t, h.Get(over), 200, "See the results")
	want(t, h.Get("/surveys"), 200, over+"/results")
	docs, err := h.room.Documents(t.Context())
	if err != nil || len(docs) != 4 {
		t.Errorf("%d documents, %v", len(docs), err)
	}
	want(t, h.as("Max", "GET", h.staffPath(over)+"/results", nil), 200, "Question 5", "What auditors ask", "Answers up to")
	lacks(t, h.as("Max", "GET", h.staffPath(over)+"/results", nil), `type="date"`)
}

func TestResultsShowWhatWasAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	results := h.staffPath(named) + "/results"
	families := scan[[]string](h, `
		SELECT array_agg(o ->> 'value' ORDER BY n) FROM question q, jsonb_array_elements(q.options) WITH ORDINALITY x (o, n)
		WHERE q.name = 'family' AND q.survey_id = $1`, h.id(named))
	answer := func(from, n, family int) {
		h.accept(named, n, func(i int, v url.Values) {
			v.Set("email", string(rune('a'+from+i))+"@example.com")
			v.Set("q_family", families[family])
			v.Set("q_missing", "Missing: "+string(rune('a'+from+i)))
		})
	}
	answer(0, 9, 0)
	want(t, h.as("Rita", "GET", results, nil), 200, "Fewer than ten answers")
	lacks(t, h.as("Rita", "GET", results, nil), "Missing: ")
	h.Advance(72 * time.Hour)
	answer(9, 12, 1)
	w := h.as("Rita", "GET", results, nil)
	want(t, w, 200, "21 answers", "Not shown", "Missing: a", "21 texts")
	lacks(t, w, ">9 <", ">12 <") // nine of one kind would be told by twelve of the other
	day := h.Now().Format(time.DateOnly)
	want(t, h.as("Rita", "GET", results+"?from="+day, nil), 200, "12 answers", `value="`+day+`"`)
	want(t, h.as("Rita", "GET", results+"?to="+day, nil), 200, "21 answers")
	want(t, h.as("Rita", "GET", results+"?from=monday", nil), 422, "year, month, day")
	if n := scan[int](h, `SELECT count(*) FROM audit_event WHERE action = 'read results'`); n < 4 {
		t.Errorf("%d looks at results are logged", n)
	}
}

// TestLooksCantBeCompared watches an anonymous survey's results while answers come one by one.
func TestLooksCantBeCompared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	results := h.staffPath(anonymous) + "/results"
	total := func() string {
		w := h.as("Rita", "GET", results, nil)
		want(t, w, 200)
		if strings.Contains(w.Body.String(), "Fewer than ten answers") {
			return "none"
		}
		_, rest, _ := strings.Cut(gist(w), "· ")
		words, _, _ := strings.Cut(rest, " answers counted")
		return words
	}
	none := func(int, url.Values) {}
	var seen []string
	for _, n := range []int{9, 1, 0, 3, 7, 0, 12, 0} { // answers a day
		h.accept(anonymous, n, none)
		seen = append(seen, total())
		h.Advance(24 * time.Hour)
	}
	if diff := cmp.Diff(seen, []string{"none", "none", "10", "10", "10", "20", "20", "32"}); diff != "" {
		t.Errorf("answers counted, day by day (-got +want):\n%s", diff)
	}
}

func TestPublishResults(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := h.staffPath(anonymous)
	act := func(name string, status int) {
		t.Helper()
		v := activitytest.Hidden(h.as("Max", "GET", path, nil).Body.String())
		want(t, h.as("Max", "POST", path+"/"+name, url.Values{"version": {v.Get("version")}}), status)
	}
	lacks(t, h.as("Max", "GET", path, nil), "Publish the results")
	act("publish-results", 409)
	h.accept(anonymous, 12, func(int, url.Values) {})
	state := func(want string) {
		t.Helper()
		doc, err := goquery.NewDocumentFromReader(h.as("Max", "GET", path, nil).Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Find(".record-head .tag").Text(); got != want {
			t.Errorf("the survey is called %q, want %q", got, want)
		}
	}
	state("Published")
	act("close", 303)
	state("Closed")
	lacks(t, h.as("Max", "GET", path, nil), "Publish the results") // today's answers don't count yet
	h.Advance(24 * time.Hour)
	want(t, h.as("Max", "GET", path, nil), 200, "Results of 12 answers")
	act("publish-results", 303)
	h.Pages.Invalidate()
	want(t, h.Get(anonymous+"/results"), 200, ">12</dd>")
	h.exec(`DELETE FROM submission`)
	want(t, h.Get(anonymous+"/results"), 200, ">12</dd>")
	act("reopen", 303)
	h.Pages.Invalidate()
	want(t, h.Get(anonymous+"/results"), 404)
	want(t, h.Get(anonymous), 200, "Step 1 of 2")
}

func TestRights(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.staffPath(named)
	for path, want := range map[string]map[string]int{
		"/staff/surveys":           {"Max": 200, "Rita": 403, "Al": 403, "": 403},
		"/staff/surveys/results":   {"Max": 200, "Rita": 200, "Al": 403, "": 403},
		id:                         {"Max": 200, "Rita": 403, "Al": 403, "": 403},
		id + "/results":            {"Max": 200, "Rita": 200, "Al": 403, "": 403},
		id + "/questions":          {"Max": 200, "Rita": 403, "Al": 403, "": 403},
		id + "/questions/new":      {"Max": 200, "Rita": 403, "Al": 403, "": 403},
		id + "/questions/family":   {"Max": 200, "Rita": 403, "Al": 403, "": 403},
		id + "/preview":            {"Max": 200, "Rita": 403, "Al": 403, "": 403},
		id + "/questions/nobody":   {"Max": 404, "Rita": 403},
		"/staff/surveys/x/results": {"Max": 404},
		"/staff/surveys/" + uuid.NewString() + "/results": {"Max": 404},
	} {
		for who, status := range want {
			if got := h.as(who, "GET", path, nil).Code; got != status {
				t.Errorf("%s %s: %d, want %d", who, path, got, status)
			}
		}
	}
}

func TestEditSurvey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := activitytest.Hidden(h.as("Max", "GET", "/staff/surveys/new", nil).Body.String())
	for name, value := range map[string]string{"title": "Coffee", "summary": "About coffee.", "anonymous": "yes", "closes_on": "2026-12-24"} {
		v.Set(name, value)
	}
	v.Set("offer_consent", "yes")
	want(t, h.as("Max", "POST", "/staff/surveys/new", v), 422, "untick one of the two")
	v.Del("offer_consent")
	v.Set("closes_on", h.Now().AddDate(0, 0, -2).Format(time.DateOnly))
	want(t, h.as("Max", "POST", "/staff/surveys/new", v), 422, "This day is over")
	v.Set("closes_on", "2026-12-24")
	want(t, h.as("Max", "POST", "/staff/surveys/new", v), 303)
	path := h.staffPath("/surveys/coffee")
	want(t, h.as("Max", "GET", path, nil), 200, `value="2026-12-24"`, "0 questions")
	want(t, h.as("Max", "POST", path+"/publish", url.Values{"version": {"1"}}), 422, "at least one question that must be answered")
	want(t, h.as("Max", "GET", path+"/preview", nil), 200, "no questions yet")
	add := h.question(path, url.Values{"page": {"Taste"}, "label": {"Which coffee?"}, "kind": {"single"}, "why": {"We buy it."}, "required": {"yes"}})
	want(t, h.as("Max", "POST", path+"/questions/new", add), 422, "two answers or more")
	add.Set("options", "Black\nWith milk\n\nBlack\n")
	want(t, h.as("Max", "POST", path+"/questions/new", add), 303)
	want(t, h.as("Max", "POST", path+"/questions/new", add), 303) // pressed twice
	if n := scan[int](h, `SELECT count(*) FROM question WHERE survey_id = $1`, h.id("/surveys/coffee")); n != 1 {
		t.Errorf("%d questions", n)
	}
	want(t, h.as("Max", "GET", path+"/preview", nil), 200, "Only staff see this page", "With milk", "Anonymous survey")
	want(t, h.as("Max", "POST", path+"/publish", url.Values{"version": {"2"}}), 303)
	h.Pages.Invalidate()
	want(t, h.Get("/surveys/coffee"), 200, "Which coffee?", "24 December 2026")
	changes, err := publish.Changes(t.Context(), h.Pool, survey.Kind, h.id("/surveys/coffee"))
	if err != nil || len(changes) != 3 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	if diff := cmp.Diff(changes[1].New, form.Values{
		"question_which_coffee": {"1. Taste · Which coffee? · single · required · Black · With milk · why: We buy it."},
	}); diff != "" {
		t.Errorf("history (-got +want):\n%s", diff)
	}
	h.accept("/surveys/coffee", 1, func(int, url.Values) {})
	edit := url.Values{"version": {"3"}, "title": {"Coffee"}, "slug": {"coffee"}, "summary": {"About coffee."}}
	want(t, h.as("Max", "POST", path, edit), 422, "Make a new survey instead")
}

// TestBackToTheNewQuestion sends the form of a new question once more, by the browser's way back.
func TestBackToTheNewQuestion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := h.staffPath("/surveys/after-your-demonstration") + "/questions"
	add := h.question(strings.TrimSuffix(path, "/questions"), url.Values{"page": {"End"}, "label": {"First"}, "kind": {"text"}, "why": {"We read it."}})
	label := func() string {
		return scan[string](h, `SELECT label FROM question WHERE id = $1`, add.Get("id"))
	}
	for _, c := range []struct {
		label string
		code  int
		want  string
	}{{"First", 303, "First"}, {"First", 303, "First"}, {"Second", 303, "Second"}, {"Second", 303, "Second"}, {"Third", 409, "Second"}} {
		add.Set("label", c.label)
		if w := h.as("Max", "POST", path+"/new", add); w.Code != c.code || label() != c.want {
			t.Errorf("%s: %d, stored: %s", c.label, w.Code, label())
		}
	}
	want(t, h.as("Max", "POST", path+"/new", add), 409, "What you typed is still here", `value="Third"`, `action="`+path+`/first"`)
}

// firstQuestion adds a question "First", and returns the address of all and the form that gives it another label.
func (h *house) firstQuestion(t *testing.T, label string) (path string, edit url.Values) {
	t.Helper()
	path = h.staffPath("/surveys/after-your-demonstration") + "/questions"
	asked := url.Values{"page": {"End"}, "label": {"First"}, "kind": {"text"}, "why": {"We read it."}}
	want(t, h.as("Max", "POST", path+"/new", h.question(strings.TrimSuffix(path, "/questions"), asked)), 303)
	edit = activitytest.Hidden(h.as("Max", "GET", path+"/first", nil).Body.String())
	maps.Copy(edit, asked)
	edit.Set("label", label)
	return path, edit
}

// TestRemovedQuestionKeepsWhatIsTyped saves a question that a colleague removed meanwhile as a new one.
func TestRemovedQuestionKeepsWhatIsTyped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path, mine := h.firstQuestion(t, "Mine")
	want(t, h.as("Max", "POST", path+"/first/remove", mine), 303)
	w := h.as("Max", "POST", path+"/first", mine)
	want(t, w, 409, "removed this question in the meantime", `value="Mine"`, `action="`+path+`/new"`)
	maps.Copy(mine, activitytest.Hidden(w.Body.String()))
	want(t, h.as("Max", "POST", path+"/new", mine), 303)
	if n := scan[int](h, `SELECT count(*) FROM question WHERE label = 'Mine'`); n != 1 {
		t.Errorf("%d questions", n)
	}
}

// TestQuestionShownAgainKeepsItsVersion mends a question that was refused, after another was saved.
func TestQuestionShownAgainKeepsItsVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path, mine := h.firstQuestion(t, "Theirs")
	want(t, h.as("Max", "POST", path+"/first", mine), 303)
	mine.Set("label", "")
	w := h.as("Max", "POST", path+"/first", mine)
	want(t, w, 422)
	maps.Copy(mine, activitytest.Hidden(w.Body.String()))
	mine.Set("label", "Mine")
	want(t, h.as("Max", "POST", path+"/first", mine), 409, `value="Mine"`)
}

// question returns what the page of a new question sends, with what was typed.
func (h *house) question(path string, typed url.Values) url.Values {
	h.t.Helper()
	w := h.as("Max", "GET", path+"/questions/new", nil)
	want(h.t, w, 200)
	v := activitytest.Hidden(w.Body.String())
	for name, list := range typed {
		v[name] = list
	}
	return v
}

// order lists the questions of a survey as its form asks them.
func (h *house) order(path string) []string {
	h.t.Helper()
	a, _ := h.Desk.Activities().Find(survey.Kind)
	f, err := a.Form(h.t.Context(), h.id(path))
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for _, step := range f.Steps() {
		for _, field := range f.Fields {
			if field.Step == step && strings.HasPrefix(field.Name, "q_") {
				list = append(list, step+": "+strings.TrimPrefix(field.Name, "q_"))
			}
		}
	}
	return list
}

func TestMoveQuestions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const pulse = "/surveys/partner-program-pulse"
	path := h.staffPath(pulse) + "/questions"
	move := func(name, where string, version string, status int) {
		t.Helper()
		want(t, h.as("Max", "POST", path+"/"+name+"/"+where, url.Values{"version": {version}}), status)
	}
	move("speed", "up", "1", 303)
	move("speed", "down", "2", 303)
	move("speed", "down", "3", 303) // over the edge of its page
	move("kind", "up", "4", 303)    // already the first
	move("words", "remove", "4", 303)
	move("recommend", "up", "1", 409)
	want(t, h.as("Max", "POST", path+"/kind/sideways", url.Values{"version": {"5"}}), 404)
	if diff := cmp.Diff(h.order(pulse), []string{
		"Working together: kind", "Working together: help",
		"The next half year: speed", "The next half year: recommend", "The next half year: priority",
	}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	for version, name := range []string{"speed", "recommend"} {
		move(name, "remove", string(rune('5'+version)), 303)
	}
	w := h.as("Max", "POST", path+"/kind/remove", url.Values{"version": {"7"}})
	want(t, w, 422, "it stays as it is")
}

// TestOldAnswersStayReadable rewords, retires and replaces questions that were answered.
func TestOldAnswersStayReadable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.accept(anonymous, 10, func(int, url.Values) {})
	h.Advance(24 * time.Hour)
	path := h.staffPath(anonymous)
	edit := func(name string, change func(url.Values), status int, words ...string) {
		t.Helper()
		w := h.as("Max", "GET", path+"/questions/"+name, nil)
		want(t, w, 200, "10 people have answered this question")
		v := activitytest.Hidden(w.Body.String())
		v.Set("page", "Your opinion")
		v.Set("why", "We want to know.")
		change(v)
		want(t, h.as("Max", "POST", path+"/questions/"+name, v), status, words...)
	}
	edit("trust", func(v url.Values) {
		v.Set("label", "Do you understand it?")
		v.Set("kind", "nps")
	}, 422, "People have answered while this was")
	edit("trust", func(v url.Values) {
		v.Set("label", "Do you understand our privacy pages?")
		v.Set("kind", "scale")
		v.Set("low", "1")
		v.Set("high", "7")
	}, 303)
	version := scan[string](h, `SELECT version::text FROM survey WHERE id = $1`, h.id(anonymous))
	want(t, h.as("Max", "POST", path+"/questions/found/remove", url.Values{"version": {version}}), 303)
	add := h.question(path, url.Values{"page": {"More"}, "label": {"Found?"}, "kind": {"text"}, "why": {"We ask again."}})
	want(t, h.as("Max", "POST", path+"/questions/new", add), 303)
	if n := scan[int](h, `SELECT count(*) FROM question WHERE survey_id = $1 AND name = 'found_2'`, h.id(anonymous)); n != 1 {
		t.Error("a new question took the name of one that was answered")
	}
	want(t, h.as("Rita", "GET", path+"/results", nil), 200,
		"Do you understand our privacy pages?", "Also asked as: “How well do you understand", "Did you find it?", "no longer asked")
}

// TestCountsStay lets the year of named answers pass: what is deleted has become counts.
func TestCountsStay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.accept(named, 12, func(i int, v url.Values) {
		v.Set("email", string(rune('a'+i))+"@example.com")
		v.Set("q_missing", "Words of a person")
	})
	results := h.staffPath(named) + "/results"
	before := gist(h.as("Rita", "GET", results, nil))
	h.Advance(360 * 24 * time.Hour)
	h.tidy()
	h.tidy()
	if after := gist(h.as("Rita", "GET", results, nil)); strings.Contains(after, "Words of a person") || !strings.Contains(after, "12 answers counted") {
		t.Errorf("a week before the deletion: %s", after)
	}
	h.exec(`DELETE FROM submission`)
	after := gist(h.as("Rita", "GET", results, nil))
	_, was, _ := strings.Cut(before, "Question 2")
	_, is, _ := strings.Cut(after, "Question 2")
	was, _, _ = strings.Cut(was, "Question 8")
	is, _, _ = strings.Cut(is, "Question 8")
	if diff := cmp.Diff(is, was); diff != "" {
		t.Errorf("once deleted (-got +want):\n%s", diff)
	}
	if n := scan[int](h, `SELECT count(*) FROM survey_count WHERE value LIKE '%Words%'`); n > 0 {
		t.Error("a text was kept")
	}
}

// TestRestrictedIsNotUsed holds that an answer that is only kept is neither in figures nor among texts, and never becomes a count.
func TestRestrictedIsNotUsed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.accept(named, 11, func(i int, v url.Values) {
		v.Set("email", string(rune('a'+i))+"@example.com")
		v.Set("q_missing", "Missing: "+string(rune('a'+i)))
	})
	h.exec(`
		INSERT INTO restriction (id, person_id, submission_id, ground, placed_at)
		SELECT gen_random_uuid(), p.id, s.id, 'wish', $1 FROM person p JOIN submission s ON s.person_id = p.id WHERE p.email = 'c@example.com'`, h.Now())
	results := h.staffPath(named) + "/results"
	w := h.as("Rita", "GET", results, nil)
	want(t, w, 200, "10 answers", "10 texts", "Missing: b")
	lacks(t, w, "Missing: c")
	h.Advance(360 * 24 * time.Hour)
	h.tidy()
	want(t, h.as("Rita", "GET", results, nil), 200, "10 answers counted")
	if n := scan[int](h, `SELECT n FROM survey_count WHERE name = '' AND value = ''`); n != 10 {
		t.Errorf("%d answers became counts", n)
	}
}

// TestOrderIsForgotten proves that a day later the database's own bookkeeping ties no answer to its nonce or its hour.
func TestOrderIsForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.accept(anonymous, 6, func(int, url.Values) {})
	transactions := func(table string) []string {
		rows, err := h.Pool.Query(t.Context(), `SELECT DISTINCT xmin::text FROM `+pgx.Identifier{table}.Sanitize()+` ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	h.tidy()
	if n := len(transactions("submission")); n != 6 {
		t.Errorf("today's answers were stored by %d transactions", n)
	}
	h.Advance(24 * time.Hour)
	h.tidy()
	mixed, nonces := transactions("submission"), transactions("spent_nonce")
	if diff := cmp.Diff(mixed, transactions("answers")); len(mixed) != 1 || diff != "" {
		t.Errorf("yesterday's answers show %d transactions: %s", len(mixed), diff)
	}
	for _, x := range nonces {
		if x == mixed[0] {
			t.Error("a nonce shares the transaction of the answers")
		}
	}
	h.Advance(72 * time.Hour)
	h.tidy()
	if n := scan[int](h, `SELECT count(*) FROM spent_nonce`); n > 0 {
		t.Errorf("%d nonces outlived their use", n)
	}
}
