package content

import (
	"bytes"
	"fmt"
	"io/fs"

	"go.yaml.in/yaml/v3"
)

// Examples reads what stands in content/demo/NAME.yaml of the web folder: what a room shows until staff write their own.
// An entry that its struct does not know is an error.
func Examples(web fs.FS, name string, into any) error {
	raw, err := fs.ReadFile(web, "content/demo/"+name+".yaml")
	if err != nil {
		return fmt.Errorf("examples: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("examples of %s: %w", name, err)
	}
	return nil
}
