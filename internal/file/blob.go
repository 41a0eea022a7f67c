package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"time"
)

// ErrNoBlob says that nothing is stored under a name.
var ErrNoBlob = errors.New("file: no such blob")

// Blobs stores contents under names that we make: lower-case letters, digits and dashes, in segments parted by
// slashes. Contents are whole or absent, never half written.
type Blobs interface {
	// Put stores body from its start to its end; when it returns nil, the contents survive a loss of power. An older
	// blob of that name is replaced.
	Put(ctx context.Context, name string, body io.ReadSeeker) error
	// Get returns the contents from a byte on, or ErrNoBlob. The caller closes them.
	Get(ctx context.Context, name string, offset int64) (io.ReadCloser, error)
	// Delete removes a blob; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// List yields the names that begin with prefix (which ends with a slash) of blobs stored before a time.
	List(ctx context.Context, prefix string, before time.Time) iter.Seq2[string, error]
	// Tidy deletes what writes that were cut short before a time left behind, and returns how many those were.
	Tidy(ctx context.Context, before time.Time) (int, error)
}

// OpenBlobs returns the blobs at an address: s3://key:secret@host[:port]/bucket[/folder]?region=…&tls=off, or, where
// it is empty, those in a folder, which is made when first written to. Region is us-east-1 unless given; tls=off
// speaks plain HTTP. The error never repeats the secret.
func OpenBlobs(rawURL, folder string) (Blobs, error) {
	if rawURL != "" {
		return newBucket(rawURL)
	}
	if folder == "" {
		return nil, errors.New("blobs: neither address nor folder given")
	}
	return newFolder(folder), nil
}

func checkBlobName(name string) error {
	if !blobName.MatchString(name) {
		return fmt.Errorf("blob name %q is not one of ours", name)
	}
	return nil
}

var blobName = regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+)*$`)
