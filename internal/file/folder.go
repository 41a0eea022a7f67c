package file

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// folder keeps blobs as files, a/b/cdef under a/b/cd/cdef so that no directory grows without end. Blobs on their way
// lie under the prefix tmp/.
type folder struct{ root string }

func newFolder(root string) *folder { return &folder{root: filepath.Clean(root)} }

const tmpPrefix = "tmp/"

func (f *folder) path(name string) string {
	last := path.Base(name)
	return filepath.Join(f.root, filepath.FromSlash(path.Dir(name)), last[:min(2, len(last))], last)
}

func (f *folder) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if err := checkBlobName(name); err != nil {
		return err
	}
	target, tmp := f.path(name), f.path(tmpPrefix+strings.ToLower(rand.Text()))
	if err := errors.Join(f.makeDir(filepath.Dir(tmp)), f.makeDir(filepath.Dir(target))); err != nil {
		return fmt.Errorf("put blob: %w", err)
	}
	if err := write(ctx, tmp, body); err != nil {
		return fmt.Errorf("put blob: %w", errors.Join(err, ignoreMissing(os.Remove(tmp))))
	}
	if err := os.Rename(tmp, target); err != nil {
		return fmt.Errorf("put blob: %w", errors.Join(err, os.Remove(tmp)))
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return fmt.Errorf("put blob: %w", err)
	}
	return nil
}

func write(ctx context.Context, name string, body io.ReadSeeker) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, body)
	return errors.Join(err, ctx.Err(), w.Sync(), w.Close())
}

// makeDir makes a directory and the missing ones above it, each synced into its parent: a file in a directory that
// was lost is lost.
func (f *folder) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := f.makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *folder) Get(_ context.Context, name string, offset int64) (io.ReadCloser, error) {
	if err := checkBlobName(name); err != nil {
		return nil, err
	}
	r, err := os.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoBlob
	}
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("get blob: %w", errors.Join(err, r.Close()))
	}
	return r, nil
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := checkBlobName(name); err != nil {
		return err
	}
	if err := ignoreMissing(os.Remove(f.path(name))); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *folder) Tidy(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for name, err := range f.List(ctx, tmpPrefix, before) {
		if err == nil {
			err = f.Delete(ctx, name)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (f *folder) List(ctx context.Context, prefix string, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		start := filepath.Join(f.root, filepath.FromSlash(prefix))
		err := filepath.WalkDir(start, func(p string, d fs.DirEntry, err error) error {
			if err := errors.Join(ignoreMissing(err), ctx.Err()); err != nil {
				return err
			}
			if d == nil || d.IsDir() {
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // deleted since the directory was read
			}
			if err != nil {
				return err
			}
			if !info.ModTime().Before(before) {
				return nil
			}
			if name := f.name(p); name != "" && !yield(name, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", fmt.Errorf("list blobs: %w", err))
		}
	}
}

// name is the inverse of path; empty for a file that Put did not make.
func (f *folder) name(p string) string {
	rel, err := filepath.Rel(f.root, p)
	if err != nil {
		return ""
	}
	rel = filepath.ToSlash(rel)
	name := path.Join(path.Dir(path.Dir(rel)), path.Base(rel))
	if !blobName.MatchString(name) || f.path(name) != p {
		return ""
	}
	return name
}
