package main

import (
	"fmt"
	"io/fs"
	"strings"

	"clickcommerce.com/site/internal/privacy"
)

// overlay is a tree of files some of which read otherwise.
type overlay struct {
	fs.FS
	changed map[string]string
}

// edited changes words of the files that an edit names; it is an error if none has them.
func edited(web fs.FS, e privacy.Edit) (fs.FS, error) {
	if e.Glob == "" {
		return web, nil
	}
	names, err := fs.Glob(web, e.Glob)
	if err != nil {
		return nil, fmt.Errorf("edit %s: %w", e.Glob, err)
	}
	o := overlay{web, map[string]string{}}
	for _, name := range names {
		raw, err := fs.ReadFile(web, name)
		if err != nil {
			return nil, fmt.Errorf("edit %s: %w", name, err)
		}
		if text := string(raw); strings.Contains(text, e.Old) {
			o.changed[name] = strings.ReplaceAll(text, e.Old, e.New)
		}
	}
	if len(o.changed) == 0 {
		return nil, fmt.Errorf("edit %s: no file has the words %q", e.Glob, e.Old)
	}
	return o, nil
}

// Open opens a file, as changed.
func (o overlay) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	if text, ok := o.changed[name]; ok && err == nil {
		return edition{f, strings.NewReader(text), int64(len(text))}, nil
	}
	return f, err
}

// edition is a file that reads as changed.
type edition struct {
	fs.File
	*strings.Reader
	size int64
}

// Read reads the changed text.
func (e edition) Read(p []byte) (int, error) { return e.Reader.Read(p) }

// Stat tells of the changed size.
func (e edition) Stat() (fs.FileInfo, error) {
	info, err := e.File.Stat()
	return editionInfo{info, e.size}, err
}

type editionInfo struct {
	fs.FileInfo
	size int64
}

// Size is that of the changed text.
func (i editionInfo) Size() int64 { return i.size }
