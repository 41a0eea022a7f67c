package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	nettextproto "net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrNoReport says that what came back is not a delivery report (RFC 3464): an answer, a holiday note, spam.
var ErrNoReport = errors.New("mail: not a delivery report")

const (
	maxReport = 16 << 20 // bytes read of a report: some servers return the whole mail
	maxStatus = 64 << 10 // bytes read of its machine-readable part
	maxParts  = 20

	// fallbackAge is how old a mail may be that a report without its Message-ID can be about: servers give up after
	// five days (RFC 5321, 4.5.4.1).
	fallbackAge = 10 * 24 * time.Hour
)

// report is what counts in a delivery report.
type report struct {
	Message    uuid.UUID // zero: not named
	Recipients []string  // addresses, lower case, that failed for good
	Status     string    // "5.1.1": of the first of them
}

// Bounce reads one delivery report and marks its message as failed and its person's address as one from which mail
// comes back. Reports of delays and deliveries change nothing. It returns ErrNoReport for other mail, and ErrNotFound
// where the report is about none of our messages.
//
// The Message-ID in the returned mail leads to the message; only the recipient knows it. A report without one is taken
// to be about the newest mail of the last days to the recipient that it names.
func (q *Queue) Bounce(ctx context.Context, r io.Reader) error {
	rep, err := readReport(r, q.host())
	if err != nil {
		return err
	}
	if rep.Status == "" {
		return nil
	}
	var id uuid.UUID
	err = pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) (err error) {
		id, err = q.comeBack(ctx, tx, rep)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("mark bounce: %w", err)
	}
	q.log.Warn("mail came back", "message", id, "status", rep.Status)
	return nil
}

func (q *Queue) comeBack(ctx context.Context, tx pgx.Tx, rep report) (uuid.UUID, error) {
	id, err := find(ctx, tx, rep, q.now())
	if err != nil {
		return id, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE message SET state = 'failed', bounced_at = $2, last_error = $3
		WHERE id = $1 AND bounced_at IS NULL`, id, q.now(), "came back: "+rep.Status)
	if err != nil {
		return id, err
	}
	return id, markPerson(ctx, tx, id, q.now())
}

func find(ctx context.Context, tx pgx.Tx, rep report, at time.Time) (id uuid.UUID, err error) {
	if rep.Message != uuid.Nil {
		err = tx.QueryRow(ctx, `
			SELECT id FROM message WHERE id = $1 AND sent_at IS NOT NULL FOR UPDATE`, rep.Message).Scan(&id)
		return id, err
	}
	err = tx.QueryRow(ctx, `
		SELECT m.id FROM message m JOIN person p ON p.id = m.person_id
		WHERE p.email = ANY ($1) AND m.address = p.email AND m.channel = 'email' AND m.state = 'sent' AND m.sent_at > $2
		ORDER BY m.created_at DESC, m.id DESC LIMIT 1 FOR UPDATE OF m`, rep.Recipients, at.Add(-fallbackAge)).Scan(&id)
	return id, err
}

// readReport reads a stranger's bytes: whatever they are, it returns what it understands, or ErrNoReport.
func readReport(r io.Reader, host string) (report, error) {
	entity, err := message.Read(io.LimitReader(r, maxReport))
	if entity == nil || (err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return report{}, ErrNoReport
	}
	kind, params, err := entity.Header.ContentType()
	parts := entity.MultipartReader()
	if err != nil || kind != "multipart/report" || parts == nil ||
		!strings.HasSuffix(strings.ToLower(params["report-type"]), "delivery-status") {
		return report{}, ErrNoReport
	}
	var rep report
	seen := false
	for range maxParts {
		part, err := parts.NextPart()
		if part == nil || errors.Is(err, io.EOF) {
			break
		}
		kind, _, _ := part.Header.ContentType()
		switch kind {
		case "message/delivery-status", "message/global-delivery-status":
			seen = true
			rep.readStatus(part.Body)
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
			h, _ := textproto.ReadHeader(bufio.NewReader(io.LimitReader(part.Body, maxStatus))) // often cut off
			rep.Message = ours(h.Get("Message-ID"), host)
		}
	}
	if !seen {
		return report{}, ErrNoReport
	}
	if rep.Message == uuid.Nil { // servers that return nothing of the mail may still refer to it
		rep.Message = ours(entity.Header.Get("In-Reply-To"), host)
	}
	return rep, nil
}

// readStatus reads the groups of fields of RFC 3464: one about the report, then one for each recipient.
func (rep *report) readStatus(body io.Reader) {
	raw, _ := io.ReadAll(io.LimitReader(body, maxStatus)) // what was read before an error counts
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	for group := range strings.SplitSeq(text, "\n\n") {
		group = strings.TrimLeft(group, "\n") + "\n\n"
		// A malformed line ends the group; the fields before it count.
		fields, _ := nettextproto.NewReader(bufio.NewReader(strings.NewReader(group))).ReadMIMEHeader()
		status := failure.FindString(strings.TrimSpace(fields.Get("Status")))
		if !strings.EqualFold(strings.TrimSpace(fields.Get("Action")), "failed") || status == "" {
			continue
		}
		if rep.Status == "" {
			rep.Status = status
		}
		for _, name := range []string{"Original-Recipient", "Final-Recipient"} {
			_, address, _ := strings.Cut(fields.Get(name), ";")
			address = strings.ToLower(strings.Trim(strings.TrimSpace(address), "<>"))
			if strings.Contains(address, "@") && utf8.ValidString(address) && !slices.Contains(rep.Recipients, address) {
				rep.Recipients = append(rep.Recipients, address)
			}
		}
	}
}

var (
	failure = regexp.MustCompile(`^5\.\d{1,3}\.\d{1,3}`)
	idForm  = regexp.MustCompile(`([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})@([^\s<>@]+)`)
)

// ours returns the id in a Message-ID that we gave, or zero.
func ours(header, host string) uuid.UUID {
	m := idForm.FindStringSubmatch(header)
	if len(m) < 3 || !strings.EqualFold(m[2], host) {
		return uuid.Nil
	}
	id, err := uuid.Parse(m[1])
	if err != nil {
		return uuid.Nil
	}
	return id
}
