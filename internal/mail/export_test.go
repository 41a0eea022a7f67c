package mail

import (
	"crypto/x509"
	"strings"
)

// Trust makes the queue's mail server prove itself by a test's own certificate.
func (q *Queue) Trust(roots *x509.CertPool) { q.transport.(*server).roots = roots }

// ReadReport is what the fuzz target reads strangers' bytes with.
func ReadReport(raw string) (recipients []string, status string, err error) {
	rep, err := readReport(strings.NewReader(raw), "www.example.com")
	return rep.Recipients, rep.Status, err
}
