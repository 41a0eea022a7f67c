package mail

import (
	"crypto/x509"
	"strings"

	"github.com/google/uuid"
)

// ClaimDue is the statement that finds what is due.
const ClaimDue = claimDue

// Trust makes the queue's mail server prove itself by a test's own certificate.
func (q *Queue) Trust(roots *x509.CertPool) { q.transport.(*server).roots = roots }

// MessageID is what a mail of the queue carries.
func (q *Queue) MessageID(id uuid.UUID) string { return q.messageID(id) }

// ReadReport is what the fuzz target reads strangers' bytes with.
func ReadReport(raw string) (messageID, status string, err error) {
	rep, err := readReport(strings.NewReader(raw))
	return rep.MessageID, rep.Status, err
}
