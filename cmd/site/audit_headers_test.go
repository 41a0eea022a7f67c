//go:build audit

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// auditHeaders asks for every page through a proxy that ends TLS, and grades the answers as MDN's HTTP Observatory does.
func auditHeaders(t *testing.T, a *auditor) {
	site := newProxied(t)
	for _, p := range a.pages {
		if p.sent {
			continue
		}
		resp, err := site.client.Get(site.secure + p.path)
		score, faults := grade(site.answer(t, resp, err).Header)
		if score < 100 {
			faults = append(faults, fmt.Sprintf("scores %d: an A+ begins at 100", score))
		}
		a.note(t, "headers", p, faults)
	}
	site.redirects(t)
	site.cookies(t)
}

// rule is one of the observatory's tests: what it adds to a score of 100.
type rule struct {
	name  string
	score func(h http.Header) int
}

// observatory are the rules that a page's headers decide. What adds counts from 90 on.
func observatory() []rule {
	return []rule{
		{"Content-Security-Policy", scorePolicy},
		{"Cross-Origin-Resource-Sharing", func(h http.Header) int {
			if h.Get("Access-Control-Allow-Origin") != "" {
				return -50
			}
			return 0
		}},
		{"Referrer-Policy", func(h http.Header) int {
			switch h.Get("Referrer-Policy") {
			case "no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin":
				return 5
			case "":
				return 0
			}
			return -5
		}},
		{"Strict-Transport-Security", func(h http.Header) int {
			m := regexp.MustCompile(`(?:^|;)\s*max-age=(\d+)`).FindStringSubmatch(h.Get("Strict-Transport-Security"))
			if m == nil {
				return -20
			}
			if age, err := strconv.Atoi(m[1]); err != nil || age < 15768000 { // half a year
				return -10
			}
			return 0
		}},
		{"X-Content-Type-Options", func(h http.Header) int {
			if h.Get("X-Content-Type-Options") != "nosniff" {
				return -5
			}
			return 0
		}},
		{"X-Frame-Options", func(h http.Header) int {
			ancestors := directives(h)["frame-ancestors"]
			if len(ancestors) == 0 || slices.Contains(ancestors, "*") {
				return -20
			}
			return 5
		}},
	}
}

func grade(h http.Header) (score int, faults []string) {
	score, bonus := 100, 0
	for _, r := range observatory() {
		switch n := r.score(h); {
		case n > 0:
			bonus += n
		case n < 0:
			score += n
			faults = append(faults, fmt.Sprintf("%s: %q costs %d", r.name, h.Get(r.name), -n))
		}
	}
	if score >= 90 {
		score += bonus
	}
	return score, faults
}

// directives are those of the policy, by name.
func directives(h http.Header) map[string][]string {
	all := map[string][]string{}
	for d := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
		if words := strings.Fields(d); len(words) > 0 {
			all[words[0]] = words[1:]
		}
	}
	return all
}

func scorePolicy(h http.Header) int {
	all := directives(h)
	from := func(name string) []string {
		if list, set := all[name]; set {
			return list
		}
		return all["default-src"]
	}
	if len(all) == 0 {
		return -25
	}
	for _, name := range []string{"script-src", "style-src", "object-src"} {
		list := from(name)
		if len(list) == 0 {
			return -20
		}
		for _, source := range list {
			if slices.Contains([]string{"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:", "blob:"}, source) {
				return -20
			}
		}
	}
	if slices.Equal(all["default-src"], []string{"'none'"}) {
		return 10
	}
	return 5
}

// proxied is a site behind nginx, which ends TLS.
type proxied struct {
	plain, secure string
	client        *http.Client
}

const proxyConf = `%[5]s
daemon off; pid %[1]s/pid; error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server { listen %[2]s; return 301 https://%[3]s$request_uri; }
	server {
		listen %[3]s ssl http2;
		ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
		location / {
			proxy_pass http://%[4]s;
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
}`

func newProxied(t *testing.T) *proxied {
	t.Helper()
	l := listen(t)
	plain, secure := freeAddress(t), freeAddress(t)
	openHouse(t, l, "https://"+secure)
	dir, user := t.TempDir(), ""
	if os.Getuid() == 0 {
		user = "user root;" // the folder is ours alone
	}
	certify(t, dir)
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, proxyConf, dir, plain, secure, l.Addr(), user), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where Debian has it, out of the way of ordinary users
	}
	nginx := exec.Command(program, "-c", conf, "-p", dir)
	nginx.Stderr = os.Stderr
	nginx.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		_ = nginx.Wait()
	})
	awaitListener(t, secure)
	return &proxied{"http://" + plain, "https://" + secure, &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // a certificate of our own
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func awaitListener(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close() // it was only to see that somebody listens
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// certify writes a certificate for this machine and its key.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *proxied) answer(t *testing.T, resp *http.Response, err error) *http.Response {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// redirects wants plain HTTP to lead to the same page behind TLS, on the same host.
func (s *proxied) redirects(t *testing.T) {
	t.Helper()
	resp, err := s.client.Get(s.plain + "/privacy")
	resp = s.answer(t, resp, err)
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusMovedPermanently || to != s.secure+"/privacy" {
		t.Errorf("plain HTTP is answered by %d to %q", resp.StatusCode, to)
	}
}

// cookies wants those that are set to stay with this host, behind TLS, and out of the reach of scripts.
func (s *proxied) cookies(t *testing.T) {
	t.Helper()
	resp, err := s.client.PostForm(s.secure+"/cookies", url.Values{"choice": {"all"}})
	resp = s.answer(t, resp, err)
	if len(resp.Cookies()) == 0 {
		t.Errorf("no cookie is set: %d", resp.StatusCode)
	}
	for _, c := range resp.Cookies() {
		if c.Domain != "" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie %s", c)
		}
	}
}
