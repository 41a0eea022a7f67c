package privacy

import (
	"archive/zip"
	"context"
	_ "embed" // the page within the file
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"

	"clickcommerce.com/site/internal/file"
)

//go:embed held.html
var heldPage string

// writeZip writes what is held as one file: data.json for software, index.html with its parts for people, and the uploads
// that may be opened. Those are left out, and what hide takes out, where it is set.
func (e *Eraser) writeZip(ctx context.Context, to io.Writer, h held, parts []section, hide *strings.Replacer) error {
	z := zip.NewWriter(to)
	put := func(name string, write func(io.Writer) error) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: h.Made})
		if err == nil {
			err = write(w)
		}
		if err != nil {
			return fmt.Errorf("write %s of a person's file: %w", path.Dir(name), err)
		}
		return nil
	}
	data, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return fmt.Errorf("data of a person's file: %w", err)
	}
	text, files := string(data)+"\n", hide == nil
	if !files {
		text, parts = hide.Replace(text), masked(parts, hide)
	}
	err = put("data.json", func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		return err
	}
	tmpl, err := template.New("held").Parse(heldPage)
	if err != nil {
		return fmt.Errorf("page of a person's file: %w", err)
	}
	if err := put("index.html", func(w io.Writer) error {
		return tmpl.Execute(w, struct {
			Email, Made string
			Sections    []section
			Files       bool
		}{h.Person.Email, moment(h.Made), parts, files})
	}); err != nil {
		return err
	}
	for _, x := range h.Requests {
		if !files {
			break
		}
		n := 0
		err := e.desk.Files.Export(ctx, x.id, func(i file.Info, r io.Reader) error {
			if n++; r == nil {
				return nil // data.json says why
			}
			return put(fmt.Sprintf("files/%s/%d-%s", x.Reference, n, plainName(i.Name)), func(w io.Writer) error {
				_, err := io.Copy(w, r)
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write a person's file: %w", err)
	}
	return nil
}

// plainName can be unpacked on any system and leads nowhere else.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimLeft(name, "."))
}
