package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/cluster"
	"clickcommerce.com/site/internal/privacy"
)

// runProve takes every rule out of a copy of schema and server, one at a time, and demands that its check goes red.
func runProve(ctx context.Context, c *cli) error {
	return withApp(ctx, c, func(a *app) error {
		proof, err := a.prove(ctx, c.stdout)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%d rules removed, %d noticed.\n", proof.Removed, proof.Noticed)
		return whole(proof)
	})
}

// prove proves and records what came of it. Each removal is told to out.
func (a *app) prove(ctx context.Context, out io.Writer) (privacy.Proof, error) {
	p, err := newProver(ctx, a, out)
	if err != nil {
		return privacy.Proof{}, err
	}
	proof, err := p.proveAll(ctx)
	if err := errors.Join(err, p.close()); err != nil {
		return proof, err
	}
	return proof, a.privacy.RecordProof(ctx, proof)
}

// whole is an error where a removal went unnoticed.
func whole(p privacy.Proof) error {
	if p.Noticed < p.Removed {
		return fmt.Errorf("%d removals went unnoticed", p.Removed-p.Noticed)
	}
	return nil
}

// proofWaits is how long after a start the first proof may begin: it takes minutes of a processor, and whoever starts the
// site wants to see it first.
const proofWaits = 5 * time.Minute

const proofWorker = "proof"

// proofWork proves once the last proof is a week old, or there was none.
func (a *app) proofWork() job.Worker {
	return job.Worker{Name: proofWorker, Every: 6 * time.Hour, Timeout: 30 * time.Minute, Run: func(ctx context.Context) error {
		if due, err := a.proofDue(ctx); err != nil || !due {
			return err
		}
		return a.proveAlong(ctx)
	}}
}

// proofDue tells whether it is time for a proof, beside a server that has run for a while.
func (a *app) proofDue(ctx context.Context) (bool, error) {
	if a.began.IsZero() || time.Since(a.began) < proofWaits {
		return false, nil
	}
	return a.privacy.ProofDue(ctx)
}

// proveAlong proves beside the server, and gives up when that is to end. A machine without Postgres' programs has no place
// for the copies: there the operator proves elsewhere.
func (a *app) proveAlong(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-a.leaving:
			cancel()
		case <-ctx.Done():
		}
	}()
	proof, err := a.prove(ctx, io.Discard)
	if errors.Is(err, cluster.ErrNoBinaries) {
		return nil
	}
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	a.log.InfoContext(ctx, "proved the promises", "removed", proof.Removed, "noticed", proof.Noticed)
	return whole(proof)
}

// prover makes copies of the site in a folder of its own.
type prover struct {
	*app
	out     io.Writer
	dir     string
	server  *postgres.Scratch
	started time.Time // the clock of the copies: the day after the newest statement takes effect
}

