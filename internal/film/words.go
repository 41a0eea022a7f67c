package film

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"clickcommerce.com/site/internal/word"
	"clickcommerce.com/site/web"
)

// Cue is a caption: its words, and from which second to which they are shown.
type Cue struct {
	From int    `json:"from" yaml:"from"`
	To   int    `json:"to"   yaml:"to"`
	Text string `json:"text" yaml:"text"`
}

// Chapter is a part of a film: the second at which it begins, its title, and what the picture shows.
type Chapter struct {
	At    int    `json:"at"    yaml:"at"`
	Title string `json:"title" yaml:"title"`
	Scene string `json:"scene" yaml:"scene"`
}

// Clock is the chapter's place as players show it: "0:13".
func (c Chapter) Clock() string { return Clock(c.At) }

// Clock words seconds as players do: "0:42", "12:07".
func Clock(seconds int) string { return fmt.Sprintf("%d:%02d", seconds/60, seconds%60) }

// Length words the length of a film: "42 seconds", "3 minutes".
func Length(seconds int) string {
	if seconds < 120 {
		return say("seconds", "n", seconds)
	}
	return say("minutes", "n", (seconds+30)/60)
}

// VTT returns the cues as a WebVTT file.
func VTT(cues []Cue) []byte {
	var b bytes.Buffer
	b.WriteString("WEBVTT\n")
	for i, c := range cues {
		text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", " ").Replace(c.Text)
		fmt.Fprintf(&b, "\n%d\n%s --> %s\n%s\n", i+1, stamp(c.From), stamp(c.To), text)
	}
	return b.Bytes()
}

func stamp(seconds int) string {
	return fmt.Sprintf("%02d:%02d:%02d.000", seconds/3600, seconds/60%60, seconds%60)
}

// say is what is said of the texts in which staff edit chapters and captions: a line each, its parts divided by bars.
var say = word.Read(web.FS, "film")

// ChapterHint says how ParseChapters reads.
func ChapterHint() string { return say("chapter_hint") }

// CueHint says how ParseCues reads.
func CueHint() string { return say("cue_hint") }

// FormatChapters writes chapters as ParseChapters reads them.
func FormatChapters(list []Chapter) string {
	lines := make([]string, 0, len(list))
	for _, c := range list {
		lines = append(lines, Clock(c.At)+" | "+c.Title+" | "+c.Scene)
	}
	return strings.Join(lines, "\n")
}

// FormatCues writes cues as ParseCues reads them.
func FormatCues(list []Cue) string {
	lines := make([]string, 0, len(list))
	for _, c := range list {
		lines = append(lines, Clock(c.From)+" | "+Clock(c.To)+" | "+c.Text)
	}
	return strings.Join(lines, "\n")
}

// ParseChapters reads chapters, one a line, empty lines aside. The sentence says how to mend the first line that can't
// be read, and is empty otherwise.
func ParseChapters(text string) (list []Chapter, sentence string) {
	err := eachLine(text, func(parts []string) string {
		at, ok := seconds(parts[0])
		switch {
		case !ok:
			return say("chapter_time")
		case len(list) == 0 && at != 0:
			return say("chapter_first")
		case len(list) > 0 && at <= list[len(list)-1].At:
			return say("chapter_order")
		}
		list = append(list, Chapter{At: at, Title: parts[1], Scene: parts[2]})
		return ""
	})
	return list, err
}

// ParseCues reads captions as ParseChapters does chapters.
func ParseCues(text string) (list []Cue, sentence string) {
	list = []Cue{}
	err := eachLine(text, func(parts []string) string {
		from, ok := seconds(parts[0])
		to, ok2 := seconds(parts[1])
		switch {
		case !ok || !ok2:
			return say("cue_times")
		case to <= from:
			return say("cue_ends")
		case len(list) > 0 && from < list[len(list)-1].To:
			return say("cue_order")
		}
		list = append(list, Cue{From: from, To: to, Text: parts[2]})
		return ""
	})
	return list, err
}

// eachLine hands the three parts of each line to read, and numbers its first complaint.
func eachLine(text string, read func(parts []string) string) string {
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		parts := strings.SplitN(line, "|", 3)
		complaint := say("parts")
		if len(parts) == 3 {
			for j := range parts {
				parts[j] = strings.TrimSpace(parts[j])
			}
			complaint = say("empty_part")
			if parts[1] != "" && parts[2] != "" {
				complaint = read(parts)
			}
		}
		if complaint != "" {
			return say("line", "n", i+1, "complaint", complaint)
		}
	}
	return ""
}

// seconds reads "1:07".
func seconds(text string) (int, bool) {
	m, s, ok := strings.Cut(text, ":")
	minutes, err := strconv.Atoi(m)
	rest, err2 := strconv.Atoi(s)
	if !ok || err != nil || err2 != nil || minutes < 0 || minutes > 600 || rest < 0 || rest > 59 {
		return 0, false
	}
	return minutes*60 + rest, true
}
