package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
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

// Violates tells whether an error says that a constraint, or a trigger that names itself as one, refused what was written.
func Violates(err error, constraint string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.ConstraintName == constraint
}

// Answered tells whether the server answered with one of these codes (SQLSTATE).
func Answered(err error, codes ...string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && slices.Contains(codes, server.Code)
}
