package up

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// front starts nginx as it is shipped in front of a service at these addresses, and returns its
// host:port.
func front(t *testing.T, addrs []string, env ...string) string {
	t.Helper()
	var url string
	services := map[string][]string{"edge": addrs, "history": addrs, "presence": addrs, "directory": addrs}
	web := t.TempDir()
	if err := os.WriteFile(filepath.Join(web, "index.html"), []byte("page"), 0o644); err != nil {
		t.Fatal(err)
	}
	nginx, err := cluster.NGINX(t.TempDir(), web, services, func(u string) { url = u }, env...)
	if err != nil {
		t.Fatal(err)
	}
	if err := nginx.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Stop)
	return strings.TrimPrefix(url, "http://")
}

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as bytes and returns the answer.
func ask(t *testing.T, addr, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer to %.60q: %v", request, err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{r.StatusCode, r.Header, string(body)}
}

// TestErrorsOfNGINX: nginx and `hubbub up` refuse requests: all errors have one form.
func TestErrorsOfNGINX(t *testing.T) {
	t.Parallel()
	gone := freeAddr(t)
	nginx := front(t, []string{gone})
	page := httptest.NewServer(newPage(t.TempDir()))
	defer page.Close()
	up := page.Listener.Addr().String()
	get := func(path, headers string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n"
	}
	for _, tt := range []struct {
		name, addr, request string
		status              int
		code                string
	}{
		{"no such page", nginx, get("/none", ""), 404, "not_found"},
		{"a folder", nginx, get("/assets", ""), 404, "not_found"},
		{"a folder with a slash", nginx, get("/assets/", ""), 404, "not_found"},
		{"a hidden file", nginx, get("/.git/config", ""), 404, "not_found"},
		{"a page is written", nginx, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "not_found"},
		{"a zero byte", nginx, get("/%00", ""), 400, "bad_request"},
		{"up a folder", nginx, get("/../etc/passwd", ""), 400, "bad_request"},
		{"no host", nginx, "GET / HTTP/1.1\r\n\r\n", 400, "bad_request"},
		{"a long path", nginx, get("/"+strings.Repeat("a", 9000), ""), 414, "bad_request"},
		{"long headers", nginx, get("/", "X: "+strings.Repeat("a", 20000)+"\r\n"), 431, "bad_request"},
		{"a large body", nginx, "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 413, "too_large"},
		{"a service that is gone", nginx, get("/v1/me", ""), 503, "unavailable"},
		{"another, whose path has an ending", nginx, get("/.well-known/jwks.json", ""), 503, "unavailable"},
		{"an edge that is gone", nginx, get("/v1/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\n"), 503, "unavailable"},
		{"up: no such page", up, get("/none", ""), 404, "not_found"},
		{"up: a page is written", up, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "not_found"},
		{"up: a zero byte", up, get("/%00", ""), 404, "not_found"},
	} {
		r := ask(t, tt.addr, tt.request)
		var problem struct {
			Status int
			Code   string
			Title  string
			Detail string
		}
		if err := json.Unmarshal([]byte(r.body), &problem); err != nil {
			t.Errorf("%s: %q: %v", tt.name, r.body, err)
			continue
		}
		if r.status != tt.status || problem.Status != tt.status || problem.Code != tt.code || problem.Title == "" || problem.Detail == "" ||
			r.header.Get("Content-Type") != "application/problem+json" || r.header.Get("Location") != "" {
			t.Errorf("%s: %d %q %+v", tt.name, r.status, r.header.Get("Content-Type"), problem)
		}
	}
	if r := ask(t, nginx, get("/healthz", "")); r.status != http.StatusOK || r.body != "ok\n" {
		t.Errorf("healthz: %d %q", r.status, r.body)
	}
}

// TestFilesThroughNGINX: nginx lets a file of 128 KiB through where one is expected, and nothing
// that is larger; elsewhere a body has at most 64 KiB.
func TestFilesThroughNGINX(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, n)
	}))
	defer service.Close()
	nginx := front(t, []string{service.Listener.Addr().String()})
	for _, tt := range []struct {
		path         string
		size, status int
	}{
		{"/v1/emoji/party", 128 << 10, http.StatusOK},
		{"/v1/emoji/party", 128<<10 + 1, http.StatusRequestEntityTooLarge},
		{"/v1/rooms", 64 << 10, http.StatusOK},
		{"/v1/rooms", 64<<10 + 1, http.StatusRequestEntityTooLarge},
	} {
		head := fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", tt.path, tt.size)
		if tt.status == http.StatusOK {
			head += strings.Repeat("x", tt.size)
		}
		r := ask(t, nginx, head)
		if r.status != tt.status || tt.status == http.StatusOK && r.body != fmt.Sprint(tt.size) {
			t.Errorf("%d bytes to %s: %d %s", tt.size, tt.path, r.status, r.body)
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestAddressThroughNGINX asks which client and scheme the services are told of.
func TestAddressThroughNGINX(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header["X-Real-Ip"], r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"])
	}))
	defer service.Close()
	addrs := []string{service.Listener.Addr().String()}
	plain := front(t, addrs)
	trusting := front(t, addrs, "HUBBUB_TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8")
	protocol := front(t, addrs, "HUBBUB_TRUSTED_PROXIES=127.0.0.1", "HUBBUB_PROXY_PROTOCOL=on")
	const forged = "X-Real-IP: 192.0.2.66\r\n"
	for _, tt := range []struct{ name, addr, before, headers, want string }{
		{"nobody is trusted", plain, "", forged + "X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\n", "[127.0.0.1] [127.0.0.1] [http]"},
		{"a trusted proxy", trusting, "", forged + "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n", "[203.0.113.5] [203.0.113.5] [https]"},
		{"two, and what the client wrote", trusting, "", forged + "X-Forwarded-For: 192.0.2.66, 203.0.113.5, 10.1.1.1\r\n", "[203.0.113.5] [203.0.113.5] [http]"},
		{"a scheme that is none", trusting, "", "X-Forwarded-Proto: gopher\r\n", "[127.0.0.1] [127.0.0.1] [http]"},
		{"the PROXY protocol", protocol, "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n", forged + "X-Forwarded-For: 192.0.2.66\r\n", "[203.0.113.7] [203.0.113.7] [http]"},
	} {
		for _, path := range []string{"/v1/me", "/v1/ws"} {
			r := ask(t, tt.addr, tt.before+"GET "+path+" HTTP/1.1\r\nHost: x\r\n"+tt.headers+"\r\n")
			if r.status != http.StatusOK || r.body != tt.want {
				t.Errorf("%s: %s: %d %s, want %s", tt.name, path, r.status, r.body, tt.want)
			}
		}
	}
}

