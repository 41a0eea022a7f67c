package survey

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

const (
	maxQuestions = 60
	usualMost    = 1000 // characters of a text, where nothing is said
)

// kinds are the kinds of questions in the words of the editor.
func kinds() []form.Option {
	return []form.Option{
		{Value: single, Label: "One of several answers"},
		{Value: several, Label: "Any of several answers"},
		{Value: scale, Label: "A scale", Hint: "From a low to a high number, with words at both ends."},
		{Value: nps, Label: "Would you recommend it?", Hint: "From 0 to 10; the results give the net promoter score."},
		{Value: text, Label: "A text", Hint: "Read by staff only, and only once ten people have written one."},
	}
}

func kindLabel(kind string) string {
	for _, o := range kinds() {
		if o.Value == kind {
			return o.Label
		}
	}
	return kind
}

// questionFields are the fields of the editor.
func questionFields() []form.Field {
	return []form.Field{
		{
			Name: "page", Label: "Page", Kind: form.Text, Required: true, Max: 60,
			Hint: "Its heading. Questions with the same page are shown together.",
		},
		{Name: "label", Label: "Question", Kind: form.Text, Required: true, Max: 200},
		{Name: "hint", Label: "Hint", Kind: form.Text, Max: 200, Hint: "One sentence below the question, where it needs one."},
		{Name: "kind", Label: "Kind of answer", Kind: form.Choice, Required: true, Options: kinds()},
		{
			Name: "options", Label: "Answers", Kind: form.LongText, Max: 1000,
			Hint: "For one or any of several: one answer a line, two lines or more.",
		},
		{Name: "low", Label: "Scale from", Kind: form.Text, Max: 3, Example: "1"},
		{Name: "low_label", Label: "What the low end means", Kind: form.Text, Max: 40},
		{Name: "high", Label: "Scale to", Kind: form.Text, Max: 3, Example: "5"},
		{Name: "high_label", Label: "What the high end means", Kind: form.Text, Max: 40},
		{Name: "most", Label: "Characters at most", Kind: form.Text, Max: 5, Hint: "For a text. Left empty, it is 1,000."},
		{Name: "required", Label: "Must be answered", Kind: form.Consent},
		{
			Name: "why", Label: "Why we ask", Kind: form.Text, Required: true, Max: 200,
			Hint: "Shown beside the question: everything that is asked says why.",
		},
	}
}

func questionForm() form.Form {
	return form.Form{Kind: Kind, Button: "Save question", Fields: questionFields(), Check: checkQuestion}
}

func checkQuestion(v form.Values, errs form.Errors) {
	switch v.Get("kind") {
	case single, several:
		lines := optionLines(v.Get("options"))
		if len(lines) < 2 {
			errs.Add("options", "Enter two answers or more, one a line.")
		}
		if len(lines) > 30 {
			errs.Add("options", "Offer 30 answers or fewer: nobody reads more.")
		}
	case scale:
		low, high, ok := ends(v)
		if !ok || high-low < 1 || high-low > 9 || low < 0 {
			errs.Add("high", "Enter whole numbers with one to nine steps between them, for example 1 and 5.")
		}
	case text:
		if n, err := strconv.Atoi(v.Get("most")); v.Get("most") != "" && (err != nil || n < 1 || n > 4000) {
			errs.Add("most", "Enter a number from 1 to 4000, or leave it empty.")
		}
	}
}

func ends(v form.Values) (low, high int, ok bool) {
	low, err1 := strconv.Atoi(v.Get("low"))
	high, err2 := strconv.Atoi(v.Get("high"))
	return low, high, errors.Join(err1, err2) == nil
}

// optionLines are the answers as they were typed, each once.
func optionLines(typed string) []string {
	var list []string
	for line := range strings.Lines(typed) {
		if line = form.Clean(line, false); line != "" && !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return list
}

// valueOf makes the stored value of an answer from its words: other words are another answer, and the answers that were
// given to the old words stay under those.
func valueOf(label string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(label)) // never fails
	slug := publish.Slug(label)
	if len(slug) > 24 {
		slug = strings.TrimRight(slug[:24], "-")
	}
	return strings.TrimLeft(fmt.Sprintf("%s-%08x", slug, h.Sum32()), "-")
}

func optionsOf(labels []string) []choice {
	list := make([]choice, 0, len(labels))
	for _, label := range labels {
		list = append(list, choice{valueOf(label), label})
	}
	return list
}

