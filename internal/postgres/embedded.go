package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres/cluster"
)

const (
	// EmbeddedRole is the serving role of embedded and test databases.
	EmbeddedRole     = "site"
	embeddedDatabase = "site"
)

// createEmbedded makes the serving role and the database. Several processes may do so at once.
func createEmbedded(ctx context.Context, admin *pgxpool.Pool) error {
	if err := CreateRole(ctx, admin, EmbeddedRole); err != nil {
		return err
	}
	for {
		var there bool
		err := admin.QueryRow(ctx,
			`SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, embeddedDatabase).Scan(&there)
		if err != nil || there {
			return err
		}
		_, err = admin.Exec(ctx, `CREATE DATABASE `+embeddedDatabase+` OWNER `+cluster.Owner)
		if err == nil {
			return nil
		}
		// The template is in use while another process copies it.
		if !Answered(err, "42P04", "23505", "55006") {
			return fmt.Errorf("create the database: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("create the database: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// CreateRole makes a role that may log in and nothing else, unless it is there.
func CreateRole(ctx context.Context, admin *pgxpool.Pool, name string) error {
	_, err := admin.Exec(ctx, `CREATE ROLE `+quote(name)+` LOGIN`)
	if err != nil && !Answered(err, "42710", "23505") {
		return fmt.Errorf("create role %s: %w", name, err)
	}
	return nil
}
