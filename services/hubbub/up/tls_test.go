package up

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/certtest"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/certificate/acmetest"
)

// authority is what clients trust.
type authority interface{ Client(name string) *tls.Config }

// browser is a client that goes to addr whatever it opens, follows no redirects, and trusts ca.
func browser(ca authority, addr string) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, DisableKeepAlives: true, TLSClientConfig: ca.Client(""),
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", addr)
			},
		},
	}
}

// chatter registers somebody at https://host, which is at addr, and joins the lobby. What is said
// there is sent to the channel.
func chatter(t *testing.T, ca authority, host, addr, name string) (c *client.Client, heard <-chan wire.Event) {
	t.Helper()
	web := browser(ca, addr)
	session, err := client.NewAPI("https://"+host, web).Register(t.Context(), name, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan wire.Event, 100)
	c, err = client.Dial(t.Context(), client.Config{
		URL: "wss://" + host + "/v1/ws", Token: session.Token,
		Conn: client.ConnConfig{TLS: ca.Client(host), NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}},
		Handle: func(e wire.Event) {
			if e.Type == "msg" || e.Type == "welcome" {
				events <- e
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if e := <-events; e.Type != "welcome" {
		t.Errorf("the first is %v", e)
	}
	if err := session.JoinRoom(t.Context(), "lobby"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), "lobby", nil); err != nil {
		t.Fatal(err)
	}
	return c, events
}

// say sends a text and waits until it is heard, on the same socket as before.
func say(t *testing.T, c *client.Client, heard <-chan wire.Event, text string) {
	t.Helper()
	if _, err := c.SendMessage(t.Context(), client.Message{Room: "lobby", Text: text}); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case e := <-heard:
			switch {
			case e.Type == "welcome":
				t.Error("the socket did not stay open")
			case e.Text == text:
				return
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody hears %q", text)
		}
	}
}

// served returns the first name of the certificate that a new connection is shown, and its serial
// number; empty: none that is good for host.
func served(ca authority, host, addr string) (name, serial string) {
	conn, err := tls.Dial("tcp", addr, ca.Client(host))
	if err != nil {
		return "", ""
	}
	defer conn.Close()
	leaf := conn.ConnectionState().PeerCertificates[0]
	return leaf.DNSNames[0], leaf.SerialNumber.String()
}

// fetched is what came of a request, and by which protocol.
type fetched struct {
	answer
	proto string
}

// fetch sends a request as the page does.
func fetch(t *testing.T, c *http.Client, method, url, body string) fetched {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Hubbub-Cookie", "/")
	got, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fetched{answer{got.StatusCode, got.Header, string(b)}, got.Proto}
}

// secureCookies reports whether a log-in's cookies, of which one is the refresh token's, are sent
// back by HTTPS only.
func secureCookies(cookies []string) bool {
	all := strings.Join(cookies, "\n")
	return strings.Contains(all, "__Secure-") && strings.Count(all, "; Secure") == len(cookies)
}

// TestTLS chats by wss while the certificate is replaced, and asks for page and API by HTTPS.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Files(t, dir, "chat.example", "www.chat.example")
	listen, plain := freeAddr(t), freeAddr(t)
	s := start(t, "--listen", listen, "--tls", "--tls-cert", cert, "--tls-key", key, "--tls-redirect", plain, "--tls-hsts", "1h", "--base-path", "/in/")
	_, port, _ := net.SplitHostPort(listen)
	if want := "the chat is at https://chat.example:" + port + "/in\n"; !strings.Contains(s.out.String(), want) {
		t.Errorf("what a person is told lacks %q: %s", want, s.out.String())
	}
	s.eventually("there is a set-up link", func() bool { return strings.Contains(s.out.String(), "https://chat.example:"+port+"/in/#/setup/") })

	ann, annHears := chatter(t, ca, "chat.example", listen, "ann")
	say(t, ann, annHears, "one")

	web := browser(ca, listen)
	one := browser(ca, listen)
	one.Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{"http/1.1"}
	one.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	for proto, c := range map[string]*http.Client{"HTTP/2.0": web, "HTTP/1.1": one} {
		r := fetch(t, c, "GET", "https://chat.example/in/", "")
		if r.proto != proto || r.body != "page" || r.header.Get("Strict-Transport-Security") != "max-age=3600" {
			t.Errorf("by %s the page is %q, %v", r.proto, r.body, r.header)
		}
		r = fetch(t, c, "POST", "https://chat.example/v1/login", `{"name":"ann","password":"correct horse"}`)
		if cookies := r.header.Values("Set-Cookie"); r.status != http.StatusOK || !secureCookies(cookies) {
			t.Errorf("by %s a log-in is answered %d %s with the cookies %q", proto, r.status, r.body, cookies)
		}
	}
	r := fetch(t, browser(ca, plain), "POST", "http://chat.example/in/v1/users?q=a%2Fb", "{}")
	if want := "https://chat.example:" + port + "/in/v1/users?q=a%2Fb"; r.status != http.StatusPermanentRedirect || r.header.Get("Location") != want || r.header.Get("Strict-Transport-Security") != "" {
		t.Errorf("plain HTTP is answered %d to %s, want %s", r.status, r.header.Get("Location"), want)
	}

	ca.Files(t, dir, "new.example", "chat.example")
	s.eventually("the new certificate is served", func() bool { name, _ := served(ca, "chat.example", listen); return name == "new.example" })
	s.eventually("there is a metric of the certificate's end", func() bool {
		_, text := s.get("/metrics")
		return strings.Contains(text, `hubbub_tls_certificate_expiry_timestamp_seconds{name="new.example"}`)
	})
	say(t, ann, annHears, "two")
	bob, bobHears := chatter(t, ca, "chat.example", listen, "bob")
	say(t, bob, bobHears, "three")
	say(t, ann, annHears, "four")
}

