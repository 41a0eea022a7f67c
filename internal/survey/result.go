package survey

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"clickcommerce.com/site/internal/form"
)

// least is the smallest group that is shown (P-12).
const least = 10

// outcome is what a survey came to, ready to be drawn or kept: it holds no number that must not be shown.
type outcome struct {
	Total     int // 0: fewer than ten
	Through   *time.Time
	Counted   time.Time // when it was published; not shown
	Questions []finding
}

// finding is what one question came to.
type finding struct {
	Number   int
	Label    string
	Kind     string
	Answered int  // 0: not told; unless all but a few answered, nothing else is filled in
	Nearly   bool // all but one to nine people answered: no number tells how many
	Retired  bool
	Earlier  []string
	Bars     []bar
	HeldBack bool   // some bars are
	Mean     string // of a scale
	About    bool   // the mean is reckoned from classes
	Low      string // what the ends of a scale mean
	High     string
	From, To int    // the ends themselves
	Score    string // of an nps
	Texts    []string
	More     bool // texts than those listed
}

// bar is a row of a chart.
type bar struct {
	Label  string
	N      int
	Share  int    // of those who answered, in percent
	Width  string // the same, finer, for drawing
	X      string // where it begins, where bars stand in one line
	Top    bool   // the largest
	Hidden bool   // held back
	Nearly bool   // held back since nearly everybody said so
}

// outcomeOf turns numbers into what may be seen of them.
func outcomeOf(s survey, t tally) outcome {
	o := outcome{}
	if s.Anonymous {
		o.Through = s.ResultsThrough
	}
	if t.Total < least {
		return o
	}
	o.Total = t.Total
	for i, q := range t.Questions {
		f := finding{Number: i + 1, Label: q.Label, Kind: q.kind(), Retired: q.Retired, Earlier: q.Earlier}
		if n := t.Answered[q.Name]; n >= least {
			f.fill(q, t)
		}
		o.Questions = append(o.Questions, f)
	}
	return o
}

// public returns the outcome without what staff alone may read.
func (o outcome) public() outcome {
	o.Questions = slices.Clone(o.Questions)
	for i := range o.Questions {
		o.Questions[i].Texts = nil
	}
	return o
}

func (f *finding) fill(q asked, t tally) {
	counts, answered := t.Counts[q.Name], t.Answered[q.Name]
	base, skipped := answered, 0 // of whom the shares are reckoned; who must not be told
	if t.shows(answered) {
		f.Answered = answered
	} else {
		f.Nearly, base, skipped = true, t.Total, t.Total-answered
	}
	switch f.Kind {
	case single:
		f.Bars = holdBackBeside(bars(q.Options, counts), skipped)
	case several:
		f.Bars = holdBackSeveral(bars(q.Options, counts), answered)
	case scale:
		classes := classesOf(q.Options, counts)
		f.From, f.To = classes[0].low, classes[len(classes)-1].high
		f.Low, f.High = q.end(f.From), q.end(f.To)
		classes = join(classes)
		if skipped == 0 {
			f.Mean, f.About = mean(classes)
		}
		for _, c := range classes {
			f.Bars = append(f.Bars, bar{Label: c.label(), N: c.n})
		}
		if len(f.Bars) == 1 {
			f.Bars = nil
		}
		if skipped > 0 {
			f.Bars = holdBackBeside(f.Bars, skipped)
		}
	case nps:
		f.Bars = holdBackBeside([]bar{
			{Label: "Would recommend (9 or 10)", N: between(counts, 9, 10)},
			{Label: "Undecided (7 or 8)", N: between(counts, 7, 8)},
			{Label: "Would not (0 to 6)", N: between(counts, 0, 6)},
		}, skipped)
		f.Score = score(f.Bars, answered)
	case text:
		f.Texts = t.Texts[q.Name]
		if skipped > 0 { // counted, they would tell how many wrote none
			f.Texts = f.Texts[:min(len(f.Texts), t.Total-least)]
		}
		f.More = len(f.Texts) < answered
	}
	f.draw(base)
}

// end is what a step of the scale means, if it says so.
func (a asked) end(n int) string {
	for _, o := range a.Options {
		if o.Value == strconv.Itoa(n) {
			return o.Hint
		}
	}
	return ""
}

func bars(options []form.Option, counts map[string]int) []bar {
	list := make([]bar, 0, len(options))
	for _, o := range options {
		list = append(list, bar{Label: o.Label, N: counts[o.Value]})
	}
	return list
}

