package survey

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/form"
)

func counted(n ...int) []bar {
	list := make([]bar, len(n))
	for i, v := range n {
		list[i] = bar{Label: strconv.Itoa(i), N: v}
	}
	return list
}

// seen is what a reader sees: -1 for what is held back.
func seen(list []bar) []int {
	var n []int
	for _, b := range list {
		if b.Hidden {
			n = append(n, -1)
			continue
		}
		n = append(n, b.N)
	}
	return n
}

func TestHoldBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ have, want []int }{
		"all large":                     {[]int{10, 20, 30}, []int{10, 20, 30}},
		"one small takes the next":      {[]int{40, 5, 30, 12}, []int{40, -1, 30, -1}},
		"two small of ten together":     {[]int{40, 5, 6, 30}, []int{40, -1, -1, 30}},
		"two small of nine take a next": {[]int{40, 4, 5, 30}, []int{40, -1, -1, -1}},
		"two groups, one small":         {[]int{95, 5}, []int{-1, -1}},
		"nobody is no group":            {[]int{40, 0, 30}, []int{40, 0, 30}},
		"all said the same":             {[]int{0, 50, 0}, []int{-1, -1, -1}},
		"nobody and one small":          {[]int{0, 50, 3}, []int{0, -1, -1}},
	} {
		if diff := cmp.Diff(seen(holdBack(counted(tt.have...))), tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// TestNothingCanBeWorkedOut holds any single choice against somebody who knows the total and can subtract.
func TestNothingCanBeWorkedOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfN(rapid.IntRange(0, 60), 2, 9).Draw(t, "groups")
		total, shown, hidden := 0, 0, 0
		for _, n := range have {
			total += n
		}
		for _, b := range holdBack(counted(have...)) {
			switch {
			case b.Hidden:
				hidden++
				if b.N != 0 {
					t.Fatalf("what is held back still carries its number: %+v", b)
				}
			case b.N > 0 && b.N < least:
				t.Fatalf("a group of %d is shown", b.N)
			}
			shown += b.N
		}
		if rest := total - shown; hidden == 1 || (rest > 0 && rest < least && shown > 0) {
			t.Fatalf("%d groups of %d people together are held back from %v", hidden, rest, have)
		}
	})
}

func TestHoldBackSeveral(t *testing.T) {
	t.Parallel()
	got := holdBackSeveral(counted(3, 0, 30, 45, 50), 50)
	if diff := cmp.Diff(seen(got), []int{-1, 0, 30, -1, -1}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if !got[3].Nearly || !got[4].Nearly || got[0].Nearly {
		t.Errorf("who is nearly everybody: %+v", got)
	}
}

// A few who skipped a question are a group of their own: no number that is shown tells how many they are.
func TestSkippedByAFewIsNotTold(t *testing.T) {
	t.Parallel()
	choice := form.Field{Name: "q_x", Kind: form.Choice, Options: []form.Option{{Value: "a"}, {Value: "b"}, {Value: "c"}}}
	of := func(f form.Field, total int, counts map[string]int) finding {
		answered := 0
		for _, n := range counts {
			answered += n
		}
		return outcomeOf(survey{}, tally{
			Questions: []asked{{Field: f}}, Total: total, Answered: map[string]int{"q_x": answered},
			Counts: map[string]map[string]int{"q_x": counts},
		}).Questions[0]
	}
	for name, tt := range map[string]struct {
		total    int
		counts   map[string]int
		answered int
		seen     []int
	}{
		"nobody skipped":       {90, map[string]int{"a": 40, "b": 30, "c": 20}, 90, []int{40, 30, 20}},
		"ten skipped":          {100, map[string]int{"a": 40, "b": 30, "c": 20}, 90, []int{40, 30, 20}},
		"one skipped":          {91, map[string]int{"a": 40, "b": 30, "c": 20}, 0, []int{40, 30, -1}},
		"one, and all say one": {51, map[string]int{"a": 50}, 0, []int{-1, -1, -1}},
	} {
		f := of(choice, tt.total, tt.counts)
		if diff := cmp.Diff(seen(f.Bars), tt.seen); diff != "" || f.Answered != tt.answered || f.Nearly != (tt.answered == 0) {
			t.Errorf("%s: answered %d, nearly %t (-got +want):\n%s", name, f.Answered, f.Nearly, diff)
		}
	}
	if f := of(choice, 92, map[string]int{"a": 46, "b": 22, "c": 21}); f.Bars[0].Width != "50.0" {
		t.Errorf("the share %s is reckoned of those who answered: it tells how many", f.Bars[0].Width)
	}
	rating := form.Field{Name: "q_x", Kind: form.Rating, Options: steps(1, 3, "", "")}
	f := of(rating, 92, map[string]int{"1": 40, "2": 30, "3": 20})
	if diff := cmp.Diff(seen(f.Bars), []int{40, 30, -1}); diff != "" || f.Mean != "" {
		t.Errorf("a scale: mean %q (-got +want):\n%s", f.Mean, diff)
	}
	words := outcomeOf(survey{}, tally{
		Questions: []asked{{Field: form.Field{Name: "q_x", Kind: form.LongText}}}, Total: 21, Answered: map[string]int{"q_x": 20},
		Texts: map[string][]string{"q_x": make([]string, 20)},
	}).Questions[0]
	if len(words.Texts) != 11 || !words.More {
		t.Errorf("%d texts of 20 are listed where 21 answered", len(words.Texts))
	}
}

func scaleOf(n ...int) tally {
	f := form.Field{Name: "q_x", Kind: form.Rating, Options: steps(1, len(n), "", "good")}
	t := tally{Questions: []asked{{Field: f}}, Answered: map[string]int{}, Counts: map[string]map[string]int{"q_x": {}}}
	for i, v := range n {
		t.Counts["q_x"][strconv.Itoa(i+1)] = v
		t.Answered["q_x"] += v
		t.Total += v
	}
	return t
}

func TestScale(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		have   []int
		labels []string
		mean   string
		about  bool
	}{
		"all large":         {[]int{10, 20, 30, 20, 20}, []string{"1", "2", "3", "4", "5"}, "3.2", false},
		"small ends":        {[]int{2, 9, 30, 20, 4}, []string{"1 to 2", "3", "4 to 5"}, "3.3", true},
		"nobody at an end":  {[]int{0, 20, 30, 20, 10}, []string{"1", "2", "3", "4", "5"}, "3.2", false},
		"all said the same": {[]int{0, 0, 30, 0, 0}, nil, "", false},
		"too few in all":    {[]int{1, 2, 3, 1, 1}, nil, "", false},
	} {
		o := outcomeOf(survey{}, scaleOf(tt.have...))
		if name == "too few in all" {
			if o.Total != 0 || len(o.Questions) != 0 {
				t.Errorf("%s: %+v", name, o)
			}
			continue
		}
		f := o.Questions[0]
		var labels []string
		for _, b := range f.Bars {
			labels = append(labels, b.Label)
		}
		if diff := cmp.Diff(labels, tt.labels); diff != "" || f.Mean != tt.mean || f.About != tt.about {
			t.Errorf("%s: mean %q, about %t, (-got +want):\n%s", name, f.Mean, f.About, diff)
		}
	}
}

