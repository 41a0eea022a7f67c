package main

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// answerBuffer is the size of net/http's buffer for an answer.
const answerBuffer = 4 << 10

type answerPart [answerBuffer]byte

// answers is a listener whose connections send a page by one system call: a full buffer of net/http waits for what
// follows it. A second call is a quarter of the time that a page takes. The server's ConnState must be [answered].
type answers struct {
	net.Listener
	parts *sync.Pool
}

func newAnswers(l net.Listener) answers {
	return answers{l, &sync.Pool{New: func() any { return new(answerPart) }}}
}

func (l answers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &answerConn{TCPConn: tcp, parts: l.parts}, err
	}
	return c, err
}

// answerConn is such a connection. One goroutine writes its answers; another may close it meanwhile.
type answerConn struct {
	*net.TCPConn
	parts *sync.Pool
	held  atomic.Pointer[answerPart]
}

// Write holds a full buffer back, and sends it with the next. Nothing waits for long: a buffer is full where more
// follows, and where an answer ends by chance with it, the end of the request or the connection sends it.
func (c *answerConn) Write(p []byte) (int, error) {
	held := c.held.Swap(nil)
	switch {
	case held != nil:
		return c.writeBoth(held, p)
	case len(p) != answerBuffer:
		return c.TCPConn.Write(p)
	}
	held, _ = c.parts.Get().(*answerPart)
	copy(held[:], p)
	c.held.Store(held)
	return len(p), nil
}

func (c *answerConn) writeBoth(held *answerPart, p []byte) (int, error) {
	defer c.parts.Put(held)
	both := net.Buffers{held[:], p}
	n, err := both.WriteTo(c.TCPConn)
	return max(0, int(n)-len(held)), err
}

// ReadFrom lets the system send a file by itself.
func (c *answerConn) ReadFrom(r io.Reader) (int64, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	return c.TCPConn.ReadFrom(r)
}

func (c *answerConn) CloseWrite() error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.TCPConn.CloseWrite()
}

func (c *answerConn) Close() error {
	err := c.SetWriteDeadline(time.Now().Add(time.Second)) // a visitor who reads no more must not keep the program from stopping
	if err == nil {
		_ = c.flush() // who is gone misses nothing
	}
	return c.TCPConn.Close()
}

func (c *answerConn) flush() error {
	held := c.held.Swap(nil)
	if held == nil {
		return nil
	}
	_, err := c.writeBoth(held, nil)
	return err
}

// answered is told how a connection fares, and sends what waits once a request is over.
func answered(c net.Conn, state http.ConnState) {
	if a, ok := c.(*answerConn); ok && state == http.StateIdle {
		_ = a.flush() // reading the next request meets the same error
	}
}
