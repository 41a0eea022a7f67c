package file

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// house is a Store over a real database and a folder, with a clock that the test moves.
type house struct {
	*Store
	t     testing.TB
	pool  *pgxpool.Pool
	root  string
	later atomic.Int64
	logs  *bytes.Buffer
}

func newHouse(t testing.TB, clamdAddr string) *house {
	t.Helper()
	h := &house{t: t, pool: pgtest.New(t), root: filepath.Join(t.TempDir(), "files"), logs: new(bytes.Buffer)}
	blobs, err := OpenBlobs("", h.root)
	must(t, err)
	h.Store = New(Config{
		Pool: h.pool, Blobs: blobs, Keys: keytest.New(t), Clamd: clamdAddr,
		Now: func() time.Time { return time.Now().Add(time.Duration(h.later.Load())) },
		Log: slog.New(slog.NewTextHandler(h.logs, nil)),
	})
	return h
}

func (h *house) wait(d time.Duration) { h.later.Add(int64(d)) }

const limit = 10 << 20

// documents are the types in which a letter or a résumé is taken.
func documents() []Type { return []Type{PDF, DOCX, ODT, RTF, TXT} }

func (h *house) stage(name string, body []byte) Staged {
	h.t.Helper()
	s, err := h.Stage(h.t.Context(), Upload{
		Name: name, Reader: bytes.NewReader(body), Accept: append(documents(), ZIP), Max: limit, Field: "cv",
	})
	must(h.t, err)
	return s
}

// submit inserts a submission and attaches files to it, as Accept does; insert false is a repeat that writes nothing.
func (h *house) submit(insert bool, submission uuid.UUID, ids ...uuid.UUID) {
	h.t.Helper()
	var b pgx.Batch
	if insert {
		b.Queue(`
			INSERT INTO submission (id, kind, status, reference, created_at, purge_after)
			VALUES ($1, 'career', 'new', $2, $3, '2030-01-01')`, submission, submission.String()[:13], h.now())
	}
	h.Attach(&b, submission, ids...)
	must(h.t, pgx.BeginFunc(h.t.Context(), h.pool, func(tx pgx.Tx) error {
		return tx.SendBatch(h.t.Context(), &b).Close()
	}))
}

func (h *house) attached(name string, body []byte) Staged {
	h.t.Helper()
	s := h.stage(name, body)
	h.submit(true, uuid.New(), s.ID)
	return s
}

func (h *house) info(id uuid.UUID) Info {
	h.t.Helper()
	i, err := h.Info(h.t.Context(), id)
	must(h.t, err)
	return i
}

// stored returns the names of all blobs.
func (h *house) stored() []string {
	h.t.Helper()
	names := []string{}
	for _, prefix := range []string{"file/", tmpPrefix} {
		for name, err := range h.blobs.List(h.t.Context(), prefix, time.Now().Add(time.Hour)) {
			must(h.t, err)
			names = append(names, name)
		}
	}
	return names
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.pool.Exec(h.t.Context(), sql, args...)
	must(h.t, err)
}

// blobPath is where the contents of a file lie.
func (h *house) blobPath(id uuid.UUID) string {
	h.t.Helper()
	var blob string
	must(h.t, h.pool.QueryRow(context.Background(), `SELECT blob FROM file WHERE id = $1`, id).Scan(&blob))
	return h.blobs.(*folder).path(blob)
}

func TestWarning(t *testing.T) {
	tests := map[string]Info{
		"":                  {State: StateAttached, Scan: Clean, Openable: true},
		"Not scanned":       {State: StateAttached, Scan: Unscanned, Openable: true},
		"Waiting":           {State: StateAttached, Scan: Pending},
		"Eicar":             {State: StateAttached, Scan: Infected, Signature: "Eicar"},
		"could not read":    {State: StateAttached, Scan: Failed},
		"was removed":       {State: StateRemoved, Scan: Clean},
		"Waiting for the v": {State: StateAttached, Scan: Unscanned},
	}
	for want, info := range tests {
		if got := info.Warning(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("warning %q, want %q", got, want)
		}
	}
}
