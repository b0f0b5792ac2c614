package cert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/certtest"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/freeport"
	"hubbub.internal/services/hubbub/certificate"
	"hubbub.internal/services/hubbub/certificate/acmetest"
)

// parsed returns the configuration of arguments.
func parsed(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	var c Config
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return c, err //nolint:wrapcheck // what it says is what is tested
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := freeport.Port()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// during runs the command while do does something.
func during(t *testing.T, c Config, do func(readyz func() string)) {
	t.Helper()
	c.Daemon = daemon.Config{OpsListen: freeAddr(t), LogLevel: "dpanic"}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx, "hubbub cert", c.Daemon, c.Start) }()
	do(func() string {
		r, err := http.Get("http://" + c.Daemon.OpsListen + "/readyz")
		if err != nil {
			return err.Error()
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		return string(b)
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not come true: %s", what)
		}
	}
}

// TestFolder gets a certificate from a real authority, and writes it and what it is renewed by.
func TestFolder(t *testing.T) {
	listen := freeAddr(t)
	ca := acmetest.Start(t, acmetest.Port(t, listen), acmetest.Port(t, freeAddr(t)), 24*3600)
	dir := filepath.Join(folder(t), "tls")
	c, err := parsed(t, "--tls-domains=chat.example", "--tls-acme-agree", "--tls-acme-directory="+ca.Directory, "--tls-acme-ca="+ca.CAFile, "--tls-folder="+dir, "--listen="+listen)
	if err != nil {
		t.Fatal(err)
	}
	c.ACME.RenewEvery = 200 * time.Millisecond
	during(t, c, func(readyz func() string) {
		seen := map[string]bool{}
		for range 3 {
			eventually(t, "there is a new certificate", func() bool {
				b, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
				is := err == nil && !seen[string(b)] && strings.Count(string(b), "BEGIN CERTIFICATE") == 2
				seen[string(b)] = true
				return is
			})
		}
		for name, mode := range map[string]os.FileMode{"cert.pem": 0o600, "key.pem": 0o600, ".": 0o700} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		eventually(t, "it is ready", func() bool { return strings.HasPrefix(readyz(), "ready") })
	})
}

// TestNoAuthority: while there is no certificate, the command is not ready, and writes nothing.
func TestNoAuthority(t *testing.T) {
	dir := filepath.Join(folder(t), "tls")
	c, err := parsed(t, "--tls-domains=chat.example", "--tls-acme-agree", "--tls-acme-directory=https://127.0.0.1:1/", "--tls-folder="+dir, "--listen="+freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	during(t, c, func(readyz func() string) {
		eventually(t, "it says that there is none", func() bool {
			return strings.Contains(readyz(), "there is no certificate for chat.example yet")
		})
	})
	if left, err := filepath.Glob(filepath.Join(dir, "*.pem*")); err != nil || len(left) > 0 {
		t.Errorf("in the folder are %v, %v", left, err)
	}
}

// TestFollow writes what is new, each name to its place, and says so once; what cannot be written
// is said once, too, and tried again.
func TestFollow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	synctest.Test(t, func(t *testing.T) {
		certs := map[string]string{"a.example": "a1"}
		c := Config{Folder: dir, ACME: certificate.ACMEConfig{Domains: []string{"a.example", "b.example", "c.example"}}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var mu sync.Mutex
		go func() {
			ended <- c.follow(ctx, zap.New(core), func(name string) (cert, key []byte, ok bool) {
				mu.Lock()
				defer mu.Unlock()
				text, ok := certs[name]
				return []byte(text), []byte("key of " + text), ok
			})
		}()
		after := func(what string, failures, written int, change func() error) {
			t.Helper()
			mu.Lock()
			err := change()
			mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * lookEvery)
			synctest.Wait()
			failed, wrote := logs.FilterMessageSnippet("cannot write").Len(), logs.FilterMessage("wrote a new certificate").Len()
			if failed != failures || wrote != written {
				t.Errorf("%s: the log says %d times that it could not write, and %d times that it wrote; want %d and %d", what, failed, wrote, failures, written)
			}
		}
		certPath := filepath.Join(dir, "cert.pem")
		after("in the way", 1, 0, func() error { return nil })
		after("out of the way", 1, 1, func() error { return os.Remove(dir) })
		after("a further name", 1, 2, func() error { certs["b.example"] = "b1"; return nil })
		after("renewed", 1, 3, func() error { certs["a.example"] = "a2"; return nil })
		after("a folder in the place of the file", 2, 3, func() error { return errors.Join(os.Remove(certPath), os.Mkdir(certPath, 0o700)) })
		after("without it", 2, 4, func() error { return os.Remove(certPath) })
		after("as before", 3, 4, func() error { return errors.Join(os.Remove(certPath), os.Mkdir(certPath, 0o700)) })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	names := filepath.Join(dir, "names")
	for path, want := range map[string]string{
		filepath.Join(dir, "key.pem"): "key of a2", filepath.Join(names, "b.example", "cert.pem"): "b1", filepath.Join(names, "b.example", "key.pem"): "key of b1",
	} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", path, got, err)
		}
	}
	if all, err := os.ReadDir(names); err != nil || len(all) != 1 {
		t.Errorf("of names there are %v, %v", all, err)
	}
	if info, err := os.Stat(filepath.Join(names, "b.example")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of a name: %v, %v", info, err)
	}
}

// folder returns a folder that is removed at the end, when nothing is written there any more: a
// renewal that has been given up may still put its state away.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cert")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eventually(t, "the folder is removed", func() bool { return os.RemoveAll(dir) == nil }) })
	return dir
}

// TestWatch watches files, which it does not touch.
func TestWatch(t *testing.T) {
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Files(t, dir, "chat.example")
	c, err := parsed(t, "--tls-cert="+cert, "--tls-key="+key)
	if err != nil {
		t.Fatal(err)
	}
	during(t, c, func(readyz func() string) {
		eventually(t, "it is ready", func() bool { return strings.HasPrefix(readyz(), "ready") })
		old, oldKey := ca.Issue(t, time.Hour, -time.Minute, "chat.example")
		certtest.Write(t, cert, old)
		certtest.Write(t, key, oldKey)
		eventually(t, "it says that the certificate has ended", func() bool {
			return strings.Contains(readyz(), "the certificate for chat.example ended at ")
		})
	})
}

// TestConfig holds that options which do not go together are refused.
func TestConfig(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "there is nothing to do: name the host to get a certificate for (--tls-domains), or the files of one to watch (--tls-cert, --tls-key)"},
		{"--tls-cert=c", "there is nothing to do"},
		{"--tls-domains=a.b", "--tls-domains needs --tls-acme-agree"},
		{"--tls-domains=a.b --tls-acme-agree --tls-cert=c", "--tls-cert and --tls-domains are two ways to a certificate: choose one"},
		{"--tls-domains=a.b --tls-acme-agree --listen=80", `--listen is "80"; it has to be host:port or :port`},
	} {
		if _, err := parsed(t, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want %q", tt.args, err, tt.want)
		}
	}
}
