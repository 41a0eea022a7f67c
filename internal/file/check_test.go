package file

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// check is what Stage does with a name and its contents.
func check(raw string, body []byte, accept []Type) (string, Type, error) {
	name, claimed, err := checkName(raw, accept)
	if err != nil {
		return "", "", err
	}
	found, err := checkContents(name, claimed, bytes.NewReader(body), int64(len(body)), accept)
	if err != nil {
		return "", "", err
	}
	return withExtension(name, found), found, nil
}

func TestCheckTakesRealDocuments(t *testing.T) {
	t.Parallel()
	all := append(documents(), ZIP, PNG, WEBM, VTT)
	latin, err := charmap.Windows1252.NewEncoder().String("Jürgen Ærø, “Köln” – 10 €")
	must(t, err)
	online := docxParts("from the web")
	online[0].Body = bytes.ReplaceAll(online[0].Body, []byte("/word/document.xml"), []byte("/word/document2.xml"))
	online[2].Name = "word/document2.xml"
	tests := []struct {
		name, wantName string
		body           []byte
		want           Type
	}{
		{"cv.pdf", "cv.pdf", pdf("Jane"), PDF},
		{"CV.PDF", "CV.PDF", pdf("Jane"), PDF},
		{"cv.docx", "cv.docx", docx(t, "Jane"), DOCX},
		{"online.docx", "online.docx", pack(t, online...), DOCX},
		{"long.docx", "long.docx", docx(t, strings.Repeat("A sentence of a long letter. ", 50_000)), DOCX},
		{"cv.odt", "cv.odt", odt(t, "Jane"), ODT},
		{"cv.rtf", "cv.rtf", rtf("Jane"), RTF},
		{"cv.txt", "cv.txt", []byte("Jane Doe\r\n\tChicago\f"), TXT},
		{"cv.text", "cv.text", []byte("Jane"), TXT},
		{"utf8.txt", "utf8.txt", []byte("\ufeffJürgen 履歴書"), TXT},
		{"latin.txt", "latin.txt", []byte(latin), TXT},
		{"bm.txt", "bm.txt", []byte("BM Consulting, MZ Ltd."), TXT},
		{"mz.txt", "mz.txt", []byte("MZ Ltd., of Zürich"), TXT},
		{"notes.txt", "notes.txt", []byte("# Markdown is text\n<b>too</b>"), TXT},
		{"kit.zip", "kit.zip", pack(t, part{Name: "a/", Store: true}, part{Name: "a/b.txt", Body: []byte("hello")}), ZIP},
		{"logo.png", "logo.png", picture(t), PNG},
		{"film.webm", "film.webm", []byte(webm), WEBM},
		{"words.vtt", "words.vtt", []byte("WEBVTT\n\n00:00.000 --> 00:04.000\nWords"), VTT},
		{"marked.vtt", "marked.vtt", []byte("\ufeffWEBVTT - Words\n"), VTT},
		{"Resume J. Smith", "Resume J. Smith.pdf", pdf("Jane"), PDF},
		{"", "file.docx", docx(t, "Jane"), DOCX},
		{strings.Repeat("n", 200), strings.Repeat("n", 116) + ".odt"[:4], odt(t, "Jane"), ODT},
	}
	for _, tt := range tests {
		name, got, err := check(tt.name, tt.body, all)
		if err != nil || got != tt.want || name != tt.wantName {
			t.Errorf("check(%q) = %q, %q, %v; want %q, %q", tt.name, name, got, err, tt.wantName, tt.want)
		}
	}
}

