package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// clamd speaks to ClamAV's daemon (clamd(8)): INSTREAM and VERSION, one connection each.
type clamd struct{ network, address string }

const (
	dialTimeout = 5 * time.Second
	scanTimeout = 2 * time.Minute // clamd's own MaxScanTime
	maxReply    = 4 << 10
)

// errScanner says that the scanner could not be asked; the file is not to blame.
var errScanner = errors.New("virus scanner does not answer")

// unreadableError is the scanner's word that it could not judge these contents.
type unreadableError string

func (e unreadableError) Error() string { return "virus scanner: " + string(e) }

// ClamdHost reads a CLAMD_ADDR, host:port or the path of a socket, which has no host.
func ClamdHost(address string) (host string, err error) {
	c := newClamd(address)
	if c.network != "tcp" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(c.address)
	if err != nil || host == "" || port == "" {
		return "", errors.New("CLAMD_ADDR: write host:port, or the path of a socket")
	}
	return host, nil
}

func newClamd(address string) *clamd {
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		return &clamd{"unix", strings.TrimPrefix(socket, "//")}
	}
	if strings.HasPrefix(address, "/") {
		return &clamd{"unix", address}
	}
	return &clamd{"tcp", strings.TrimPrefix(address, "tcp://")}
}

// scan returns the signature found in r, empty for a clean one. Errors are errScanner, an unreadableError, or r's own.
func (c *clamd) scan(ctx context.Context, r io.Reader) (string, error) {
	conn, done, err := c.dial(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	// clamd says why before it hangs up on a stream that is too long for it, so its answer is read even then.
	if err := send(conn, r); err != nil && !errors.Is(err, errScanner) {
		return "", err
	}
	reply, err := read(conn)
	if err != nil {
		return "", err
	}
	verdict := strings.TrimPrefix(reply, "stream: ")
	if verdict == "OK" {
		return "", nil
	}
	if signature, ok := strings.CutSuffix(verdict, " FOUND"); ok {
		return signature, nil
	}
	return "", unreadableError(verdict)
}

// version asks who answers.
func (c *clamd) version(ctx context.Context) (string, error) {
	conn, done, err := c.dial(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	if _, err := io.WriteString(conn, "zVERSION\x00"); err != nil {
		return "", fmt.Errorf("%w: %w", errScanner, err)
	}
	return read(conn)
}

func (c *clamd) dial(ctx context.Context) (net.Conn, func(), error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errScanner, err)
	}
	deadline := time.Now().Add(scanTimeout)
	if sooner, ok := ctx.Deadline(); ok && sooner.Before(deadline) {
		deadline = sooner
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w: %w", errScanner, err), conn.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, func() {
		stop()
		_ = conn.Close()
	}, nil
}

// send streams r as INSTREAM wants it: each piece after its length, an empty one at the end.
func send(conn io.Writer, r io.Reader) error {
	if _, err := io.WriteString(conn, "zINSTREAM\x00"); err != nil {
		return fmt.Errorf("%w: %w", errScanner, err)
	}
	buf := make([]byte, 4+64<<10)
	for {
		n, err := io.ReadFull(r, buf[4:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("read file to scan: %w", err)
		}
		binary.BigEndian.PutUint32(buf, uint32(n))
		if _, err := conn.Write(buf[:4+n]); err != nil {
			return fmt.Errorf("%w: %w", errScanner, err)
		}
		if n == 0 {
			return nil
		}
	}
}

func read(conn io.Reader) (string, error) {
	reply, err := io.ReadAll(io.LimitReader(conn, maxReply))
	text := strings.TrimSpace(strings.TrimRight(string(reply), "\x00"))
	if text == "" {
		return "", fmt.Errorf("%w: %w", errScanner, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return text, nil
}
