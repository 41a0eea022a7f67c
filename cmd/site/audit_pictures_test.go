//go:build audit

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// auditPictures compares every component in every state with how it looked when somebody last looked at it. After a
// change that is meant, -update takes the pictures anew; then look at them.
func auditPictures(t *testing.T, a *auditor) {
	found := map[auditPage][]string{}
	for _, c := range []struct{ part, path string }{
		{"tokens", "/staff/design"},
		{"words", "/staff/design"},
		{"acts", "/staff/design"},
		{"states", "/staff/design"},
		{"parts", "/staff/design"},
		{"site", "/staff/design"},
		{"work", "/staff/design"},
		{"form", "/staff/design"},
		{"form", "/staff/design?form=refused"},
		{"form", "/staff/design?form=kept"},
		{"form", "/staff/design?form=step"},
		{"form", "/staff/design?form=review"},
		{"form", "/staff/design?form=closed"},
	} {
		p := auditPage{path: c.path, staff: true}
		v := a.open(t, p)
		var faults []string
		_, state, _ := strings.Cut(c.path, "=")
		for _, width := range []int64{390, 1440} {
			v.do("resize", chromedp.EmulateViewport(width, 900))
			for _, scheme := range []string{"light", "dark"} {
				v.prefer(scheme)
				name := strings.Join(strings.Fields(fmt.Sprint(c.part, " ", state, " ", width, " ", scheme)), "-")
				faults = append(faults, comparePicture(t, name, v.picture(`[aria-labelledby="d-`+c.part+`"]`))...)
			}
		}
		v.prefer("light")
		found[p] = append(found[p], faults...)
	}
	for p, faults := range found {
		a.note(t, "pictures", p, faults)
	}
}

// picture is what an element looks like, its fonts there. It counts once two in a row are the same: a part outside the
// window may be painted a moment later.
func (v *visitor) picture(element string) image.Image {
	v.t.Helper()
	settled[bool](v, `document.fonts.ready.then(() => true)`)
	var shot []byte
	for {
		again, err := chromedp.Run(v.ctx, chromedp.Screenshot(chromedp.CSS(element)))
		v.must("take a picture", err)
		if bytes.Equal(again, shot) {
			break
		}
		shot = again
	}
	img, err := png.Decode(bytes.NewReader(shot))
	v.must("read the picture", err)
	return img
}

func comparePicture(t *testing.T, name string, got image.Image) []string {
	t.Helper()
	file := filepath.Join("testdata", "picture", name+".png")
	if *update {
		writePicture(t, file, got)
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := png.Decode(bytes.NewReader(kept))
	if err != nil {
		t.Fatal(err)
	}
	fault := ""
	if want.Bounds() != got.Bounds() {
		fault = fmt.Sprintf("is %v large, not %v", got.Bounds().Size(), want.Bounds().Size())
	} else if share := unlike(want, got); share > 0.0003 {
		fault = fmt.Sprintf("differs in %.3f %% of its points", 100*share)
	}
	if fault == "" {
		return nil
	}
	seen := filepath.Join(os.TempDir(), "audit-"+name+".png")
	writePicture(t, seen, got)
	return []string{fmt.Sprintf("%s %s: see %s", file, fault, seen)}
}

func writePicture(t *testing.T, file string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, coarse(img)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // part of the repository
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil { //nolint:gosec // as the folder
		t.Fatal(err)
	}
}

// coarse rounds colours to sixteen steps of light: the pictures of all components stay small.
func coarse(img image.Image) *image.Paletted {
	step := func(v uint32) uint8 { return uint8((v>>8+8)/17) * 17 } //nolint:gosec // 255 at most
	out, places := image.NewPaletted(img.Bounds(), nil), map[color.RGBA]uint8{}
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			c := color.RGBA{step(r), step(g), step(b), 255}
			place, known := places[c]
			if !known {
				if len(out.Palette) < 256 {
					out.Palette = append(out.Palette, c)
				}
				place = uint8(out.Palette.Index(c)) //nolint:gosec // of 256 at most
				places[c] = place
			}
			out.SetColorIndex(x, y, place)
		}
	}
	return out
}

// unlike is the share of points that an eye would tell apart: edges of letters are drawn a little otherwise by each
// version of the browser.
func unlike(a, b image.Image) float64 {
	const visible = 0x2000 // an eighth of full light, in any colour
	far := func(x, y uint32) bool { return max(x, y)-min(x, y) > visible }
	bounds, n := a.Bounds(), 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, blue, _ := a.At(x, y).RGBA()
			r2, g2, blue2, _ := b.At(x, y).RGBA()
			if far(r, r2) || far(g, g2) || far(blue, blue2) {
				n++
			}
		}
	}
	return float64(n) / float64(bounds.Dx()*bounds.Dy())
}
