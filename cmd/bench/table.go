package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// pair is what one round measured: the limit, and the path against it.
type pair struct{ limit, ours reading }

// line is one line of the table.
type line struct {
	path, against string
	limit, ours   string // absolute, with unit
	ratio, spread string
	cpu           string // µs for each: limit and ours
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
	var limits, ours, ratios, limitCPU, ourCPU []float64
	for _, p := range rounds {
		limits, ours, ratios = append(limits, p.limit.rate), append(ours, p.ours.rate), append(ratios, p.ours.rate/p.limit.rate)
		limitCPU, ourCPU = append(limitCPU, p.limit.cpu), append(ourCPU, p.ours.cpu)
	}
	ratio, cpu := median(ratios), ""
	if median(limitCPU) > 0 {
		cpu = fmt.Sprintf("%.0f : %.0f µs", median(limitCPU), median(ourCPU))
	}
	t.lines = append(t.lines, line{
		path: path, against: against, limit: show(median(limits)), ours: show(median(ours)),
		ratio: fmt.Sprintf("%.2f", ratio), spread: fmt.Sprintf("%.2f to %.2f", slices.Min(ratios), slices.Max(ratios)),
		cpu: cpu, target: g.String(), missed: g.missed(ratio),
	})
}

func (t *table) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PATH\tAGAINST\tLIMIT\tOURS\tRATIO\tSPREAD\tTARGET\tCPU OF EACH\t")
	for _, l := range t.lines {
		target := l.target
		switch {
		case l.missed:
			target += " MISSED"
		case target != "–":
			target += " met"
		}
		fmt.Fprintln(tw, strings.Join([]string{l.path, l.against, l.limit, l.ours, l.ratio, l.spread, target, l.cpu, ""}, "\t"))
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
