package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Away tells whether the database could not be asked, or not in time: the same may go well in a minute. It is shutting
// down or starting (57P), has no room (53), or the connection broke (08).
func Away(err error) bool {
	var (
		connect *pgconn.ConnectError
		line    *net.OpError
		server  *pgconn.PgError
	)
	if errors.As(err, &server) {
		return strings.HasPrefix(server.Code, "57P") || strings.HasPrefix(server.Code, "53") || strings.HasPrefix(server.Code, "08")
	}
	return errors.As(err, &connect) || errors.As(err, &line) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded)
}