// TestACME gets a certificate from a real authority, which finds one of the two ports only, and
// chats by wss while it is renewed several times.
func TestACME(t *testing.T) {
	t.Parallel()
	for name, web := range map[string]bool{"http": true, "tls": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := name + ".example" // the library takes attempts at a name in one process for one
			listen, plain := freeAddr(t), freeAddr(t)
			asks, redirect := []string{plain, freeAddr(t)}, plain
			if !web {
				asks, redirect = []string{freeAddr(t), listen}, "none"
			}
			ca := acmetest.Start(t, acmetest.Port(t, asks[0]), acmetest.Port(t, asks[1]), 24*3600)
			data := t.TempDir()
			s := beginWith(t, func(_ *daemon.Config, c *Config) { c.TLS.ACME.RenewEvery = 300 * time.Millisecond },
				"--data", data, "--listen", listen, "--tls", "--tls-redirect", redirect, "--directory-page-url", "https://"+host+"/",
				"--tls-domains", host+",www."+host, "--tls-acme-agree", "--tls-acme-directory", ca.Directory, "--tls-acme-ca", ca.CAFile)
			s.untilReady()
			if !strings.Contains(s.out.String(), "the chat is at https://"+host+"\n") {
				t.Errorf("a person is told %s", s.out.String())
			}
			ann, heard := chatter(t, ca, host, listen, "ann")
			serials := map[string]bool{}
			for n := range 2 {
				s.eventually("the certificate is renewed", func() bool {
					name, serial := served(ca, "www."+host, listen)
					is := name != "" && !serials[serial]
					serials[serial] = true
					return is
				})
				say(t, ann, heard, strconv.Itoa(n))
			}
			if web {
				if r := ask(t, plain, "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); r.status != http.StatusPermanentRedirect || r.header.Get("Location") != "https://"+host+"/x" {
					t.Errorf("plain HTTP is answered %d to %s", r.status, r.header.Get("Location"))
				}
			}
			s.eventually("there is a metric of the certificate's end", func() bool {
				_, text := s.get("/metrics")
				return strings.Contains(text, `hubbub_tls_certificate_expiry_timestamp_seconds{name="www.`+host+`"}`)
			})
			if info, err := os.Stat(filepath.Join(data, "tls")); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder of the keys: %v, %v", info, err)
			}
		})
	}
}

// TestTLSStarts tries what keeps a server that speaks TLS from starting, or from being ready.
func TestTLSStarts(t *testing.T) {
	t.Parallel()
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Files(t, dir, "chat.example")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--tls-cert", dir + "/none", "--tls-key", key}, "--tls-cert: open " + dir + "/none: no such file or directory; it has to be"},
		{[]string{"--listen", taken.Addr().String(), "--tls-cert", cert, "--tls-key", key}, "choose another with --listen"},
		{[]string{"--tls-redirect", taken.Addr().String(), "--tls-cert", cert, "--tls-key", key}, "redirect port: listen tcp " + taken.Addr().String() + ": bind: address already in use; choose another with --tls-redirect, or none with --tls-redirect=none"},
	} {
		s := begin(t, append([]string{"--tls", "--listen", freeAddr(t), "--tls-redirect", "none"}, tt.args...)...)
		if err := <-s.ended; err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: error is %v, want %q", tt.args, err, tt.want)
		}
	}

	old, oldKey := ca.Issue(t, 100*time.Hour, -time.Hour, "chat.example")
	certtest.Write(t, cert, old)
	certtest.Write(t, key, oldKey)
	listen := freeAddr(t)
	s := begin(t, "--tls", "--listen", listen, "--tls-redirect", "none", "--tls-cert", cert, "--tls-key", key)
	s.eventually("readyz says that the certificate has ended", func() bool {
		_, body := s.get("/readyz")
		return strings.Contains(body, "certificate: the certificate for chat.example ended at ")
	})
	ca.Files(t, dir, "chat.example")
	s.eventually("it is ready", func() bool { status, _ := s.get("/readyz"); return status == http.StatusOK })
	if name, _ := served(ca, "chat.example", listen); name == "" {
		t.Error("the new certificate is not served")
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

// TestRedirect sends plain requests on, whatever they name.
func TestRedirect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ port, target, host, want string }{
		{"443", "/a?b=c", "chat.example", "https://chat.example/a?b=c"},
		{"443", "/a%2Fb//c", "chat.example:80", "https://chat.example/a%2Fb//c"},
		{"8443", "/", "chat.example:8080", "https://chat.example:8443/"},
		{"443", "//other.example/", "chat.example", "https://chat.example//other.example/"},
		{"443", "http://chat.example/x", "chat.example", "https://chat.example/x"},
		{"443", "*", "chat.example", "https://chat.example/"},
		{"443", "/", "[2001:db8::1]", "https://[2001:db8::1]/"},
		{"8443", "/", "[2001:db8::1]:80", "https://[2001:db8::1]:8443/"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: redirect(tt.port), ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(l) }()
		if r := ask(t, l.Addr().String(), "GET "+tt.target+" HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n"); r.status != 308 || r.header.Get("Location") != tt.want {
			t.Errorf("%s of %s: %d to %s, want %s", tt.target, tt.host, r.status, r.header.Get("Location"), tt.want)
		}
		_ = server.Close()
	}
}