func newProver(ctx context.Context, a *app, out io.Writer) (*prover, error) {
	dir, err := os.MkdirTemp("", "site-proof-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch place: %w", err)
	}
	p := &prover{app: a, out: out, dir: dir, started: a.statements.All()[0].EffectiveOn.Add(24 * time.Hour)}
	if err := os.Chmod(dir, 0o755); err != nil { // the server runs as another user when we are root
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if _, err := key.Create(filepath.Join(dir, "keys")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.server, err = postgres.NewScratch(ctx, filepath.Join(dir, "postgres")); err != nil {
		return nil, errors.Join(fmt.Errorf("start a scratch server: %w", err), os.RemoveAll(dir))
	}
	return p, nil
}

func (p *prover) close() error { return errors.Join(p.server.Close(), os.RemoveAll(p.dir)) }

// proveAll first sees every check pass on a copy from which nothing was taken.
func (p *prover) proveAll(ctx context.Context) (privacy.Proof, error) {
	proof := privacy.Proof{At: p.now()}
	whole, err := p.failing(ctx, privacy.Removal{}, func(privacy.Check) bool { return true })
	if err != nil {
		return proof, err
	}
	if len(whole) > 0 {
		return proof, fmt.Errorf("a whole copy fails: %v", whole)
	}
	for _, check := range p.privacy.Checks() {
		for _, removal := range check.Removals() {
			fault, err := p.remove(ctx, check, removal)
			if err != nil {
				return proof, fmt.Errorf("%s: %s: %w", check.Promise, check.Name, err)
			}
			proof.Removed++
			verdict := "UNNOTICED"
			if fault != "" {
				proof.Noticed++
				verdict = "noticed: " + fault
			}
			fmt.Fprintf(p.out, "%-5s %s\n      %s\n", check.Promise, check.Name, verdict)
		}
	}
	return proof, nil
}

// remove takes a rule out of a copy and returns what its check says there, empty if it notices nothing.
func (p *prover) remove(ctx context.Context, check privacy.Check, removal privacy.Removal) (string, error) {
	if !removal.Possible() {
		return "", errors.New("nothing is said of how to remove it")
	}
	failing, err := p.failing(ctx, removal, func(c privacy.Check) bool { return c.Promise == check.Promise && c.Name == check.Name })
	return failing[check.Promise+": "+check.Name], err
}

// failing makes a copy without a rule and returns which of the checks that are asked for fail there, and why. A copy that
// can't be asked proves nothing.
func (p *prover) failing(ctx context.Context, without privacy.Removal, asked func(privacy.Check) bool) (map[string]string, error) {
	name, err := p.server.Copy(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.server.Drop(ctx, name) }()
	copied, err := p.open(ctx, name, without)
	if err != nil {
		return nil, err
	}
	list := map[string]string{}
	for _, check := range copied.privacy.Checks() {
		if !asked(check) {
			continue
		}
		err := check.Run(ctx)
		if privacy.Unasked(err) {
			return nil, errors.Join(fmt.Errorf("%s: %s: %w", check.Promise, check.Name, err), copied.Close())
		}
		if err != nil {
			list[check.Promise+": "+check.Name] = err.Error()
		}
	}
	return list, copied.Close()
}

// open wires a copy of the site on one of the scratch databases.
func (p *prover) open(ctx context.Context, name string, without privacy.Removal) (*app, error) {
	c, err := p.settings(without)
	if err != nil {
		return nil, err
	}
	db, err := p.server.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	copied := &app{cli: c, db: db, pool: db.Pool, seen: newSeen(), without: without}
	if err := p.fill(ctx, copied); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return copied, nil
}

// settings are those of a machine that has nothing but a database.
func (p *prover) settings(without privacy.Removal) (*cli, error) {
	cfg, err := readConfig([]string{"VAR_DIR=" + p.dir, "PUBLIC_URL=" + p.cfg.PublicURL, without.Setting})
	if err != nil {
		return nil, fmt.Errorf("settings of the copy: %w", err)
	}
	return &cli{
		cfg: cfg, log: slog.New(slog.DiscardHandler), web: p.web, stdin: p.stdin, stdout: io.Discard,
		now: func() time.Time { return p.started },
	}, nil
}

// fill publishes the statements, starts the copy, and takes the rule away.
func (p *prover) fill(ctx context.Context, copied *app) error {
	files, err := edited(p.web, copied.without.Statement)
	if err != nil {
		return err
	}
	if err := publishAll(ctx, copied.pool, files, p.started); err != nil {
		return err
	}
	if copied.web, err = edited(files, copied.without.File); err != nil {
		return err
	}
	if err := copied.wire(ctx); err != nil {
		return err
	}
	if copied.without.SQL == "" {
		return nil
	}
	owner, err := copied.db.Admin(ctx)
	if err != nil {
		return err
	}
	if _, err := owner.Exec(ctx, copied.without.SQL); err != nil {
		return fmt.Errorf("remove the rule: %w", err)
	}
	return nil
}

// publishAll publishes the statements that came with this binary, as far as they are not yet.
func publishAll(ctx context.Context, pool *pgxpool.Pool, web fs.FS, at time.Time) error {
	ids, err := consent.Drafts(web)
	if err != nil {
		return err
	}
	for _, id := range ids {
		draft, err := consent.ReadDraft(web, id)
		if err != nil {
			return err
		}
		if err := consent.Publish(ctx, pool, draft, at); err != nil && !errors.Is(err, consent.ErrPublished) {
			return err
		}
	}
	return nil
}
