package account

import (
	"bytes"
	"context"
	"errors"
	"image"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/key/keytest"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	const email = "ada.lovelace@example.com"
	for name, tt := range map[string]struct {
		kind     Kind
		password string
		ok       bool
	}{
		"staff, 12":                      {Staff, "abc def ghi!", true},
		"staff, 11":                      {Staff, "abc def ghi", false},
		"connect, 10":                    {Connect, "abc def gh", true},
		"connect, 9":                     {Connect, "abc def g", false},
		"any characters":                 {Staff, "пароль из ёлок", true},
		"counted in characters":          {Connect, "日本語日本語日本語", false},
		"counted after NFKC":             {Connect, strings.Repeat("e\u0301", 9), false},
		"the address":                    {Staff, "Ada.Lovelace@Example.com", false},
		"one of the commonest":           {Connect, "Password123", false},
		"one character over and over":    {Staff, "xxxxxxxxxxxxxx", false},
		"longer than anybody would type": {Staff, strings.Repeat("ab", 300), false},
		"empty":                          {Connect, "", false},
	} {
		err := CheckPassword(tt.kind, email, tt.password)
		if bad := (PasswordError{}); (err == nil) != tt.ok || err != nil && !errors.As(err, &bad) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHasher(params{memory: 64, time: 1, threads: 1}, 2)
	phc, err := h.make(ctx, "caf\u00e9 au lait")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("PHC string %q", phc)
	}
	for password, want := range map[string]bool{"caf\u00e9 au lait": true, "cafe\u0301 au lait": true, "cafe au lait": false, "": false} {
		if got, stale, err := h.compare(ctx, phc, password); got != want || stale || err != nil {
			t.Errorf("compare %q: %v, %v, %v", password, got, stale, err)
		}
	}
	other := newHasher(params{memory: 128, time: 2, threads: 1}, 1)
	if ok, stale, err := other.compare(ctx, phc, "caf\u00e9 au lait"); !ok || !stale || err != nil {
		t.Errorf("at other costs: %v, stale %v, %v", ok, stale, err)
	}
	for _, nothing := range []string{"", "x", strings.Repeat("x", 5000)} {
		if ok, _, err := h.compare(ctx, "", nothing); ok || err != nil {
			t.Errorf("without an account %q matches: %v, %v", nothing, ok, err)
		}
	}
	for _, damaged := range []string{"$argon2id$", "$2b$10$abc", strings.Replace(phc, "m=64", "m=4000000000", 1), phc[:len(phc)-3]} {
		if _, _, err := h.compare(ctx, damaged, "x"); !errors.Is(err, errPHC) {
			t.Errorf("%q: got %v", damaged, err)
		}
	}
}

func TestHashesAtOnceAreFew(t *testing.T) {
	t.Parallel()
	h := newHasher(params{memory: 1 << 10, time: 1, threads: 1}, 2)
	var inside, most atomic.Int64
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := h.enter(context.Background()); err != nil {
				t.Error(err)
				return
			}
			now := inside.Add(1)
			for {
				seen := most.Load()
				if now <= seen || most.CompareAndSwap(seen, now) {
					break
				}
			}
			h.encode("x")
			inside.Add(-1)
			h.leave()
		})
	}
	wait.Wait()
	if most.Load() > 2 {
		t.Errorf("%d hashes at once", most.Load())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.gate <- struct{}{}
	h.gate <- struct{}{}
	if _, err := h.make(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for ever: %v", err)
	}
}

// TestRights is the written table once more, line by line: a change of one must be a change of the other.
func TestRights(t *testing.T) {
	t.Parallel()
	kinds := []string{"alliance", "career", "demo", "webinar", "survey", "download", "access", "newsletter", "contact", "privacy", "news", "tenth"}
	got := map[Role]string{}
	for _, role := range Roles() {
		got[role] = "see " + strings.Join(Allowed([]Role{role}, See, kinds), " ") +
			"; act " + strings.Join(Allowed([]Role{role}, Act, kinds), " ") +
			"; publish " + strings.Join(Allowed([]Role{role}, Publish, kinds), " ")
	}
	want := map[Role]string{
		Reviewer:  "see alliance demo webinar survey download access newsletter contact tenth; act alliance demo webinar survey download access newsletter contact tenth; publish ",
		Recruiter: "see career; act career; publish career",
		Alliance:  "see alliance; act alliance; publish ",
		Marketer:  "see demo webinar survey download newsletter; act demo webinar survey download newsletter; publish demo webinar survey download news tenth",
		Privacy:   "see alliance career demo webinar survey download access newsletter contact privacy tenth; act privacy; publish privacy",
		Admin:     "see ; act ; publish ",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rights (-got +want):\n%s", diff)
	}
	if Can(nil, See, "contact") || !Can([]Role{Admin, Recruiter}, Act, "career") {
		t.Error("rights of several roles or none")
	}
	in := &Session{Roles: []Role{Privacy, Recruiter}}
	if got := in.Under(See, "career"); got != Recruiter {
		t.Errorf("Under = %s: the deciding role comes first", got)
	}
	if got := in.Under(Act, "contact"); got != "" {
		t.Errorf("Under a right one has not = %s", got)
	}
}

