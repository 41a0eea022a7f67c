package privacy

import (
	"regexp"
	"slices"
	"strings"
)

// Mark says what became of words between two versions.
type Mark int

// The marks.
const (
	Kept Mark = iota
	Added
	Removed
)

// Run is a piece of text with one mark.
type Run struct {
	Mark Mark
	Text string
}

// Block is a paragraph or an item of a list, marked word by word.
type Block struct {
	Item bool
	Runs []Run
}

// align pairs equal elements of a and b in order, as many as can be (a longest common subsequence), and returns what
// became of each: an index into a, into b, or into both; -1 where it has no partner.
func align[T comparable](a, b []T) [][2]int {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var pairs [][2]int
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			pairs = append(pairs, [2]int{i, -1})
			i++
		default:
			pairs = append(pairs, [2]int{-1, j})
			j++
		}
	}
	return pairs
}

// compareWords marks what was removed from one text and added to make another. Reading what is not added gives the first,
// reading what is not removed the second, each with single spaces.
func compareWords(from, to string) []Run {
	a, b := strings.Fields(from), strings.Fields(to)
	var runs []Run
	put := func(m Mark, word string) {
		if n := len(runs); n > 0 && runs[n-1].Mark == m {
			runs[n-1].Text += " " + word
			return
		}
		runs = append(runs, Run{m, word})
	}
	for _, p := range align(a, b) {
		switch {
		case p[1] < 0:
			put(Removed, a[p[0]])
		case p[0] < 0:
			put(Added, b[p[1]])
		default:
			put(Kept, a[p[0]])
		}
	}
	return runs
}

// paragraph is a block of one version.
type paragraph struct {
	item bool
	text string
}

var (
	markdownLink = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	markdownMark = strings.NewReplacer("**", "", "__", "", "`", "")
)

// paragraphs takes a clause's Markdown apart and leaves the words: what matters here is what is said.
func paragraphs(text string) []paragraph {
	var list []paragraph
	open := false
	for line := range strings.SplitSeq(text, "\n") {
		words, item := strings.CutPrefix(strings.TrimSpace(line)+" ", "- ")
		if cells, row := strings.CutPrefix(words, "|"); row {
			words, item = tableRow(cells), true
		}
		words = strings.Join(strings.Fields(markdownMark.Replace(markdownLink.ReplaceAllString(words, "$1"))), " ")
		switch {
		case words == "":
			open = false
		case item || !open:
			list = append(list, paragraph{item, words})
			open = true
		default:
			list[len(list)-1].text += " " + words
		}
	}
	return list
}

// tableRow writes the row of a table as an item of a list. The line under the head has no words.
func tableRow(cells string) string {
	if strings.Trim(cells, "-| ") == "" {
		return ""
	}
	return strings.ReplaceAll(strings.Trim(cells, "| "), " | ", ": ")
}

// alike is the share of words that two paragraphs must have in common to be shown as one that was changed.
const alike = 0.4

// compareBlocks marks what became of each paragraph.
func compareBlocks(from, to string) []Block {
	a, b := paragraphs(from), paragraphs(to)
	var blocks []Block
	var gone, come []paragraph
	flush := func() {
		blocks = append(blocks, changed(gone, come)...)
		gone, come = nil, nil
	}
	for _, p := range align(a, b) {
		switch {
		case p[1] < 0:
			gone = append(gone, a[p[0]])
		case p[0] < 0:
			come = append(come, b[p[1]])
		default:
			flush()
			blocks = append(blocks, Block{a[p[0]].item, []Run{{Kept, a[p[0]].text}}})
		}
	}
	flush()
	return blocks
}

// changed pairs paragraphs that stood in the same place: each that went with the first like it that came.
func changed(gone, come []paragraph) []Block {
	var blocks []Block
	for _, old := range gone {
		i := slices.IndexFunc(come, func(p paragraph) bool { return similar(old.text, p.text) >= alike })
		if i < 0 {
			blocks = append(blocks, Block{old.item, []Run{{Removed, old.text}}})
			continue
		}
		for _, p := range come[:i] {
			blocks = append(blocks, Block{p.item, []Run{{Added, p.text}}})
		}
		blocks = append(blocks, Block{come[i].item, compareWords(old.text, come[i].text)})
		come = come[i+1:]
	}
	for _, p := range come {
		blocks = append(blocks, Block{p.item, []Run{{Added, p.text}}})
	}
	return blocks
}

// similar is the share of words that stay, from 0 to 1.
func similar(from, to string) float64 {
	kept, all := 0, 0
	for _, run := range compareWords(from, to) {
		n := len(strings.Fields(run.Text))
		all += n
		if run.Mark == Kept {
			kept += 2 * n
			all += n
		}
	}
	if all == 0 {
		return 1
	}
	return float64(kept) / float64(all)
}
