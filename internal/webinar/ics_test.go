package webinar

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

func sample(t *testing.T, local, name string) entry {
	t.Helper()
	zone, err := Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse("2006-01-02 15:04", local)
	if err != nil {
		t.Fatal(err)
	}
	start, _ := Instant(day, zone)
	return entry{
		Method: "REQUEST", Product: "Click Commerce, Inc.", UID: "0190f2d0-0000-7000-8000-000000000001@www.example.com",
		Sequence: 2, Stamp: time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC), Start: start, End: start.Add(time.Hour), Zone: name,
		Title: "Parts; planned, slowly", Words: "Zwölf Lager, überall Öl: ein langer Satz, der über die Grenze der Zeile reicht.\n\nJoin at: https://meet.example.com/x",
		Place: `100 Example Plaza, Suite 1200\A`, URL: "https://www.example.com/webinars/x",
		Organizer: `Click "C" Commerce`, OrganizerAddress: "post@mail.example.com", Attendee: "ada@example.com",
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]entry{
		"entry-winter": sample(t, "2026-12-03 11:00", "America/Chicago"),
		"entry-summer": sample(t, "2026-07-03 11:00", "Europe/Berlin"),
		"entry-change": sample(t, "2026-11-01 01:30", "America/New_York"), // the clocks go back while it lasts
		"entry-steady": sample(t, "2026-05-05 09:00", "Asia/Kolkata"),
		"entry-utc":    sample(t, "2026-05-05 09:00", "UTC"),
	} {
		got, file := e.String(), filepath.Join("testdata", name+".ics")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(got, "\r\n"), strings.Split(string(want), "\r\n")); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// unfold undoes what folding did (RFC 5545, 3.1).
func unfold(file string) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(file, "\r\n ", ""), "\r\n"), "\r\n")
}

// Whatever staff write, the file keeps its lines: none too long, none begun by a text, and every character comes back.
func TestLinesHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("aä漢😀,;\\\n\r\": ")), 0, 400, -1)).Draw(t, "text")
		var f file
		f.line("SUMMARY", escape(text))
		f.line("ORGANIZER;CN="+quote(text), "mailto:a@example.com")
		for _, line := range strings.Split(strings.TrimSuffix(f.String(), "\r\n"), "\r\n") {
			if len(line) > maxLine || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("line of %d octets: %q", len(line), line)
			}
		}
		list := unfold(f.String())
		if len(list) != 2 {
			t.Fatalf("%d lines: %q", len(list), list)
		}
		back := strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n").Replace(strings.TrimPrefix(list[0], "SUMMARY:"))
		want := strings.Map(func(r rune) rune {
			if r != '\n' && (r < ' ' || r == 0x7f) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(text, ""))
		if back != want {
			t.Fatalf("got %q, want %q", back, want)
		}
	})
}

// A reader who knows nothing but the file finds the instant that was meant.
func TestZoneRulesOfTheFile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(someZones[:len(someZones)-1]).Draw(t, "zone")
		zone, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Unix(rapid.Int64Range(1_000_000, 30_000_000).Draw(t, "minute")*60, 0).In(zone)
		if again, reading := Instant(start, zone); reading == Twice && !again.Equal(start) {
			return // the second of two: never meant
		}
		var f file
		f.zone(name, start, start.Add(5*time.Hour))
		if got := read(t, unfold(f.String()), start); !got.Equal(start) {
			t.Fatalf("%s reads as %s in\n%s", start, got.UTC(), f.String())
		}
	})
}

// read finds the instant of a local time by the observances of a file: the last that began before it counts.
func read(t *rapid.T, list []string, local time.Time) time.Time {
	wall := local.Format(wallClock)
	var begin, from, best, offsetText string
	for _, line := range list {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "DTSTART":
			begin = value
		case "TZOFFSETFROM":
			from = value
		case "TZOFFSETTO":
			if begin <= wall && begin >= best {
				best, offsetText = begin, value
			} else if offsetText == "" {
				offsetText = from
			}
		}
	}
	layout := "20060102T150405Z0700"
	if len(offsetText) == 7 {
		layout = "20060102T150405Z070000"
	}
	at, err := time.Parse(layout, wall+offsetText)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
