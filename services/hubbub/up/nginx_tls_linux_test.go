package up

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/crypto/ocsp"

	"hubbub.internal/libs/certtest"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/cert"
	"hubbub.internal/services/hubbub/certificate/acmetest"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// frontTLS starts nginx as it is shipped, with TLS, in front of what is at addr, and has it follow
// its certificate. It returns where it speaks TLS, and the process.
func frontTLS(t *testing.T, addr string, env ...string) (secure string, nginx *cluster.Process) {
	t.Helper()
	web := t.TempDir()
	for name, text := range map[string]string{"index.html": "page", "assets/a.js": "script"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(web, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(web, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all := []string{addr}
	services := map[string][]string{"edge": all, "history": all, "presence": all, "directory": all}
	nginx, err := cluster.NGINX(t.TempDir(), web, services, func(u string) { secure = strings.TrimPrefix(u, "https://") }, append(env, "HUBBUB_TLS=on")...)
	if err != nil {
		t.Fatal(err)
	}
	if err := nginx.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Stop)
	stop, err := cluster.Renew(nginx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return secure, nginx
}

// says waits until the log of nginx has a text, and returns how often.
func says(t *testing.T, nginx *cluster.Process, text string) int {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(nginx.LogFile())
		if n := strings.Count(string(b), text); n > 0 {
			return n
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not say %q: %s, %v", text, b, err)
		}
	}
}

// TestTLSOfNGINX chats by wss through nginx while its certificate is replaced, and asks for page
// and API by HTTPS.
func TestTLSOfNGINX(t *testing.T) {
	t.Parallel()
	behind := freeAddr(t)
	s := start(t, "--listen", behind)
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Files(t, dir, "chat.example")
	secure, nginx := frontTLS(t, behind, "HUBBUB_TLS_CERT="+cert, "HUBBUB_TLS_KEY="+key, "HUBBUB_TLS_PORT=8443", "HUBBUB_HSTS=3600")

	ann, annHears := chatter(t, ca, "chat.example", secure, "ann")
	say(t, ann, annHears, "one")
	web := browser(ca, secure)
	for path, want := range map[string]string{"/": "page", "/assets/a.js": "script", "/none": "404", "/v1/me": "401"} {
		r := fetch(t, web, "GET", "https://chat.example"+path, "")
		if r.proto != "HTTP/2.0" || r.header.Get("Strict-Transport-Security") != "max-age=3600" || want != r.body && want != http.StatusText(r.status) && !strings.Contains(r.body, want) {
			t.Errorf("%s is answered by %s: %d %q, %v", path, r.proto, r.status, r.body, r.header)
		}
	}
	r := fetch(t, web, "POST", "https://chat.example/v1/login", `{"name":"ann","password":"correct horse"}`)
	if cookies := r.header.Values("Set-Cookie"); !secureCookies(cookies) {
		t.Errorf("a log-in is answered %d %s with the cookies %q", r.status, r.body, cookies)
	}
	for _, tt := range []struct{ addr, request, want string }{
		{nginx.Addr, "POST /v1/login?a=b%2Fc HTTP/1.1\r\nHost: chat.example:9080\r\nContent-Length: 0\r\n\r\n", "https://chat.example:8443/v1/login?a=b%2Fc"},
		{secure, "GET /x HTTP/1.1\r\nHost: chat.example:8443\r\n\r\n", "https://chat.example:8443/x"},
	} {
		if r := ask(t, tt.addr, tt.request); r.status != http.StatusPermanentRedirect || r.header.Get("Location") != tt.want || r.header.Get("Strict-Transport-Security") != "" && tt.addr == nginx.Addr {
			t.Errorf("plain HTTP is answered %d to %s, want %s; %v", r.status, r.header.Get("Location"), tt.want, r.header)
		}
	}
	if r := ask(t, nginx.Addr, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); r.status != http.StatusOK || r.body != "ok\n" {
		t.Errorf("healthz: %d %q", r.status, r.body)
	}

	ca.Files(t, dir, "new.example", "chat.example")
	s.eventually("the new certificate is served", func() bool { name, _ := served(ca, "chat.example", secure); return name == "new.example" })
	say(t, ann, annHears, "two")
	_, other := ca.Issue(t, time.Hour, time.Hour, "other.example")
	certtest.Write(t, key, other)
	if n := says(t, nginx, "nginx keeps its earlier certificate. hubbub: the key in "+key+" (HUBBUB_TLS_KEY) is not that of the first certificate in "+cert); n != 1 {
		t.Errorf("nginx says %d times that the files are bad", n)
	}
	if name, _ := served(ca, "chat.example", secure); name != "new.example" {
		t.Errorf("bad files: %q is served", name)
	}
	ca.Files(t, dir, "newest.example", "chat.example")
	s.eventually("the newest certificate is served", func() bool { name, _ := served(ca, "chat.example", secure); return name == "newest.example" })
	say(t, ann, annHears, "three")
	bob, bobHears := chatter(t, ca, "chat.example", secure, "bob")
	say(t, bob, bobHears, "four")
	info, err := os.Stat(filepath.Join(filepath.Dir(nginx.LogFile()), "tmp", "tls", "key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("nginx's copy of the key: %v, %v", info, err)
	}
}

// TestTLSSettingsOfNGINX holds that settings which cannot be meant are refused with what to do.
func TestTLSSettingsOfNGINX(t *testing.T) {
	t.Parallel()
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Files(t, dir, "chat.example")
	_, other := ca.Issue(t, time.Hour, time.Hour, "chat.example")
	wrong, text := filepath.Join(dir, "wrong"), filepath.Join(dir, "text")
	certtest.Write(t, wrong, other)
	certtest.Write(t, text, []byte("text"))
	for _, tt := range []struct{ cert, key, more, want string }{
		{"", key, "", "HUBBUB_TLS is on and HUBBUB_TLS_CERT empty; it is the path of a PEM file"},
		{cert, dir + "/none", "", "HUBBUB_TLS_KEY is " + dir + "/none, which is not there; it is the path of a PEM file"},
		{dir, key, "", "HUBBUB_TLS_CERT is " + dir + ", which user "},
		{cert, wrong, "", "the key in " + wrong + " (HUBBUB_TLS_KEY) is not that of the first certificate in " + cert},
		{text, key, "", "there is no certificate in " + text},
		{cert, text, "", "there is no key in " + text},
		{cert, key, "HUBBUB_TLS=yes", "HUBBUB_TLS is yes; it is on or off"},
		{cert, key, "HUBBUB_TLS_PORT=x", "HUBBUB_TLS_PORT is x; it is a port, such as 443"},
		{cert, key, "HUBBUB_HSTS=1y", "HUBBUB_HSTS is 1y; it is a number of seconds, such as 31536000"},
		{cert, key, "HUBBUB_TLS_OCSP=yes", "HUBBUB_TLS_OCSP is yes; it is on or off"},
		{cert, key, "HUBBUB_TLS_ACME=a/b", "HUBBUB_TLS_ACME is a/b; it is an address like cert:8080"},
	} {
		_, err := cluster.NGINX(t.TempDir(), "", map[string][]string{}, func(string) {}, "HUBBUB_TLS=on", "HUBBUB_TLS_CERT="+tt.cert, "HUBBUB_TLS_KEY="+tt.key, tt.more)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error is %v", tt, err)
		}
	}
}

// TestOCSPOfNGINX holds that what a certificate's responder says comes with it, if that is wanted,
// and that a certificate without a responder is served nevertheless.
func TestOCSPOfNGINX(t *testing.T) {
	t.Parallel()
	ca, dir := certtest.NewCA(t), t.TempDir()
	ca.Respond(t)
	cert, key := ca.Files(t, dir, "chat.example")
	stapled := func(secure string) []byte {
		c, err := tls.Dial("tcp", secure, ca.Client("chat.example"))
		if err != nil {
			return nil
		}
		defer c.Close()
		return c.ConnectionState().OCSPResponse
	}
	none, _ := frontTLS(t, freeAddr(t), "HUBBUB_TLS_CERT="+cert, "HUBBUB_TLS_KEY="+key)
	if b := stapled(none); len(b) > 0 {
		t.Errorf("%d bytes come with the certificate, unasked", len(b))
	}
	secure, _ := frontTLS(t, freeAddr(t), "HUBBUB_TLS_CERT="+cert, "HUBBUB_TLS_KEY="+key, "HUBBUB_TLS_OCSP=on")
	// nginx asks when the first client is there, who does not wait for it.
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if answer, err := ocsp.ParseResponse(stapled(secure), nil); err == nil {
			if answer.Status != ocsp.Good {
				t.Errorf("the responder says %d of it", answer.Status)
			}
			break
		} else if time.Now().After(end) {
			t.Fatalf("nothing comes with the certificate: %v", err)
		}
	}
	other := certtest.NewCA(t)
	other.Files(t, dir, "chat.example")
	plain, _ := frontTLS(t, freeAddr(t), "HUBBUB_TLS_CERT="+cert, "HUBBUB_TLS_KEY="+key, "HUBBUB_TLS_OCSP=on")
	if name, _ := served(other, "chat.example", plain); name != "chat.example" {
		t.Errorf("of a certificate without a responder, %q is served", name)
	}
}

// TestACMEOfNGINX starts nginx without a certificate, has `hubbub cert` get one for each of two
// names from a real authority, which asks through nginx, and chats by wss while they are renewed.
func TestACMEOfNGINX(t *testing.T) {
	t.Parallel()
	behind, answers, dir := freeAddr(t), freeAddr(t), filepath.Join(t.TempDir(), "tls")
	s := start(t, "--listen", behind)
	secure, nginx := frontTLS(t, behind, "HUBBUB_TLS_ACME="+answers, "HUBBUB_TLS_CERT="+dir+"/cert.pem", "HUBBUB_TLS_KEY="+dir+"/key.pem")
	if r := ask(t, nginx.Addr, "GET /v1/me HTTP/1.1\r\nHost: chat.example\r\n\r\n"); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, `"detail":"there is no certificate yet"`) || r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("before there is a certificate, a request is answered %d %q, %v", r.status, r.body, r.header)
	}
	if r := ask(t, nginx.Addr, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); r.status != http.StatusOK {
		t.Errorf("healthz: %d %q", r.status, r.body)
	}

	ca := acmetest.Start(t, acmetest.Port(t, nginx.Addr), acmetest.Port(t, freeAddr(t)), 24*3600)
	var c cert.Config
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{
		"--tls-domains=nginx.example,other.example", "--tls-acme-agree", "--tls-acme-directory=" + ca.Directory, "--tls-acme-ca=" + ca.CAFile, "--tls-folder=" + dir, "--listen=" + answers,
	}); err != nil {
		t.Fatal(err)
	}
	c.ACME.RenewEvery = 500 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx, "hubbub cert", daemon.Config{LogLevel: "dpanic"}, c.Start) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	serials := map[string]bool{}
	another := func() bool {
		name, serial := served(ca, "nginx.example", secure)
		is := name != "" && !serials[serial]
		serials[serial] = true
		return is
	}
	s.eventually("nginx has a certificate", another)
	s.eventually("nginx has one for another name", func() bool { name, _ := served(ca, "other.example", secure); return name == "other.example" })
	ann, heard := chatter(t, ca, "nginx.example", secure, "ann")
	for n := range 2 {
		s.eventually("nginx has a new certificate", another)
		say(t, ann, heard, strconv.Itoa(n))
	}
	if r := ask(t, nginx.Addr, "GET /x HTTP/1.1\r\nHost: nginx.example\r\n\r\n"); r.status != http.StatusPermanentRedirect || r.header.Get("Location") != "https://nginx.example/x" {
		t.Errorf("plain HTTP is answered %d to %s", r.status, r.header.Get("Location"))
	}
}
