package up

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"hubbub.internal/libs/daemon"
)

// parsed returns the configuration that the arguments make.
func parsed(t *testing.T, args ...string) (cfg Config, err error) {
	t.Helper()
	parser, err := kong.New(&cfg, Vars())
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return cfg, err
}

// server is a `hubbub up` in this process.
type server struct {
	t     *testing.T
	ended chan error
	stop  context.CancelFunc
	ops   string
	out   lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// begin starts a server without waiting for it.
func begin(t *testing.T, args ...string) *server {
	t.Helper()
	return beginWith(t, func(*daemon.Config, *Config) {}, args...)
}

// beginWith starts a server whose configuration is changed by what no flag can.
func beginWith(t *testing.T, change func(*daemon.Config, *Config), args ...string) *server {
	t.Helper()
	web := t.TempDir()
	if err := os.WriteFile(filepath.Join(web, "index.html"), []byte("page"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := parsed(t, append([]string{"--data", t.TempDir(), "--web", web, "--directory-hash-memory", "64", "--drain", "0s"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	process := daemon.Config{OpsListen: freeAddr(t), LogLevel: "dpanic"}
	change(&process, &cfg)
	s := &server{t: t, ended: make(chan error, 1), ops: process.OpsListen}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() {
		s.ended <- daemon.Run(ctx, "hubbub", process, func(ctx context.Context, p *daemon.Process) error {
			return Start(ctx, p, cfg, &s.out)
		})
	}()
	return s
}

// start starts a server, which is stopped at the end of the test, and returns when it is ready.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := begin(t, args...)
	s.untilReady()
	return s
}

// untilReady returns when the server is ready, and stops it at the end of the test.
func (s *server) untilReady() {
	t := s.t
	t.Helper()
	t.Cleanup(func() {
		s.stop()
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	})
	s.eventually("it is ready", func() bool { status, _ := s.get("/readyz"); return status == http.StatusOK })
}

// get asks the ops port.
func (s *server) get(path string) (status int, body string) {
	r, err := http.Get("http://" + s.ops + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}

func (s *server) eventually(what string, cond func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-s.ended:
			s.ended <- err
			s.t.Fatalf("it ended before it came true: %s: %v", what, err)
		default:
		}
		if time.Now().After(end) {
			_, why := s.get("/readyz")
			s.t.Fatalf("it did not come true: %s; readyz says %s", what, why)
		}
	}
}
