package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of an upload is kept in memory; more goes to a temporary file.
const spoolMemory = 1 << 20

// spool holds the ciphertext of an upload while it is checked. Its temporary file has no name by the time anything
// is written, so a crash leaves nothing behind.
type spool struct {
	mem  []byte
	disk *os.File
	size int64
}

func (s *spool) Write(p []byte) (int, error) {
	if s.disk == nil && len(s.mem)+len(p) > spoolMemory {
		if err := s.toDisk(); err != nil {
			return 0, err
		}
	}
	s.size += int64(len(p))
	if s.disk == nil {
		s.mem = append(s.mem, p...)
		return len(p), nil
	}
	return s.disk.Write(p)
}

func (s *spool) toDisk() error {
	f, err := os.CreateTemp("", "upload-")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(fmt.Errorf("unname temporary file: %w", err), f.Close())
	}
	s.disk = f
	_, err = f.Write(s.mem)
	s.mem = nil
	return err
}

// reader gives the ciphertext; every call returns a reader of its own.
func (s *spool) reader() *io.SectionReader {
	if s.disk != nil {
		return io.NewSectionReader(s.disk, 0, s.size)
	}
	return io.NewSectionReader(bytes.NewReader(s.mem), 0, s.size)
}

// from is what an opener reads.
func (s *spool) from(offset int64) (io.ReadCloser, error) {
	r := s.reader()
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	return io.NopCloser(r), nil
}

func (s *spool) Close() error {
	if s.disk == nil {
		return nil
	}
	return s.disk.Close()
}
