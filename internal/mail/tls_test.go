package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"clickcommerce.com/site/internal/mail/mailtest"
)

func TestPasswordNeedsTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cert, roots := certificate(t)
	server := mailtest.ServeTLS(t, cert, "site", "secret")
	w.config.SMTP = server.URL
	w.queue = mailtest.New(t, w.config)
	if err := w.queue.Check(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a server with a certificate of its own making: got %v", err)
	}
	w.queue.Trust(roots)
	id := w.letter(w.person("ada@example.com"), "ada@example.com")
	w.drain()
	if got := w.row(id); got.State != "sent" || len(server.Mails()) != 1 {
		t.Errorf("got %s %s", got.State, got.Error)
	}
	w.config.SMTP = strings.Replace(server.URL, "secret", "wrong", 1)
	w.queue = mailtest.New(t, w.config)
	w.queue.Trust(roots)
	if err := w.queue.Check(t.Context()); err == nil {
		t.Error("a wrong password is let in")
	}
	// A server without TLS never sees the password.
	w.config.SMTP = strings.Replace(w.server.URL, "smtp://", "smtp://site:secret@", 1)
	w.queue = mailtest.New(t, w.config)
	if err := w.queue.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without TLS: got %v", err)
	}
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: secret}, roots
}
