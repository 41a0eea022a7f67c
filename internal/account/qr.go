package account

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// code is a QR code as one path of an SVG, a unit square for each dark module, with the quiet zone of four that
// readers need.
type code struct {
	Size int // units of the view box
	Path string
}

const quiet = 4

func drawQR(text string) (code, error) {
	b, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return code{}, fmt.Errorf("draw QR code: %w", err)
	}
	size := b.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			run := 0
			for x+run < size && b.At(x+run, y) == color.Color(color.Black) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return code{size + 2*quiet, path.String()}, nil
}
