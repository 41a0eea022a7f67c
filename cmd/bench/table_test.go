package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var table table
	table.add("page", "bare", []pair{{reading{1000, 10}, reading{900, 20}}, {reading{2000, 10}, reading{1000, 20}}, {reading{1000, 10}, reading{880, 20}}}, goal{least: 0.85}, perSecond)
	table.add("inbox", "small", []pair{{reading{1, 10}, reading{2, 20}}, {reading{2, 10}, reading{4, 20}}}, goal{most: 1.5}, milliseconds)
	table.add("alone", "limit", []pair{{reading{rate: 1}, reading{rate: 1}}}, goal{}, megabytes)
	table.note("once")
	table.note("once")
	var out strings.Builder
	table.print(&out)
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	want := []string{
		"PATH   AGAINST  LIMIT    OURS     RATIO  SPREAD        TARGET         CPU OF EACH",
		"page   bare     1,000/s  900/s    0.88   0.50 to 0.90  ≥ 0.85 met     10 : 20 µs",
		"inbox  small    1.50 ms  3.00 ms  2.00   2.00 to 2.00  ≤ 1.50 MISSED  10 : 20 µs",
		"alone  limit    1 MB     1 MB     1.00   1.00 to 1.00  –",
		"",
		"once",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, not %v", c.values, got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	wrk := []byte("  123456 requests in 3.00s, 9MB read\nRequests/sec:  41152.25\nTransfer/sec: 3MB\n")
	rate, err := number(wrkRate, wrk)
	if err != nil || rate != 41152.25 {
		t.Errorf("rate: %v, %v", rate, err)
	}
	total, err := number(wrkTotal, wrk)
	if err != nil || total != 123456 {
		t.Errorf("total: %v, %v", total, err)
	}
	if _, err := number(pgbenchRate, wrk); err == nil {
		t.Error("a rate was read where none is")
	}
}

func TestScriptHoldsNoVariables(t *testing.T) {
	s := sample{Status: "new", Values: `{"why": ["it's so"]}`, Revision: "00ff", Messages: []message{{`{"a": 1}`}, {`{"b": 2}`}}}
	script, err := s.script()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`'{"why": ["it''s so"]}'`, `'\x00ff'`, `'{"a": 1}'`, `'{"b": 2}'`} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %s", want)
		}
	}
	if strings.Contains(script, "consent_event") {
		t.Error("the script stores consents that were not given")
	}
	s.Choices = []choice{{"newsletter", "email", "It's four times a year", "form"}, {"product_news", "email", "News", "form"}}
	script, err = s.script()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"INSERT INTO consent_event", `('newsletter', 'email', 'It''s four times a year', 'form'), ('product_news',`} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %s", want)
		}
	}
	if strings.Contains(script, "$") {
		t.Errorf("something was not filled in: %s", script)
	}
	s.Values = `{"why": ["at :noon"]}`
	if _, err := s.script(); err == nil {
		t.Error("a variable within a text was let through")
	}
}