// webm is the head of a film: an EBML header that names WebM, and the beginning of a segment.
const webm = "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm" +
	"\x42\x87\x81\x02\x42\x85\x81\x02\x18\x53\x80\x67\x01\x00\x00\x00\x00\x00\x00\x00"

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, maxTight+1)
	with := func(parts []part, more ...part) []byte { return pack(t, append(parts, more...)...) }
	typed := func(contentType string) []part {
		parts := docxParts("x")
		parts[0].Body = fmt.Appendf(nil, contentTypes, contentType)
		return parts
	}
	many := docxParts("x")
	for i := range maxEntries {
		many = append(many, part{Name: fmt.Sprintf("word/media/%d", i), Store: true})
	}
	locked := odtParts("x")
	locked[1].Body = bytes.ReplaceAll(locked[1].Body, []byte("/></manifest:manifest>"),
		[]byte("><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"))
	lies := docxParts("x")
	lies[2] = part{Name: "word/document.xml", Body: append(fmt.Appendf(nil, wordDocument, "x"), zeros[:8<<20]...)}
	lies[2].Packed, lies[2].Claim = deflated(t, lies[2].Body), 400
	tests := map[string]struct {
		name string
		body []byte
		want Reason
		says string
	}{
		"program": {
			"cv.exe", []byte("MZ\x90\x00"),
			WrongType, "Choose a PDF, DOCX, ODT, RTF or TXT file",
		},
		"program by bidi trick":   {"cv\u202efdp.exe", pdf("x"), WrongType, "cvfdp.exe"},
		"old Word by name":        {"cv.doc", ole("WordDocument"), WrongType, "old Word format"},
		"old Word by contents":    {"cv.docx", ole("WordDocument"), Lying, "old Office document"},
		"picture where not taken": {"me.png", picture(t), WrongType, "me.png"},
		"picture without a name":  {"me", picture(t), WrongType, "PNG picture"},
		"zip as docx": {
			"cv.docx", pack(t, part{Name: "a.txt", Body: []byte("a")}),
			Lying, "ZIP archive",
		},
		"film where not taken": {"cv.webm", []byte(webm), WrongType, "cv.webm"},
		"film as pdf":          {"cv.pdf", []byte(webm), Lying, "a WebM film"},
		"captions as rtf":      {"cv.rtf", []byte("WEBVTT\n"), Lying, "WebVTT captions"},
		"docx as pdf":          {"cv.pdf", docx(t, "x"), Lying, "Word document"},
		"pdf as docx": {
			"cv.docx", pdf("x"),
			Lying, "named like a Word document (DOCX), but its contents are a PDF",
		},
		"odt as docx": {"cv.docx", odt(t, "x"), Lying, "OpenDocument"},
		"rtf as txt":  {"cv.txt", rtf("x"), Lying, "RTF"},
		"txt as rtf":  {"cv.rtf", []byte("plain"), Lying, "plain text"},
		"web page as txt": {
			"cv.txt", []byte("<!DOCTYPE html><html><script>alert(1)</script>"),
			Lying, "web page",
		},
		"drawing as txt": {
			"cv.txt", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
			Lying, "picture",
		},
		"program as pdf": {
			"cv.pdf", []byte("\x7fELF\x02\x01\x01\x00\x00\x00"),
			Lying, "a program",
		},
		"NUL in text":          {"cv.txt", []byte("Jane\x00Doe"), Lying, "another kind"},
		"escape codes in text": {"cv.txt", []byte("Jane\x1b[2J"), Lying, "another kind"},
		"NUL far into text": {
			"cv.txt", append(bytes.Repeat([]byte("text "), 40_000), 0),
			Lying, "another kind",
		},
		"page with junk before": {"cv.pdf", append([]byte("GIF89a"), pdf("x")...), Lying, "plain text"},
		"spreadsheet as docx": {
			"cv.docx", with(typed("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml")),
			Lying, "another Office document",
		},
		"presentation as odt": {
			"cv.odt", pack(t, part{Name: "mimetype", Store: true, Body: []byte("application/vnd.oasis.opendocument.presentation")}),
			Lying, "another packed document",
		},
		"password docx": {"cv.docx", ole("EncryptedPackage"), Locked, "password"},
		"password odt":  {"cv.odt", pack(t, locked...), Locked, "password"},
		"password zip parts": {
			"cv.docx", with(docxParts("x"), part{Name: "a", Body: []byte("a"), Flags: 1}),
			Locked, "password",
		},
		"docm by name": {"cv.docm", docx(t, "x"), Macros, "macros"},
		"docm renamed": {
			"cv.docx", with(typed("application/vnd.ms-word.document.macroEnabled.main+xml")),
			Macros, "macros",
		},
		"vbaProject in docx": {
			"cv.docx", with(docxParts("x"), part{Name: "word/vbaProject.bin", Body: []byte("x")}),
			Macros, "macros",
		},
		"Basic in odt": {
			"cv.odt", with(odtParts("x"), part{Name: "Basic/Standard/Module1.xml", Body: []byte("x")}),
			Macros, "macros",
		},
		"bomb by ratio": {
			"cv.docx", with(docxParts("x"), part{Name: "word/media/a", Body: zeros}),
			Bomb, "not safe",
		},
		"bomb by total":         {"cv.docx", bombOfMany(t), Bomb, "not safe"},
		"bomb by number":        {"cv.docx", pack(t, many...), Bomb, "10,000 parts"},
		"bomb that lies":        {"cv.docx", pack(t, lies...), Broken, "damaged"},
		"docx cut in half":      {"cv.docx", docx(t, "x")[:400], Broken, "damaged"},
		"docx without its text": {"cv.docx", pack(t, docxParts("x")[:2]...), Broken, "damaged"},
		"docx of other XML": {
			"cv.docx", with(docxParts("x")[:2], part{Name: "word/document.xml", Body: []byte("<html/>")}),
			Broken, "damaged",
		},
		"docx with a part twice": {
			"cv.docx", with(docxParts("x"), part{Name: "WORD/document.xml", Body: []byte("<x/>")}),
			Broken, "damaged",
		},
		"docx that climbs": {
			"cv.docx", with(docxParts("x"), part{Name: "../../etc/cron.d/x", Body: []byte("x")}),
			Broken, "damaged",
		},
		"docx that climbs Windows": {
			"cv.docx", with(docxParts("x"), part{Name: `..\..\x`, Body: []byte("x")}),
			Broken, "damaged",
		},
		"docx with bad content types": {
			"cv.docx", with(docxParts("x")[1:], part{Name: "[Content_Types].xml", Body: []byte("<Types")}),
			Broken, "damaged",
		},
		"odt without its text": {"cv.odt", pack(t, odtParts("x")[:2]...), Broken, "damaged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := check(tt.name, tt.body, documents())
			var r *Refusal
			if !errors.As(err, &r) {
				t.Fatalf("error %v, want a refusal", err)
			}
			if r.Reason != tt.want || !strings.Contains(r.Message, tt.says) {
				t.Errorf("%q: %s; want %q, and to say %q", r.Reason, r.Message, tt.want, tt.says)
			}
			if strings.Contains(r.Error(), "cv") {
				t.Errorf("the error for logs repeats the name: %s", r)
			}
		})
	}
}

