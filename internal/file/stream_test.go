package file

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func seal(t testing.TB, key, plain []byte) []byte {
	t.Helper()
	aead, err := newAEAD(key)
	must(t, err)
	var b bytes.Buffer
	s := newSealer(&b, aead)
	_, err = s.Write(plain)
	must(t, err)
	must(t, s.Close())
	return b.Bytes()
}

func unseal(t testing.TB, key, sealed []byte, size int64) *opener {
	t.Helper()
	aead, err := newAEAD(key)
	must(t, err)
	return newOpener(aead, size, func(offset int64) (io.ReadCloser, error) {
		r := bytes.NewReader(sealed)
		_, err := r.Seek(offset, io.SeekStart)
		return io.NopCloser(r), err
	})
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestStreamGivesBackWhatWasSealed(t *testing.T) {
	source := noise(4 * chunkSize)
	key := noise(32)
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.SampledFrom([]int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 7})
		plain := source[:rapid.OneOf(near, rapid.IntRange(0, len(source))).Draw(t, "size")]
		aead, err := newAEAD(key)
		if err != nil {
			t.Fatal(err)
		}
		var sealed bytes.Buffer
		s := newSealer(&sealed, aead)
		for rest := plain; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "written")
			if _, err := s.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		o := newOpener(aead, int64(len(plain)), func(offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(sealed.Bytes()[offset:])), nil
		})
		for range rapid.IntRange(1, 12).Draw(t, "reads") {
			from := rapid.IntRange(0, len(plain)).Draw(t, "from")
			n := rapid.IntRange(0, len(plain)-from).Draw(t, "length")
			if _, err := o.Seek(int64(from), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, n)
			if _, err := io.ReadFull(o, got); err != nil || !bytes.Equal(got, plain[from:from+n]) {
				t.Fatalf("read %d bytes from %d: %v, equal %v", n, from, err, bytes.Equal(got, plain[from:from+n]))
			}
		}
		if _, err := o.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("read all: %v, %d of %d bytes", err, len(got), len(plain))
		}
	})
}

func TestStreamNoticesEveryChange(t *testing.T) {
	key, plain := noise(32), noise(3*chunkSize+100)
	size := int64(len(plain))
	whole := seal(t, key, plain)
	chunk := func(i int) []byte { return whole[i*sealedSize : min((i+1)*sealedSize, len(whole))] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flipped := bytes.Clone(whole)
	flipped[2*sealedSize+5] ^= 1
	tests := map[string]struct {
		sealed []byte
		size   int64
	}{
		"one bit":                      {flipped, size},
		"last byte missing":            {whole[:len(whole)-1], size},
		"last chunk missing":           {whole[:3*sealedSize], size},
		"last chunk missing and size":  {whole[:3*sealedSize], 3 * chunkSize},
		"all missing":                  {nil, size},
		"a byte more":                  {join(whole, []byte{0}), size},
		"a chunk more":                 {join(whole, chunk(3)), size + 100},
		"chunks swapped":               {join(chunk(1), chunk(0), chunk(2), chunk(3)), size},
		"chunk twice":                  {join(chunk(0), chunk(0), chunk(2), chunk(3)), size},
		"smaller size":                 {whole, size - 1},
		"size of fewer chunks":         {whole, chunkSize},
		"another file under this name": {seal(t, noise(64)[32:], plain), size},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := io.ReadAll(unseal(t, key, tt.sealed, tt.size))
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v, want ErrDamaged", err)
			}
			if !bytes.HasPrefix(plain, got) {
				t.Error("gave bytes that were never sealed")
			}
		})
	}
}

func TestStreamHidesItsContents(t *testing.T) {
	plain := bytes.Repeat([]byte("Jane Doe, Chicago. "), 8000)
	if sealed := seal(t, noise(32), plain); bytes.Contains(sealed, []byte("Jane")) {
		t.Error("the plain text stands in what is stored")
	}
}
