package activity

import (
	"net/http"
	"net/url"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
)

// Received is what came with a POST of staff, before it is judged.
type Received struct {
	Values  url.Values // with the ids of files in the places of their fields
	Files   []file.Staged
	Kept    map[string][]form.Kept // the files as the page shows them again
	Errors  form.Errors            // what is wrong with files
	Status  int                    // not 0: the sending as such is refused
	Message string                 // why
}

// Receive reads a POST of f for pages that draw and judge the form themselves. Files are staged or taken up again, as
// on public forms. An error is ours, not the sender's: what could be read is returned beside it.
func (d *Desk) Receive(w http.ResponseWriter, r *http.Request, f form.Form) (Received, error) {
	in, err := d.receive(w, r, f, way{stage: true, resume: true})
	return Received{in.withFiles(f), in.files, in.kept(), in.errs, in.status, in.message}, err
}
