package main

import (
	"cmp"
	"html/template"
	"image"
	"image/color"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

// TestSocialPictures draws the picture of each written page anew, from its title and its drawing, and compares it with
// the one that links to the page bring along. Where either has changed, -update takes all of them again; then look at
// them.
func TestSocialPictures(t *testing.T) {
	pages, err := content.Load(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(studio(t, pages))
	t.Cleanup(server.Close)
	v := (&house{url: server.URL}).visitor(startBrowser(t), t, false)
	v.do("take the size", chromedp.EmulateViewport(1200, 630))
	drawn, shows, sum := map[string]bool{}, map[string]string{}, int64(0)
	for _, p := range pages.Pages() {
		if p.Picture.File == "" {
			t.Errorf("%s shows the picture of a page above it", p.Path)
			continue
		}
		if other, ok := shows[p.Figure]; ok && p.Path != "/products" { // it is what the first page shows
			t.Errorf("%s shows what %s shows", p.Path, other)
		}
		if p.Figure != "" {
			shows[p.Figure] = p.Path
		}
		v.prefer(scheme(p))
		v.visit(p.Path)
		file := filepath.Join("..", "..", "web", "static", filepath.FromSlash(p.Picture.File))
		for _, fault := range comparePicture(t, file, v.picture("body"), flat) {
			t.Error(fault)
		}
		drawn[file] = true
	}
	for file, size := range socialFiles(t) {
		if sum += size; size > 40<<10 {
			t.Errorf("%s takes %d bytes", file, size)
		}
		if !drawn[file] {
			t.Errorf("%s belongs to no page", file)
		}
	}
	if sum > 700<<10 {
		t.Errorf("all social pictures together take %d bytes", sum)
	}
	t.Logf("%d pictures, %d bytes", len(drawn), sum)
}

// scheme gives the industries the night of the site.
func scheme(p content.Page) string {
	if p.Section == "industries" {
		return "dark"
	}
	return "light"
}

// studio shows, at the address of each page, what its picture is taken of.
func studio(t *testing.T, pages *content.Content) http.Handler {
	t.Helper()
	site, err := page.LoadSite(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := template.Must(template.New("social.html").Funcs(template.FuncMap{
		"asset": func(name string) string { return "/static/" + name },
		"whole": func(heading string) template.HTML { return page.Whole(site.Name, heading) },
	}).ParseFS(web.FS, "templates/partials/head.html"))
	template.Must(tmpl.ParseFiles(filepath.Join("testdata", "social.html")))
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(web.FS))
	for _, p := range pages.Pages() {
		above := ""
		if n := len(p.Crumbs); n > 2 { // home, what is above, the page
			above = p.Crumbs[n-2].Label
		}
		data := struct {
			content.Page
			Site  *page.Site
			Above string
		}{p, site, above}
		mux.HandleFunc("GET "+p.Path, func(w http.ResponseWriter, _ *http.Request) {
			if err := tmpl.ExecuteTemplate(w, "social.html", data); err != nil {
				t.Error(err)
			}
		})
	}
	return mux
}

// socialFiles are the pictures that there are, with their sizes.
func socialFiles(t *testing.T) map[string]int64 {
	t.Helper()
	root, found := filepath.Join("..", "..", "web", "static", "social"), map[string]int64{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			found[file] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// flat keeps the grounds and inks of a drawing as they are, and of the shades at their edges so many that each point is
// near to one of them.
func flat(img image.Image) *image.Paletted {
	const colours, apart = 24, 24
	points, bounds := map[color.RGBA]int{}, img.Bounds()
	each := func(see func(x, y int, c color.RGBA)) {
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				see(x, y, color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)) //nolint:forcetypeassert // what the model returns
			}
		}
	}
	each(func(_, _ int, c color.RGBA) { points[c]++ })
	common := slices.SortedFunc(maps.Keys(points), func(a, b color.RGBA) int {
		return cmp.Or(points[b]-points[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	out := image.NewPaletted(bounds, nil)
	for _, c := range common {
		large := points[c] > bounds.Dx()*bounds.Dy()/400
		if len(out.Palette) < colours && (large || !slices.ContainsFunc(out.Palette, func(p color.Color) bool { return near(p, c, apart) })) {
			out.Palette = append(out.Palette, c)
		}
	}
	places := map[color.RGBA]uint8{}
	each(func(x, y int, c color.RGBA) {
		place, known := places[c]
		if !known {
			place = uint8(out.Palette.Index(c)) //nolint:gosec // of colours at most
			places[c] = place
		}
		out.SetColorIndex(x, y, place)
	})
	return out
}

// near tells whether two colours differ by less than some steps of 256 in red, green and blue.
func near(a, b color.Color, steps uint32) bool {
	r, g, blue, _ := a.RGBA()
	r2, g2, blue2, _ := b.RGBA()
	return max(r, r2)-min(r, r2) < steps<<8 && max(g, g2)-min(g, g2) < steps<<8 && max(blue, blue2)-min(blue, blue2) < steps<<8
}