// TestRequestIDsOfNGINX: nginx names each request, whatever the client calls it, to the service and
// in its own answers.
func TestRequestIDsOfNGINX(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header["X-Request-Id"])
	}))
	defer service.Close()
	nginx := front(t, []string{service.Listener.Addr().String()})
	isID := regexp.MustCompile(`^\[?[0-9a-f]{32}\]?$`).MatchString
	for _, path := range []string{"/v1/me", "/v1/ws", "/v1/rooms/lobby/messages"} {
		if r := ask(t, nginx, "GET "+path+" HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\n\r\n"); !isID(r.body) {
			t.Errorf("%s: the service is told the id %s", path, r.body)
		}
	}
	if r := ask(t, nginx, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"); !isID(r.header.Get("X-Request-ID")) {
		t.Errorf("an answer of nginx itself has the id %q", r.header.Get("X-Request-ID"))
	}
}

// TestReplicasGo takes replicas away, as a service is scaled from five to one: some refuse, and
// some do not answer at all. Each request is tried elsewhere.
func TestReplicasGo(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer service.Close()
	nginx := front(t, []string{freeAddr(t), blackHole(t), freeAddr(t), freeAddr(t), service.Listener.Addr().String()})
	for range 5 { // each begins with another replica
		for _, request := range []string{"GET /v1/me", "GET /v1/ws", "POST /v1/login"} {
			r := ask(t, nginx, request+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			if r.status != http.StatusOK {
				t.Errorf("%s: %d %s", request, r.status, r.body)
			}
		}
	}
}

// blackHole returns an address that answers no connection: one whose queue is full drops what comes
// (listen(2)).
func blackHole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for { // until one more is not taken
		conn, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
