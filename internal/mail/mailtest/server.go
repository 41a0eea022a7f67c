package mailtest

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is what the server took.
type Mail struct {
	From, To string // of the envelope
	Raw      string // head and body, lines ending in \r\n
}

// Server is an SMTP server on a free port of this machine. It takes everything unless Answer says otherwise.
type Server struct {
	URL string // for SMTP_URL

	mu     sync.Mutex
	answer func(to string) error
	sender error
	user   string
	pass   string
	mails  []Mail
}

// Serve starts a server without TLS that stops with the test.
func Serve(t testing.TB) *Server {
	t.Helper()
	return start(t, &Server{}, nil)
}

// ServeTLS starts a server that offers STARTTLS with the certificate and takes mail of that user only.
func ServeTLS(t testing.TB, cert tls.Certificate, user, pass string) *Server {
	t.Helper()
	return start(t, &Server{user: user, pass: pass}, &tls.Config{Certificates: []tls.Certificate{cert}})
}

func start(t testing.TB, s *Server, secure *tls.Config) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.URL = "smtp://" + l.Addr().String()
	if s.user != "" {
		s.URL = "smtp://" + s.user + ":" + s.pass + "@" + l.Addr().String()
	}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &dialogue{server: s}, nil
	}))
	srv.Domain, srv.TLSConfig, srv.EnableSMTPUTF8 = "relay.example.com", secure, true
	srv.ErrorLog = quiet{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return s
}

// Answer sets what the server says to a recipient: nil, or an *smtp.SMTPError with codes.
func (s *Server) Answer(f func(to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Unwelcome sets what the server says to whoever names a sender: nil, or an *smtp.SMTPError with codes.
func (s *Server) Unwelcome(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sender = err
}

// Mails returns what the server took so far, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// To returns what it took for one recipient.
func (s *Server) To(address string) []Mail {
	var list []Mail
	for _, m := range s.Mails() {
		if m.To == address {
			list = append(list, m)
		}
	}
	return list
}

// quiet drops what the server says about broken connections: tests break them on purpose.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type dialogue struct {
	server *Server
	known  bool
	mail   Mail
}

func (d *dialogue) AuthMechanisms() []string {
	if d.server.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (d *dialogue) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != d.server.user || pass != d.server.pass {
			return smtp.ErrAuthFailed
		}
		d.known = true
		return nil
	}), nil
}

func (d *dialogue) Mail(from string, _ *smtp.MailOptions) error {
	if d.server.user != "" && !d.known {
		return smtp.ErrAuthRequired
	}
	d.mail.From = from
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.server.sender
}

func (d *dialogue) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.server.mu.Lock()
	answer := d.server.answer
	d.server.mu.Unlock()
	d.mail.To = to
	if answer == nil {
		return nil
	}
	return answer(to)
}

func (d *dialogue) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.mail.Raw = strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n", "\r\n")
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.server.mails = append(d.server.mails, d.mail)
	return nil
}

func (d *dialogue) Reset()        { d.mail = Mail{} }
func (d *dialogue) Logout() error { return nil }
