package file

import (
	"fmt"
	"strings"
)

// Type is a kind of file that can be taken in. Its value is the usual extension, without the dot.
type Type string

// The types that can be told by their contents.
const (
	PDF  Type = "pdf"
	DOCX Type = "docx"
	ODT  Type = "odt"
	RTF  Type = "rtf"
	TXT  Type = "txt"
	ZIP  Type = "zip"
	PNG  Type = "png"
	WEBM Type = "webm"
	VTT  Type = "vtt"
)

// Types reads names of types as a form field lists them ("pdf", ".pdf"); an unknown one is an error.
func Types(names []string) ([]Type, error) {
	types := make([]Type, 0, len(names))
	for _, name := range names {
		t := Type(strings.ToLower(strings.TrimPrefix(name, ".")))
		if t.Media() == "" {
			return nil, fmt.Errorf("file: no such type: %q", name)
		}
		types = append(types, t)
	}
	return types, nil
}

// Media is the media type under which a file of this type is sent; empty for an unknown type.
func (t Type) Media() string {
	switch t {
	case PDF:
		return "application/pdf"
	case DOCX:
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ODT:
		return "application/vnd.oasis.opendocument.text"
	case RTF:
		return "application/rtf"
	case TXT:
		return "text/plain"
	case ZIP:
		return "application/zip"
	case PNG:
		return "image/png"
	case WEBM:
		return "video/webm"
	case VTT:
		return "text/vtt"
	}
	return ""
}

// Label is the type's name for people: "PDF".
func (t Type) Label() string { return strings.ToUpper(string(t)) }

// words is the type after an article: "a PDF", "an ODT file".
func (t Type) words() string { return say("kind_" + string(t)) }

func typeOfMedia(media string) Type {
	for _, t := range []Type{PDF, DOCX, ODT, RTF, TXT, ZIP, PNG, WEBM, VTT} {
		if t.Media() == media {
			return t
		}
	}
	return ""
}

func typeOfExtension(ext string) Type {
	ext = strings.ToLower(strings.TrimPrefix(ext, "."))
	if ext == "text" {
		return TXT
	}
	if t := Type(ext); t.Media() != "" {
		return t
	}
	return ""
}

// oneOf words a choice: "PDF, DOCX or TXT".
func oneOf(types []Type) string {
	labels := make([]string, len(types))
	for i, t := range types {
		labels[i] = t.Label()
	}
	if len(labels) < 2 {
		return strings.Join(labels, "")
	}
	return say("or", "first", strings.Join(labels[:len(labels)-1], ", "), "last", labels[len(labels)-1])
}
