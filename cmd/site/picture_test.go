package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

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

// comparePicture holds what is seen against the file of a picture, which -update writes anew, reduced to few colours.
func comparePicture(t *testing.T, file string, got image.Image, reduce func(image.Image) *image.Paletted) []string {
	t.Helper()
	if *update {
		writePicture(t, file, reduce(got))
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
	seen := filepath.Join(os.TempDir(), "seen-"+filepath.Base(file))
	writePicture(t, seen, reduce(got))
	return []string{fmt.Sprintf("%s %s: see %s", file, fault, seen)}
}

func writePicture(t *testing.T, file string, img *image.Paletted) {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // part of the repository
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil { //nolint:gosec // as the folder
		t.Fatal(err)
	}
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