// read takes over what was typed; what does not belong to the kind is dropped.
func (q *question) read(v form.Values) {
	q.Page, q.Label, q.Hint, q.Kind, q.Why = v.Get("page"), v.Get("label"), v.Get("hint"), v.Get("kind"), v.Get("why")
	q.Required = v.Has("required", "yes")
	q.Options, q.Most, q.Low, q.High, q.LowLabel, q.HighLabel = nil, 0, 0, 0, "", ""
	switch q.Kind {
	case single, several:
		q.Options = optionsOf(optionLines(v.Get("options")))
	case scale:
		q.Low, q.High, _ = ends(v)
		q.LowLabel, q.HighLabel = v.Get("low_label"), v.Get("high_label")
	case text:
		q.Most = usualMost
		if n, err := strconv.Atoi(v.Get("most")); err == nil {
			q.Most = n
		}
	}
}

// values is what read reads.
func (q question) values() url.Values {
	v := url.Values{"page": {q.Page}, "label": {q.Label}, "hint": {q.Hint}, "kind": {q.Kind}, "why": {q.Why}}
	if q.Required {
		v.Set("required", "yes")
	}
	var lines []string
	for _, o := range q.Options {
		lines = append(lines, o.Label)
	}
	v.Set("options", strings.Join(lines, "\n"))
	if q.Kind == scale {
		v.Set("low", strconv.Itoa(q.Low))
		v.Set("high", strconv.Itoa(q.High))
		v.Set("low_label", q.LowLabel)
		v.Set("high_label", q.HighLabel)
	}
	if q.Most > 0 {
		v.Set("most", strconv.Itoa(q.Most))
	}
	return v
}

// same tells whether values are those of the question as it stands.
func (q question) same(v form.Values) bool {
	typed := q
	typed.read(v)
	return maps.EqualFunc(typed.values(), q.values(), slices.Equal)
}

// inOrder puts the questions of a page together, as the form does.
func inOrder(questions []question) []question {
	var list []question
	for i, q := range questions {
		if slices.ContainsFunc(questions[:i], func(before question) bool { return before.Page == q.Page }) {
			continue
		}
		for _, same := range questions[i:] {
			if same.Page == q.Page {
				list = append(list, same)
			}
		}
	}
	return list
}

// newName makes a name from a label that no question of the survey has or ever had.
func newName(ctx context.Context, tx pgx.Tx, s survey, label string) (string, error) {
	questions, err := questionsOf(ctx, tx, s.ID)
	if err != nil {
		return "", err
	}
	known, err := everAsked(ctx, tx, s, questions)
	if err != nil {
		return "", err
	}
	base := strings.ReplaceAll(publish.Slug(label), "-", "_")
	if len(base) > 30 {
		base = strings.TrimRight(base[:30], "_")
	}
	if base == "" || base == "new" {
		base = "question"
	}
	name := base
	for n := 2; slices.ContainsFunc(known, func(a asked) bool { return a.Name == prefix+name }); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name, nil
}

// remove takes a question away. What was answered to it stays, in the words that it had.
func (r *Room) remove(ctx context.Context, tx pgx.Tx, s survey, q question) error {
	if _, err := tx.Exec(ctx, `DELETE FROM question WHERE id = $1`, q.ID); err != nil {
		return fmt.Errorf("remove question: %w", err)
	}
	return r.stays(ctx, tx, s)
}

// stays refuses a change that would leave a public survey without anything that must be answered.
func (r *Room) stays(ctx context.Context, tx pgx.Tx, s survey) error {
	if s.State != publish.Published {
		return nil
	}
	asks, err := requires(ctx, tx, s.ID)
	if err == nil && !asks {
		return publish.Invalid{"question": r.say("last_required")}
	}
	return err
}

// moved returns the questions with one of them a step further up or down: within its page, then to the next page.
func moved(list []question, id uuid.UUID, where string) []question {
	list = slices.Clone(list)
	i := slices.IndexFunc(list, func(q question) bool { return q.ID == id })
	j := i + 1
	if where == "up" {
		j = i - 1
	}
	if i < 0 || j < 0 || j >= len(list) {
		return list
	}
	if list[i].Page != list[j].Page {
		list[i].Page = list[j].Page
		return list
	}
	list[i], list[j] = list[j], list[i]
	return list
}

// same tells whether two lists ask the same in the same order.
func same(a, b []question) bool {
	return slices.EqualFunc(a, b, func(x, y question) bool { return x.ID == y.ID && x.Page == y.Page })
}
