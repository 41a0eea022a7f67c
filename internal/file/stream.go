package file

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The contents of a file are sealed in chunks of 64 KiB (the STREAM construction, as in age): each under the file's
// own key with a nonce made of the chunk's number and a flag on the last one. A key seals one stream, so no nonce
// comes twice; a chunk moved, missing or added after the last does not open.
const (
	chunkSize  = 64 << 10
	tagSize    = 16
	sealedSize = chunkSize + tagSize
)

// ErrDamaged says that stored contents are not what was written: changed, cut, reordered, or of another key.
var ErrDamaged = errors.New("file: stored contents are damaged")

func newAEAD(dataKey []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(dataKey)
	if err != nil {
		return nil, fmt.Errorf("file key: %w", err)
	}
	return cipher.NewGCM(block)
}

func nonce(chunk int64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:11], uint64(chunk))
	if last {
		n[11] = 1
	}
	return n
}

// sealer encrypts what is written to it. Close writes the last chunk; without it the stream does not open.
type sealer struct {
	to    io.Writer
	aead  cipher.AEAD
	plain []byte
	out   []byte
	chunk int64
}

func newSealer(to io.Writer, aead cipher.AEAD) *sealer {
	return &sealer{to: to, aead: aead, plain: make([]byte, 0, chunkSize), out: make([]byte, 0, sealedSize)}
}

func (s *sealer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		// A full chunk waits until more comes: only then is it known not to be the last.
		if len(s.plain) == chunkSize {
			if err := s.flush(false); err != nil {
				return n, err
			}
		}
		take := min(len(p), chunkSize-len(s.plain))
		s.plain = append(s.plain, p[:take]...)
		p, n = p[take:], n+take
	}
	return n, nil
}

func (s *sealer) Close() error { return s.flush(true) }

func (s *sealer) flush(last bool) error {
	s.out = s.aead.Seal(s.out[:0], nonce(s.chunk, last), s.plain, nil)
	s.plain = s.plain[:0]
	s.chunk++
	_, err := s.to.Write(s.out)
	return err
}

// opener decrypts a sealed stream whose plain size is known, from any place. It reads the source in one go for as long
// as it is read in one go, and asks for it anew where a seek leaves that path. It holds one chunk.
type opener struct {
	from   func(offset int64) (io.ReadCloser, error) // the ciphertext from a byte on
	aead   cipher.AEAD
	size   int64
	pos    int64
	source io.ReadCloser
	next   int64 // the chunk that source gives next
	held   int64 // the chunk in plain; -1 is none
	plain  []byte
	sealed []byte
}

func newOpener(aead cipher.AEAD, size int64, from func(int64) (io.ReadCloser, error)) *opener {
	return &opener{from: from, aead: aead, size: size, held: -1}
}

// Read returns ErrDamaged, wrapped, where the ciphertext is not what was sealed.
func (o *opener) Read(p []byte) (int, error) {
	if o.pos >= o.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	chunk := o.pos / chunkSize
	if chunk != o.held {
		if err := o.load(chunk); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.plain[o.pos-chunk*chunkSize:])
	o.pos += int64(n)
	return n, nil
}

// Seek never reads.
func (o *opener) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.pos
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("file: seek before the start")
	}
	o.pos = offset
	return offset, nil
}

// ReadAt moves the place of Read, so the two are not to be mixed, nor called at once.
func (o *opener) ReadAt(p []byte, offset int64) (int, error) {
	if _, err := o.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(o, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (o *opener) Close() error {
	if o.source == nil {
		return nil
	}
	err := o.source.Close()
	o.source = nil
	return err
}

func (o *opener) load(chunk int64) error {
	if o.source == nil || o.next != chunk {
		if err := o.Close(); err != nil {
			return fmt.Errorf("close contents: %w", err)
		}
		source, err := o.from(chunk * sealedSize)
		if err != nil {
			return fmt.Errorf("read contents: %w", err)
		}
		o.source, o.next = source, chunk
	}
	if o.sealed == nil {
		o.sealed, o.plain = make([]byte, sealedSize+1), make([]byte, 0, chunkSize)
	}
	o.held = -1
	want := o.sealed[:min(chunkSize, o.size-chunk*chunkSize)+tagSize]
	last := (chunk+1)*chunkSize >= o.size
	read := want
	if last {
		read = o.sealed[:len(want)+1] // nothing may follow the last chunk
	}
	n, err := io.ReadFull(o.source, read)
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !cut {
		o.next = -1
		return fmt.Errorf("read contents: %w", err)
	}
	if n != len(want) {
		return fmt.Errorf("%w: chunk %d has another length", ErrDamaged, chunk)
	}
	plain, err := o.aead.Open(o.plain[:0], nonce(chunk, last), want, nil)
	if err != nil {
		return fmt.Errorf("%w: chunk %d does not open", ErrDamaged, chunk)
	}
	o.plain, o.held, o.next = plain, chunk, chunk+1
	return nil
}