// holdBack hides groups that are too small, and with them the next larger ones until what is hidden is at least two
// groups and ten people: the total would give it away otherwise. The numbers of what is hidden are gone. Nobody is no
// group, so a zero is shown, unless it would say that all others answered the same.
func holdBack(list []bar) []bar {
	var order []int
	for i, b := range list {
		if b.N > 0 {
			order = append(order, i)
		}
	}
	if len(order) < 2 {
		for i, b := range list {
			list[i] = bar{Label: b.Label, Hidden: true}
		}
		return list
	}
	slices.SortStableFunc(order, func(a, b int) int { return list[a].N - list[b].N })
	hidden, people := 0, 0
	for _, i := range order {
		if list[i].N >= least && (hidden == 0 || (hidden >= 2 && people >= least)) {
			break
		}
		hidden, people = hidden+1, people+list[i].N
		list[i] = bar{Label: list[i].Label, Hidden: true}
	}
	return list
}

// holdBackBeside does so where a few skipped the question too: they are one of the groups that are hidden.
func holdBackBeside(list []bar, skipped int) []bar {
	peopled := 0
	for _, b := range list {
		if b.N > 0 {
			peopled++
		}
	}
	if skipped == 0 || peopled < 2 {
		return holdBack(list)
	}
	return holdBack(append(slices.Clip(list), bar{N: skipped}))[:len(list)]
}

// holdBackSeveral hides what few chose, and what all but few chose. Answers that don't exclude each other have no total
// that would give one away.
func holdBackSeveral(list []bar, answered int) []bar {
	for i, b := range list {
		switch {
		case b.N > 0 && b.N < least:
			list[i] = bar{Label: b.Label, Hidden: true}
		case answered-b.N < least:
			list[i] = bar{Label: b.Label, Hidden: true, Nearly: true}
		}
	}
	return list
}

// class is a part of a scale: the steps from low to high.
type class struct{ low, high, n int }

func (c class) label() string {
	if c.low == c.high {
		return strconv.Itoa(c.low)
	}
	return fmt.Sprintf("%d to %d", c.low, c.high)
}

func classesOf(options []form.Option, counts map[string]int) []class {
	var list []class
	for _, o := range options {
		if n, err := strconv.Atoi(o.Value); err == nil {
			list = append(list, class{n, n, counts[o.Value]})
		}
	}
	slices.SortFunc(list, func(a, b class) int { return a.low - b.low }) // steps of an older wording came last
	return list
}

// join puts neighbouring steps together until no class is too small, and not all are in one.
func join(list []class) []class {
	for len(list) > 1 {
		small, peopled := -1, 0
		for i, c := range list {
			if c.n == 0 {
				continue
			}
			peopled++
			if small < 0 || c.n < list[small].n {
				small = i
			}
		}
		if peopled > 1 && list[small].n >= least {
			break
		}
		small = max(small, 0)
		left := small - 1 // the class that stands left of the seam
		if small == 0 || (small < len(list)-1 && list[small+1].n < list[small-1].n) {
			left = small
		}
		list[left] = class{list[left].low, list[left+1].high, list[left].n + list[left+1].n}
		list = slices.Delete(list, left+1, left+2)
	}
	return list
}

// mean reckons from the classes as they are shown, so that it tells nothing beyond them.
func mean(list []class) (words string, about bool) {
	sum, n := 0.0, 0
	for _, c := range list {
		sum += float64(c.n) * float64(c.low+c.high) / 2
		n += c.n
		about = about || c.low != c.high
	}
	if n == 0 || len(list) == 1 {
		return "", false
	}
	return strconv.FormatFloat(sum/float64(n), 'f', 1, 64), about
}

func between(counts map[string]int, low, high int) int {
	n := 0
	for value, many := range counts {
		if v, err := strconv.Atoi(value); err == nil && v >= low && v <= high {
			n += many
		}
	}
	return n
}

// score is the share of those who would recommend less the share of those who would not. With a group held back it
// would give that away.
func score(groups []bar, answered int) string {
	if slices.ContainsFunc(groups, func(b bar) bool { return b.Hidden }) {
		return ""
	}
	n := (groups[0].N - groups[2].N) * 100
	half := answered / 2
	if n < 0 {
		half = -half
	}
	rounded := (n + half) / answered
	if rounded == 0 {
		return "0"
	}
	return strings.Replace(fmt.Sprintf("%+d", rounded), "-", "−", 1)
}

// draw reckons the lengths of the bars, and their shares of that many people.
func (f *finding) draw(people int) {
	most, x := 0, 0.0
	for _, b := range f.Bars {
		most = max(most, b.N)
		f.HeldBack = f.HeldBack || b.Hidden
	}
	for i, b := range f.Bars {
		if b.Hidden {
			continue
		}
		share := float64(b.N) * 100 / float64(people)
		f.Bars[i].Share = int(share + .5)
		f.Bars[i].Width = strconv.FormatFloat(share, 'f', 1, 64)
		f.Bars[i].X = strconv.FormatFloat(x, 'f', 1, 64)
		f.Bars[i].Top = b.N == most
		if f.Kind == nps { // the colour stands for those who would recommend, here and in the line above
			f.Bars[i].Top = i == 0
		}
		x += share
	}
}
