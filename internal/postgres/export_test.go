package postgres

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
)

// MigrateFiles, MigrateFilesDown and CheckFiles work on other steps than the program's own.
func MigrateFiles(ctx context.Context, files fs.FS, admin *pgxpool.Pool, serving string) error {
	return schema{files: files}.up(ctx, admin, serving)
}

func MigrateFilesDown(ctx context.Context, files fs.FS, admin *pgxpool.Pool) error {
	return schema{files: files}.down(ctx, admin)
}

func CheckFiles(ctx context.Context, files fs.FS, pool *pgxpool.Pool) error {
	return schema{files: files}.check(ctx, pool)
}

// RulesOf is the list with which the test renews the one that comes with the program.
func RulesOf(ctx context.Context, pool *pgxpool.Pool) ([]string, error) { return rulesOf(ctx, pool) }
