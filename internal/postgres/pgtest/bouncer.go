package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres"
)

// Bouncer puts a PgBouncer in transaction mode, with two server connections, before pool's database
// and returns the serving role's connection string through it, with the settings that the manual asks
// for. It ends with the test.
func Bouncer(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	return BouncerOf(t, pool, 2)
}

// BouncerOf is Bouncer with that many server connections.
func BouncerOf(t testing.TB, pool *pgxpool.Pool, connections int) string {
	t.Helper()
	socket := running(t).Socket()
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("pgtest: no owner of the socket")
	}
	dir, err := os.MkdirTemp("", "site-bouncer")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ini := fmt.Sprintf(`[databases]
* = host=%s port=5432
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = trust
auth_file = %s/users
pool_mode = transaction
default_pool_size = %d
`, socket, dir, dir, connections)
	for name, text := range map[string]string{"ini": ini, "users": `"` + postgres.EmbeddedRole + `" ""` + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatalf("pgtest: %v", err)
		}
	}
	cmd := exec.Command("pgbouncer", "-q", filepath.Join(dir, "ini"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin"}
	if cmd.Err != nil { // Debian's place is not on an ordinary user's PATH
		cmd.Path, cmd.Err = "/usr/sbin/pgbouncer", nil
	}
	if int(owner.Uid) != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatalf("pgtest: %v", err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u := url.URL{
		Scheme: "postgres", User: url.User(postgres.EmbeddedRole), Path: "/" + pool.Config().ConnConfig.Database,
		RawQuery: url.Values{
			"host": {dir}, "port": {"6432"}, "sslmode": {"disable"}, "default_query_exec_mode": {"cache_describe"},
		}.Encode(),
	}
	await(t, u.String())
	return u.String()
}

func await(t testing.TB, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), closing)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			_ = conn.Close(ctx)
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("pgtest: pgbouncer: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
