package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// sendTimeout bounds the opening of a session, and the sending of one mail over it.
const sendTimeout = 30 * time.Second

// transport takes mails to the outside. Sessions are for one goroutine.
type transport interface {
	open(ctx context.Context) (session, error)
}

type session interface {
	// send returns nil, or a *refusal, or an error after which the session is of no more use.
	send(name string, m *gomail.Msg) error
	close()
}

// broken tells whether a session is of no more use after what its send returned.
func broken(sent error) bool {
	var refused *refusal
	return sent != nil && !errors.As(sent, &refused)
}

// connection opens a session when a mail needs one, and keeps it for the next.
type connection struct {
	transport transport
	session   session // nil: none is open
}

func (c *connection) open(ctx context.Context) error {
	if c.session != nil {
		return nil
	}
	s, err := c.transport.open(ctx)
	if err != nil {
		return err
	}
	c.session = s
	return nil
}

func (c *connection) close() {
	if c.session != nil {
		c.session.close()
		c.session = nil
	}
}

// refusal is a server's no to one mail. Its text names codes only: servers quote addresses.
type refusal struct {
	Code      int    // 4xx or 5xx (RFC 5321)
	Enhanced  string // "5.1.1" (RFC 3463), or empty
	Recipient bool   // said about the recipient
	Sender    bool   // said about us, before the recipient was named: it is so for every mail
}

func (r *refusal) Error() string {
	return strings.TrimSpace("the mail server refused: " + strconv.Itoa(r.Code) + " " + r.Enhanced)
}

func (r *refusal) permanent() bool { return r.Code >= 500 && !r.Sender }

// unwelcome tells whether the server takes no mail from us at all, as one whose limit of the day is reached.
func unwelcome(sent error) bool {
	var no *refusal
	return errors.As(sent, &no) && no.Sender && no.Code >= 500
}

// dead says that the refusal condemns the address, not just this mail; from servers without enhanced codes, those that RFC
// 5321 has for mailboxes.
func (r *refusal) dead() bool {
	if r.Enhanced == "" {
		return r.Recipient && (r.Code == 550 || r.Code == 551 || r.Code == 553)
	}
	return condemns(r.Enhanced)
}

// condemns says that a status is about the address of the recipient (RFC 3463, 5.1.x), not about the sender, the mail, a
// full mailbox or a policy.
func condemns(status string) bool {
	return strings.HasPrefix(status, "5.1.") && status != "5.1.7" && status != "5.1.8"
}

// whyUnreachable says in few words why no mail can leave. What a server wrote is left out but for its code.
func whyUnreachable(err error) string {
	var answered *textproto.Error
	var call *net.OpError
	var name *net.DNSError
	var path *fs.PathError
	const away = "the mail server could not be reached"
	switch {
	case errors.As(err, &path):
		return "mail could not be written: " + path.Err.Error()
	case errors.As(err, &answered):
		return fmt.Sprintf("the mail server answered %d", answered.Code)
	case errors.As(err, &name):
		return away + ": its name is unknown"
	case errors.As(err, &call):
		return away + ": " + call.Err.Error()
	}
	return away
}

func newTransport(smtpURL, dir, helo string) (transport, error) {
	if smtpURL != "" {
		return parseServer(smtpURL, helo)
	}
	if dir == "" {
		return nil, errors.New("mail: neither SMTP_URL nor a folder for written mail")
	}
	return folder(dir), nil
}

// server is an SMTP server that relays for us.
type server struct {
	host       string
	port       int
	user, pass string
	ssl        bool // TLS from the first byte (smtps)
	policy     gomail.TLSPolicy
	helo       string
	roots      *x509.CertPool // nil: the system's
}

