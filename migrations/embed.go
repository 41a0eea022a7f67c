// Package migrations carries the steps of the database schema, as goose reads them.
//
// Steps are numbered NNNNN_name.sql, without a gap, and never edited once released. Each has an Up and a Down
// that undoes it entirely, and a comment `-- compatible: yes` or `-- compatible: no`: whether the
// previous binary can go on serving while the step is already applied. That word is copied into the
// database when the step is applied, so that an older binary knows whether it may still serve. While that serves, a step
// must not make it wait: it sets a lock_timeout before it touches a large table, leaves the checking and filling of rows to
// a later step or to the program, and builds indexes CONCURRENTLY in a step of its own.
package migrations

import "embed"

// FS holds every step, at its root.
//
//go:embed *.sql
var FS embed.FS

// Rules are those that the steps leave, one a line: triggers, constraints, functions, rights. After a new step,
// `go test ./internal/postgres -run TestRules -update` writes them anew.
//
//go:embed rules.txt
var Rules string