// TestScaleShowsNoSmallClass joins whatever a scale may come to, and reckons the mean from what is shown alone.
func TestScaleShowsNoSmallClass(t *testing.T) {
	t.Parallel()
	for range 2000 {
		n := make([]int, 2+rand.IntN(9))
		for i := range n {
			n[i] = rand.IntN(40) * rand.IntN(2)
		}
		have := scaleOf(n...)
		if have.Total < least {
			continue
		}
		shown := scaleOf(n...)
		f := outcomeOf(survey{}, shown).Questions[0]
		total := 0
		for _, b := range f.Bars {
			total += b.N
			if b.Hidden || (b.N > 0 && b.N < least) {
				t.Fatalf("%v shows %+v", n, b)
			}
		}
		if len(f.Bars) > 0 && total != have.Total {
			t.Fatalf("%v: %d of %d people are in the classes", n, total, have.Total)
		}
	}
}

func npsOf(promoters, passives, detractors int) finding {
	t := tally{
		Questions: []asked{{Field: form.Field{Name: "q_x", Kind: form.Rating, Options: steps(0, 10, "", "")}}},
		Answered:  map[string]int{"q_x": promoters + passives + detractors}, Total: promoters + passives + detractors,
		Counts: map[string]map[string]int{"q_x": {"10": promoters - 1, "9": 1, "8": passives, "0": detractors}},
	}
	return outcomeOf(survey{}, t).Questions[0]
}

func TestScore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		promoters, passives, detractors int
		score                           string
		seen                            []int
	}{
		{50, 30, 20, "+30", []int{50, 30, 20}},
		{20, 30, 50, "−30", []int{20, 30, 50}},
		{30, 10, 30, "0", []int{30, 10, 30}},
		{21, 10, 11, "+24", []int{21, 10, 11}},
		{50, 30, 4, "", []int{50, -1, -1}},
	} {
		f := npsOf(tt.promoters, tt.passives, tt.detractors)
		if diff := cmp.Diff(seen(f.Bars), tt.seen); diff != "" || f.Score != tt.score {
			t.Errorf("%+v: score %q, (-got +want):\n%s", tt, f.Score, diff)
		}
	}
}

func TestRememberKeepsOldWords(t *testing.T) {
	t.Parallel()
	list := []asked{{Field: form.Field{Name: "q_a", Label: "New words?", Options: []form.Option{{Value: "x", Label: "X"}}}}}
	list = remember(list, form.Field{Name: "q_a", Label: "Old words?", Options: []form.Option{{Value: "y", Label: "Y"}, {Value: "x", Label: "X"}}})
	list = remember(list, form.Field{Name: "q_b", Label: "Removed?"})
	want := []asked{
		{
			Field:   form.Field{Name: "q_a", Label: "New words?", Options: []form.Option{{Value: "x", Label: "X"}, {Value: "y", Label: "Y"}}},
			Earlier: []string{"Old words?"},
		},
		{Field: form.Field{Name: "q_b", Label: "Removed?"}, Retired: true},
	}
	if diff := cmp.Diff(list, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}