// bombOfMany is a document whose parts stay below the ratio each, and unpack to far too much together.
func bombOfMany(t *testing.T) []byte {
	parts := docxParts("x")
	body := make([]byte, maxTight)
	copy(body, noise(200<<10))
	packed := deflated(t, body)
	for i := range 6 {
		parts = append(parts, part{Name: fmt.Sprintf("word/media/%d", i), Body: body, Packed: packed})
	}
	return pack(t, parts...)
}

func TestCheckRefusesHugePicture(t *testing.T) {
	t.Parallel()
	body := picture(t)
	copy(body[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // width and height of 65,536
	_, _, err := check("a.png", body, []Type{PNG})
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error %v, want a refusal", err)
	}
}

// FuzzCheck looks for contents that make the check panic, take long, or let through what it should not.
func FuzzCheck(f *testing.F) {
	for name, body := range map[string][]byte{
		"cv.pdf": pdf("x"), "cv.docx": docx(f, "x"), "cv.odt": odt(f, "x"), "cv.rtf": rtf("x"), "cv.txt": []byte("x"),
		"a.zip": pack(f, part{Name: "a", Body: []byte("a")}), "a.png": picture(f), "cv.doc": ole("EncryptedPackage"),
		"../\u202e.pdf": {0}, "": {},
	} {
		f.Add(name, body)
	}
	accept := append(documents(), ZIP, PNG)
	f.Fuzz(func(t *testing.T, raw string, body []byte) {
		name, got, err := check(raw, body, accept)
		var r *Refusal
		switch {
		case err == nil && (got.Media() == "" || CleanName(name) != name || typeOfMedia(got.Media()) != got):
			t.Fatalf("took %q as %q", name, got)
		case err != nil && (!errors.As(err, &r) || r.Message == ""):
			t.Fatalf("not a refusal: %v", err)
		}
	})
}
