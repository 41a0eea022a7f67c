package activity

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"time"

	"clickcommerce.com/site/internal/form"
)

// minimumAge is how long a person needs at least to read that the form asks once more.
const minimumAge = 2 * time.Second

// guard looks for signs that no person is at work. A doubtful sending is asked once more; one that still looks wrong is
// taken and kept apart, so that a mistake of ours loses nothing.
//
// What is never kept apart is asked once more at most, and only where the trap was filled.
func (d *Desk) guard(r *http.Request, s *sending) *refusal {
	a, _ := d.activities.Find(s.form.Kind)
	trapped := s.in.values.Get(form.TrapField) != ""
	crowded := !a.NeverApart && d.crowded(s.values.Get("email"))
	if !trapped && !crowded {
		return nil
	}
	client := d.Ring.Digest("again", []byte(clientKey(d.Proxies.Client(r))))[:8]
	if asked, ok := d.askedAt(s.in.values.Get(againField), client); ok {
		s.doubtful = !a.NeverApart && (trapped || crowded || d.Now().Sub(asked) < minimumAge)
		return nil
	}
	s.again = d.Ring.Seal(againField, binary.BigEndian.AppendUint64(client, uint64(d.Now().UnixMilli())))
	return &refusal{http.StatusUnprocessableEntity, d.say("once_more")}
}

// crowded counts one more sending that names the address, and tells whether those are too many.
func (d *Desk) crowded(email string) bool {
	if email == "" {
		return false
	}
	_, ok := d.addresses.allow(email, d.Now())
	return !ok
}

// askedAt returns when this client was asked to send once more, within the last hour.
func (d *Desk) askedAt(sealed string, client []byte) (time.Time, bool) {
	body, err := d.Ring.Open(againField, sealed)
	if err != nil || len(body) != 16 || !bytes.Equal(body[:8], client) {
		return time.Time{}, false
	}
	at := time.UnixMilli(int64(binary.BigEndian.Uint64(body[8:])))
	return at, d.Now().Sub(at) < time.Hour
}