func TestLabel(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                 "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":                  "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                  "Safari on Mac",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36":                      "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"curl/8.0 <script>": "Browser on unknown system", "": "Browser on unknown system",
	} {
		if got := Label(agent); got != want {
			t.Errorf("Label(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
	} {
		if got := network(netip.MustParseAddr(addr)); got != want {
			t.Errorf("network(%s) = %s, want %s", addr, got, want)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	short := ticket{session: uuid.New(), secret: newSecret()}
	long := ticket{session: uuid.New(), secret: newSecret(), device: uuid.New(), token: newSecret()}
	for name, tt := range map[string]struct {
		secure bool
		ticket ticket
		want   http.Cookie
	}{
		"plain":      {false, short, http.Cookie{Name: "connect"}},
		"https":      {true, short, http.Cookie{Name: "__Host-connect", Secure: true}},
		"remembered": {true, long, http.Cookie{Name: "__Host-connect", Secure: true, MaxAge: 3600, Expires: now.Add(time.Hour)}},
	} {
		s := &Service{keys: keytest.New(t), secure: tt.secure, now: func() time.Time { return now }}
		got, err := s.cookie(Connect, tt.ticket, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		back, err := s.decode(Connect, got.Value)
		if err != nil || !cmp.Equal(back.bytes(), tt.ticket.bytes()) {
			t.Errorf("%s: decoded %v, %v", name, back, err)
		}
		if _, err := s.decode(Staff, got.Value); err == nil {
			t.Errorf("%s: a cookie of one door opens the other", name)
		}
		got.Value = ""
		tt.want.Path, tt.want.HttpOnly, tt.want.SameSite = "/", true, http.SameSiteLaxMode
		if diff := cmp.Diff(*got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// FuzzCookie reads cookies that strangers made up: none is a ticket, unless its bytes were sealed by us, and a ticket
// reads back as it was.
func FuzzCookie(f *testing.F) {
	s := &Service{keys: keytest.New(f), now: time.Now}
	valid, err := s.cookie(Staff, ticket{session: uuid.New(), secret: newSecret()}, time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid.Value, []byte("x"))
	f.Add("", make([]byte, shortTicket))
	f.Add("|||", make([]byte, longTicket))
	f.Add("MTcwfHx8", bytes.Repeat([]byte{1}, longTicket))
	f.Fuzz(func(t *testing.T, value string, raw []byte) {
		if _, err := s.decode(Staff, value); err == nil && value != valid.Value {
			t.Fatalf("a made-up cookie was believed: %q", value)
		}
		got, err := parseTicket(raw)
		if err == nil && !bytes.Equal(got.bytes(), raw) {
			t.Fatalf("%x reads back as %x", raw, got.bytes())
		}
	})
}

// FuzzTyped reads sealed fields that strangers made up.
func FuzzTyped(f *testing.F) {
	s := &Service{keys: keytest.New(f), now: time.Now}
	f.Add([]byte(`{"kind":"staff","path":"/staff","values":{"a":["b"]}}`))
	f.Add([]byte(`{"kind":"staff","path":"//evil.example"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := s.typedOf(Staff, string(raw)); got != nil {
			t.Fatal("an unsealed text was believed")
		}
		// Even what we sealed leads only to addresses of its own door.
		if got := s.typedOf(Staff, s.keys.Seal("typed", raw)); got != nil && local(Staff, got.Path) != got.Path {
			t.Fatalf("leads to %q", got.Path)
		}
	})
}

func TestQR(t *testing.T) {
	t.Parallel()
	const text = "otpauth://totp/Click%20Commerce:ada@example.com?secret=GEZDGNBVGY3TQOJQ&issuer=Click%20Commerce"
	got, err := drawQR(text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	if got.Size != want.Bounds().Dx()+2*quiet {
		t.Fatalf("size %d for %d modules", got.Size, want.Bounds().Dx())
	}
	dark := drawn(t, got.Path)
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			r, _, _, _ := want.At(x, y).RGBA()
			if dark[image.Pt(x+quiet, y+quiet)] != (r == 0) {
				t.Fatalf("module %d,%d differs", x, y)
			}
		}
	}
}

// drawn follows a path of rectangles and returns the squares it covers.
func drawn(t *testing.T, path string) map[image.Point]bool {
	t.Helper()
	dark := map[image.Point]bool{}
	for _, move := range strings.Split(strings.TrimPrefix(path, "M"), "M") {
		at, run, _ := strings.Cut(move, "h")
		xs, ys, _ := strings.Cut(at, " ")
		width, _, _ := strings.Cut(run, "v1h-")
		x, errX := strconv.Atoi(xs)
		y, errY := strconv.Atoi(ys)
		n, errN := strconv.Atoi(width)
		if err := errors.Join(errX, errY, errN); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			dark[image.Pt(x+i, y)] = true
		}
	}
	return dark
}
