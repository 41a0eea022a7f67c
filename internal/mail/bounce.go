package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	nettextproto "net/textproto"
	"regexp"
	"strings"

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
	maxID     = 998      // characters of a Message-ID: what a line may have (RFC 5322, 2.1.1)
	maxParts  = 20
)

// report is what counts in a delivery report.
type report struct {
	MessageID string // what the returned mail, or else the report itself, refers to
	Status    string // "5.1.1": of the first recipient that failed; empty: none did
}

// Bounce reads one delivery report and marks its message as failed, and its person's address as one from which mail comes
// back where the status condemns the address. Reports of delays and deliveries change nothing. It returns ErrNoReport for
// other mail, and ErrNotFound where the report is about none of our messages.
//
// Anybody can write a report, so nothing in it is believed but the Message-ID of the returned mail: it holds a MAC, and
// only those know it who got the mail or carried it. The address that a report names counts for nothing.
func (q *Queue) Bounce(ctx context.Context, r io.Reader) error {
	rep, err := readReport(r)
	if err != nil {
		return err
	}
	if rep.Status == "" {
		return nil
	}
	id, err := q.ours(rep.MessageID)
	if err != nil {
		return ErrNotFound
	}
	err = pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error { return q.comeBack(ctx, tx, id, rep.Status) })
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("mark bounce: %w", err)
	}
	q.log.Warn("mail came back", "message", id, "status", rep.Status)
	return nil
}

func (q *Queue) comeBack(ctx context.Context, tx pgx.Tx, id uuid.UUID, status string) error {
	err := tx.QueryRow(ctx, `SELECT FROM message WHERE id = $1 AND sent_at IS NOT NULL FOR UPDATE`, id).Scan()
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE message SET state = 'failed', bounced_at = $2, last_error = $3
		WHERE id = $1 AND state = 'sent'`, id, q.now(), "came back: "+status)
	if err != nil || tag.RowsAffected() == 0 || !condemns(status) { // told before, perhaps of a try before this one
		return err
	}
	return markPerson(ctx, tx, id, q.now())
}

// readReport reads a stranger's bytes: whatever they are, it returns what it understands, or ErrNoReport.
func readReport(r io.Reader) (report, error) {
	entity, err := message.Read(withoutEnvelope(io.LimitReader(r, maxReport)))
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
			rep.MessageID = oneLine(h.Get("Message-ID"), maxID)
		}
	}
	if !seen {
		return report{}, ErrNoReport
	}
	if rep.MessageID == "" { // servers that return nothing of the mail may still refer to it
		rep.MessageID = oneLine(entity.Header.Get("In-Reply-To"), maxID)
	}
	return rep, nil
}

// withoutEnvelope leaves out the line "From sender date" that mail servers write before what they pipe into a program.
func withoutEnvelope(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if start, _ := b.Peek(len("From ")); string(start) == "From " {
		for more := true; more; {
			_, more, _ = b.ReadLine()
		}
	}
	return b
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
		if strings.EqualFold(strings.TrimSpace(fields.Get("Action")), "failed") && status != "" {
			rep.Status = status
			return
		}
	}
}

// failure is a status of what failed for good, or of what was tried in vain until the server gave up (RFC 3464, 2.3.3).
var failure = regexp.MustCompile(`^[45]\.\d{1,3}\.\d{1,3}`)

// ours returns the id of the message to which we gave a Message-ID, or key.ErrForged.
func (q *Queue) ours(messageID string) (uuid.UUID, error) {
	token, _, _ := strings.Cut(strings.Trim(messageID, "<> \t"), "@")
	return q.keys.ParseToken(messagePurpose, token)
}
