package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/web"
)

// server is the embedded database server with its default settings, in a folder of its own. Everything that is
// measured runs on it, each part in a database of its own.
type server struct {
	dir    string
	db     *postgres.DB
	socket string
	owner  string
	bin    string // where pgbench is
}

func startServer(ctx context.Context) (*server, error) {
	dir, err := os.MkdirTemp("", "site-bench-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as root, Postgres runs as another user
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	db, err := postgres.Open(ctx, postgres.Config{VarDir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &server{dir: dir, db: db, socket: db.Pool.Config().ConnConfig.Host}
	if err := s.inspect(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// inspect finds out who owns the databases and where the programs of this server's version are.
func (s *server) inspect(ctx context.Context) error {
	admin, err := s.db.Admin(ctx)
	if err != nil {
		return err
	}
	s.owner = admin.Config().ConnConfig.User
	var version string
	if err := admin.QueryRow(ctx, `SHOW server_version_num`).Scan(&version); err != nil {
		return fmt.Errorf("version of the server: %w", err)
	}
	n, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("version of the server: %w", err)
	}
	for _, bin := range []string{os.Getenv("POSTGRES_BIN"), fmt.Sprintf("/usr/lib/postgresql/%d/bin", n/10_000)} {
		if _, err := os.Stat(filepath.Join(bin, "pgbench")); bin != "" && err == nil {
			s.bin = bin
			return nil
		}
	}
	found, err := exec.LookPath("pgbench")
	if err != nil {
		return fmt.Errorf("pgbench, which comes with the server: %w", err)
	}
	s.bin = filepath.Dir(found)
	return nil
}

func (s *server) close() error { return errors.Join(s.db.Close(), os.RemoveAll(s.dir)) }

func (s *server) url(role, database string, conns int) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{
			"host": {s.socket}, "port": {"5432"}, "sslmode": {"disable"}, "pool_max_conns": {strconv.Itoa(conns)},
		}.Encode(),
	}
	return u.String()
}

// world is one database with all that the site needs to run on it.
type world struct {
	server *server
	name   string
	keys   string // path of the key file
	ring   *key.Ring
	owner  *pgxpool.Pool
}

// newWorld makes an empty database with the schema, keys and the published statements.
func (s *server) newWorld(ctx context.Context, name string) (*world, error) {
	admin, err := s.db.Admin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := admin.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize()); err != nil {
		return nil, fmt.Errorf("create database %s: %w", name, err)
	}
	w := &world{server: s, name: name, keys: filepath.Join(s.dir, name+".keys")}
	if w.ring, err = key.Create(w.keys); err != nil {
		return nil, err
	}
	if w.owner, err = postgres.ConnectAdmin(ctx, s.url(s.owner, name, 4)); err != nil {
		return nil, err
	}
	if err := w.prepare(ctx); err != nil {
		w.owner.Close()
		return nil, err
	}
	return w, nil
}

func (w *world) prepare(ctx context.Context) error {
	if err := postgres.Migrate(ctx, w.owner, postgres.EmbeddedRole); err != nil {
		return err
	}
	ids, err := consent.Drafts(web.FS)
	if err != nil {
		return err
	}
	for _, id := range ids {
		draft, err := consent.ReadDraft(web.FS, id)
		if err != nil {
			return err
		}
		if err := consent.Publish(ctx, w.owner, draft, time.Now()); err != nil {
			return err
		}
	}
	// The site would prove its promises meanwhile, were none proved.
	_, err = w.owner.Exec(ctx, `INSERT INTO proof (at, removed, noticed) VALUES (now(), 0, 0)`)
	return err
}

// varDir is the VAR_DIR of the site on this world.
func (w *world) varDir() string { return filepath.Join(w.server.dir, "var-"+w.name) }

// drop ends the world.
func (w *world) drop(ctx context.Context) error {
	w.owner.Close()
	admin, err := w.server.db.Admin(ctx)
	if err != nil {
		return err
	}
	_, err = admin.Exec(ctx, `DROP DATABASE `+pgx.Identifier{w.name}.Sanitize()+` WITH (FORCE)`)
	return errors.Join(err, os.Remove(w.keys), os.RemoveAll(w.varDir()))
}

// process is a server, running by itself.
type process struct {
	*exec.Cmd
	url, admin string
}

// startSite runs `site serve` on the world's database and waits until it is ready. Its mail goes to a port on which
// nobody listens, so that the drainer backs off.
func (b *bench) startSite(ctx context.Context, w *world) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.varDir(), 0o700); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, b.site, "serve") //nolint:gosec // the program that is measured
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "VAR_DIR=" + w.varDir(), "LISTEN=" + address, "ADMIN_LISTEN=" + admin, "KEY_FILE=" + w.keys,
		"DATABASE_URL=" + w.server.url(postgres.EmbeddedRole, w.name, 16),
		"DATABASE_ADMIN_URL=" + w.server.url(w.server.owner, w.name, 2), "SMTP_URL=smtp://127.0.0.1:9", "FORM_LIMIT=off",
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	p := &process{Cmd: cmd, url: "http://" + address, admin: "http://" + admin}
	if err := waitFor(ctx, p.url+"/readyz"); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// stop ends the process as an operator would.
func (p *process) stop() error {
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.Wait()
}

// kill ends it at once.
func (p *process) kill() {
	_ = p.Process.Kill() // gone already is as good
	_ = p.Wait()         // it was killed: that is no news
}

func (p *process) pid() int { return p.Process.Pid }

// memory is what the process holds now, in MB.
func (p *process) memory() (float64, error) { return memoryOf(p.pid()) }

// memoryOf is what a process holds now, in MB (VmRSS).
func memoryOf(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of a process: %w", err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		return 0, fmt.Errorf("memory of a process: %w", err)
	}
	return kb / 1024, nil
}

// machine tells what the absolute figures depend on.
func (s *server) machine(ctx context.Context) string {
	rate := "unknown"
	if r, err := s.fsync(ctx); err == nil {
		rate = perSecond(r)
	}
	load, _ := os.ReadFile("/proc/loadavg") // Linux only, and only to be read
	now, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("Machine: %d cores, load %s; fdatasync of 8 kB: %s (pg_test_fsync).", runtime.NumCPU(), now, rate)
}

// fsync measures the disk under the database by pg_test_fsync, whose first table is enough.
func (s *server) fsync(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	file := filepath.Join(s.dir, "fsync")
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "pg_test_fsync"), "-s", "1", "-f", file) //nolint:gosec // a fixed program
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed: that is no news
		_ = os.Remove(file)
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) > 1 && words[0] == "fdatasync" {
			return strconv.ParseFloat(words[1], 64)
		}
	}
	return 0, errors.New("pg_test_fsync said nothing of fdatasync")
}
