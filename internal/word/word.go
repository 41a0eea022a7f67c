// Package word reads what rooms say beside their templates and the definitions of their forms. The sentences stand in
// web/content/words, a file for each room, so that a second language needs no other handlers.
package word

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Say returns the sentence of a name, with values in place of {their names}: pairs of a name and its value. A name that
// nobody gave a sentence, as one from an address may be, returns "".
type Say func(name string, pairs ...any) string

// Read reads the sentences of a room. It panics where the file is missing or broken: that is found when the program
// starts.
func Read(files fs.FS, room string) Say {
	var sentences map[string]string
	raw, err := fs.ReadFile(files, "content/words/"+room+".yaml")
	if err == nil {
		err = yaml.Unmarshal(raw, &sentences)
	}
	if err != nil {
		panic(fmt.Sprintf("words of %s: %v", room, err))
	}
	return func(name string, pairs ...any) string { return fill(sentences[name], pairs) }
}

// fill puts values in place of {their names}. What stands in a value is not looked into.
func fill(sentence string, pairs []any) string {
	if len(pairs) == 0 {
		return sentence
	}
	var b strings.Builder
	for {
		before, rest, opened := strings.Cut(sentence, "{")
		b.WriteString(before)
		if !opened {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		fmt.Fprint(&b, valueOf(name, pairs))
		sentence = after
	}
}

// Capital lets words stand at the beginning of a line.
func Capital(words string) string {
	first, n := utf8.DecodeRuneInString(words)
	if n == 0 {
		return words
	}
	return string(unicode.ToUpper(first)) + words[n:]
}

func valueOf(name string, pairs []any) any {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1]
		}
	}
	return "{" + name + "}"
}
