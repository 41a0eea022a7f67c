//go:build audit

package main

import (
	"fmt"
	"image"
	"image/color"
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
		// Whether a browser shows where the focus is hangs on what was last pressed, on the pages before too.
		look[bool](v, `(document.activeElement.blur(), true)`)
		var faults []string
		_, state, _ := strings.Cut(c.path, "=")
		for _, width := range []int64{390, 1440} {
			v.do("resize", chromedp.EmulateViewport(width, 900))
			for _, scheme := range []string{"light", "dark"} {
				v.prefer(scheme)
				name := strings.Join(strings.Fields(fmt.Sprint(c.part, " ", state, " ", width, " ", scheme)), "-")
				faults = append(faults, comparePicture(t, filepath.Join("testdata", "picture", name+".png"), v.picture(`[aria-labelledby="d-`+c.part+`"]`), coarse)...)
			}
		}
		v.prefer("light")
		found[p] = append(found[p], faults...)
	}
	for p, faults := range found {
		a.note(t, "pictures", p, faults)
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
