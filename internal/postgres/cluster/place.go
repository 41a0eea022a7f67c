package cluster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	port = "5432"
	// socketPathMax is what sockaddr_un takes, less the closing NUL.
	socketPathMax = 107
)

// place is where a cluster of one major version lives, and as whom its server runs.
type place struct {
	dir, data, run string
	account        *account // nil: as ourselves
}

// account is the system user that the server runs as when we are root: Postgres refuses root.
type account struct {
	name     string
	uid, gid uint32
}

// findPlace settles on a folder that the server's user can reach, and makes it.
func findPlace(cfg Config, i install) (place, error) {
	a, err := serverAccount()
	if err != nil {
		return place{}, err
	}
	p, err := makePlace(filepath.Join(home(cfg.Dir), strconv.Itoa(i.major)), a, i)
	if err != nil && a != nil {
		p, err = makeElsewhere(cfg.Dir, a, i, err)
	}
	if err != nil {
		return place{}, err
	}
	if filepath.Dir(p.dir) != cfg.Dir {
		cfg.Log.Warn("the user that Postgres runs as cannot use the wanted folder: another is used",
			"user", a.name, "wanted", cfg.Dir, "used", p.dir)
	}
	if p.run, err = makeRun(p.dir, a); err != nil {
		return place{}, err
	}
	return p, nil
}

// elsewhere is the file in the wanted folder that names the one used instead: who deletes the wanted
// folder begins anew.
const elsewhere = "elsewhere"

// home is the folder that holds the clusters: the wanted one, or the one used instead.
func home(dir string) string {
	if other, err := os.ReadFile(filepath.Join(dir, elsewhere)); err == nil && len(other) > 0 {
		return string(other)
	}
	return dir
}

// makeElsewhere makes a place outside a wanted folder that the account cannot use, because of reason. Whoever
// comes second, perhaps at the same moment, finds the one that is there.
func makeElsewhere(wanted string, a *account, i install, reason error) (place, error) {
	f, err := os.OpenFile(filepath.Join(wanted, elsewhere), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return place{}, errors.Join(reason, fmt.Errorf("embedded Postgres: %w", err))
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return place{}, fmt.Errorf("embedded Postgres: lock %s: %w", f.Name(), err)
	}
	major := strconv.Itoa(i.major)
	if known := home(wanted); known != wanted {
		return makePlace(filepath.Join(known, major), a, i)
	}
	for _, parent := range []string{"/var/lib", os.TempDir()} {
		dir, err := makeOpen(parent)
		if err != nil {
			reason = errors.Join(reason, err)
			continue
		}
		p, err := makePlace(filepath.Join(dir, major), a, i)
		if err == nil {
			_, err = f.WriteString(dir)
		}
		if err == nil {
			return p, nil
		}
		reason = errors.Join(reason, err, os.RemoveAll(dir))
	}
	return place{}, reason
}

// makeOpen makes a folder of a new name that everybody can pass.
func makeOpen(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "site-")
	if err != nil {
		return "", fmt.Errorf("embedded Postgres: %w", err)
	}
	return dir, os.Chmod(dir, 0o755) //nolint:gosec // what is in it is closed
}

// serverAccount is nil unless we are root.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("embedded Postgres: it refuses root, and there is neither a user postgres nor nobody")
}

// makePlace makes the folder and proves that the account can work in it, by running there: that
// knows about parents, access lists and mounts alike.
func makePlace(dir string, a *account, i install) (place, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return place{}, fmt.Errorf("embedded Postgres: %w", err)
	}
	if err := makePrivate(dir, a); err != nil {
		return place{}, err
	}
	cmd := exec.Command(i.path("postgres"), "-V")
	cmd.Dir = dir
	cmd.SysProcAttr = procAttr(a, 0)
	if err := cmd.Run(); err != nil {
		return place{}, fmt.Errorf("embedded Postgres: run in %s: %w", dir, err)
	}
	return place{dir: dir, data: filepath.Join(dir, "data"), account: a}, nil
}

// makeRun gives the folder of the socket: beside the data, or a short one where that is too deep.
func makeRun(dir string, a *account) (string, error) {
	run := filepath.Join(dir, "run")
	if len(run)+len("/.s.PGSQL."+port) > socketPathMax {
		// Not os.TempDir: every process must come to the same folder, whatever its TMPDIR.
		run = "/tmp/.site-" + digest(dir)
	}
	return run, makePrivate(run, a)
}

// makePrivate makes a folder of mode 0700 that belongs to the account. One that is there already must be just that, or ours,
// as it is for a moment where another process of ours makes it: in /tmp somebody else could have made it.
func makePrivate(dir string, a *account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	uid := os.Geteuid()
	info, err := os.Lstat(dir)
	if err == nil && a != nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && info.IsDir() && int(st.Uid) == uid {
			err = os.Lchown(dir, int(a.uid), int(a.gid))
		}
		uid = int(a.uid)
	}
	if err != nil {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	info, err = os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != uid || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("embedded Postgres: %s must be a folder of mode 0700 that belongs to uid %d", dir, uid)
	}
	return nil
}

func digest(s string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))[:12]
}
