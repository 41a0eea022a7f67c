package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// pair is what one round measured: the limit, and the path against it.
type pair struct{ limit, ours float64 }

// line is one line of the table.
type line struct {
	path, against string
	limit, ours   string // absolute, with unit
	ratio, spread string
	target        string
	missed        bool
}

// table gathers lines and the footnotes to them.
type table struct {
	lines []line
	notes []string
}

// note adds a footnote, once.
func (t *table) note(text string) {
	if !slices.Contains(t.notes, text) {
		t.notes = append(t.notes, text)
	}
}

// goal is what a ratio is held against; the zero goal is met by everything.
type goal struct{ least, most float64 }

func (g goal) missed(ratio float64) bool {
	return g.least > 0 && ratio < g.least || g.most > 0 && ratio > g.most
}

func (g goal) String() string {
	switch {
	case g.least > 0:
		return fmt.Sprintf("≥ %.2f", g.least)
	case g.most > 0:
		return fmt.Sprintf("≤ %.2f", g.most)
	}
	return "–"
}

// add puts the medians of the rounds into the table. show gives an absolute figure its unit.
func (t *table) add(path, against string, rounds []pair, g goal, show func(float64) string) {
	var limits, ours, ratios []float64
	for _, p := range rounds {
		limits, ours, ratios = append(limits, p.limit), append(ours, p.ours), append(ratios, p.ours/p.limit)
	}
	ratio := median(ratios)
	t.lines = append(t.lines, line{
		path: path, against: against, limit: show(median(limits)), ours: show(median(ours)),
		ratio: fmt.Sprintf("%.2f", ratio), spread: fmt.Sprintf("%.2f to %.2f", slices.Min(ratios), slices.Max(ratios)),
		target: g.String(), missed: g.missed(ratio),
	})
}

func (t *table) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PATH\tAGAINST\tLIMIT\tOURS\tRATIO\tSPREAD\tTARGET\t")
	for _, l := range t.lines {
		verdict := "met"
		switch {
		case l.missed:
			verdict = "MISSED"
		case l.target == "–":
			verdict = ""
		}
		fmt.Fprintln(tw, strings.Join([]string{l.path, l.against, l.limit, l.ours, l.ratio, l.spread, l.target, verdict}, "\t"))
	}
	_ = tw.Flush() // a terminal or a pipe: when it is gone, there is nobody to tell
	for _, n := range t.notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
}

// median of an even number is the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func perSecond(v float64) string { return thousands(v) + "/s" }

func milliseconds(v float64) string { return fmt.Sprintf("%.2f ms", v) }

func megabytes(v float64) string { return fmt.Sprintf("%.0f MB", v) }

func thousands(v float64) string {
	text := fmt.Sprintf("%.0f", v)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