// parseServer reads SMTP_URL: smtp://user:pass@host:port or smtps://…, with ?starttls=required or ?starttls=off.
// By default STARTTLS is used where offered, and required where there is a password. Its errors don't quote the URL.
func parseServer(raw, helo string) (*server, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("mail: SMTP_URL is not smtp://user:pass@host:port")
	}
	s := &server{host: u.Hostname(), port: 25, ssl: u.Scheme == "smtps", policy: gomail.TLSOpportunistic}
	if u.User != nil {
		s.user = u.User.Username()
		s.pass, _ = u.User.Password()
		s.port, s.policy = 587, gomail.TLSMandatory
	}
	if s.ssl {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("mail: SMTP_URL has no usable port")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	delete(query, "starttls")
	if err != nil || len(query) > 0 { // a misspelt starttls=required would send in the clear
		return nil, errors.New("mail: SMTP_URL has an option other than starttls")
	}
	switch u.Query().Get("starttls") {
	case "":
	case "required":
		s.policy = gomail.TLSMandatory
	case "off":
		s.policy = gomail.NoTLS
	default:
		return nil, errors.New("mail: SMTP_URL: starttls is required or off")
	}
	// Relays look at the name in HELO; a machine's own is often not one that the world knows.
	if strings.Contains(helo, ".") && net.ParseIP(helo) == nil {
		s.helo = helo
	}
	return s, nil
}

// CheckURL tells whether an SMTP_URL can be read. Its error does not quote it.
func CheckURL(raw string) error {
	_, err := parseServer(raw, "")
	return err
}

func (s *server) client(timeout time.Duration) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(timeout), gomail.WithTLSPolicy(s.policy),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}),
	}
	if s.ssl {
		options = append(options, gomail.WithSSL())
	}
	if s.helo != "" {
		options = append(options, gomail.WithHELO(s.helo))
	}
	if s.user != "" {
		auth := gomail.SMTPAuthAutoDiscover
		if s.policy == gomail.NoTLS && !s.ssl {
			auth = gomail.SMTPAuthPlainNoEnc // starttls=off was asked for in so many words
		}
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.user), gomail.WithPassword(s.pass))
	}
	return gomail.NewClient(s.host, options...)
}

func (s *server) open(ctx context.Context) (session, error) {
	timeout := sendTimeout
	if end, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(end))
	}
	if timeout <= 0 {
		return nil, context.DeadlineExceeded
	}
	client, err := s.client(timeout)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach mail server: %w", err)
	}
	return &dialogue{client, conn}, nil
}

type dialogue struct {
	client *gomail.Client
	conn   *smtp.Client
}

func (d *dialogue) send(_ string, m *gomail.Msg) error {
	err := d.client.SendWithSMTPClient(d.conn, m)
	if err == nil || m.IsDelivered() { // a failure after the server took the mail is none of the mail's
		return nil
	}
	var se *gomail.SendError
	if errors.As(err, &se) && se.ErrorCode() >= 400 {
		return &refusal{
			Code: se.ErrorCode(), Enhanced: se.EnhancedStatusCode(), Recipient: se.Reason == gomail.ErrSMTPRcptTo,
			Sender: se.Reason == gomail.ErrSMTPMailFrom,
		}
	}
	return errors.New("the connection to the mail server broke")
}

func (d *dialogue) close() {
	if d.client.CloseWithSMTPClient(d.conn) != nil {
		_ = d.conn.Close() // the server did not answer QUIT
	}
}

// folder writes each mail into a file NAME.eml, readable by the owner alone: the way to see mail where no server is.
type folder string

func (f folder) open(context.Context) (session, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, fmt.Errorf("folder of written mail: %w", err)
	}
	return f, nil
}

func (f folder) send(name string, m *gomail.Msg) error {
	temp, err := os.CreateTemp(string(f), "."+name+"-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	_, err = m.WriteTo(temp)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), filepath.Join(string(f), name+".eml"))
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fmt.Errorf("write mail: %w", err)
	}
	return nil
}

func (folder) close() {}

// Check says whether mail can leave: the server lets us in, or the folder can be written.
func (q *Queue) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	s, err := q.transport.open(ctx)
	if err != nil {
		return err
	}
	s.close()
	return nil
}
