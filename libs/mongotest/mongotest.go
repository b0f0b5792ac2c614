// Package mongotest gives a test a server that speaks the MongoDB wire protocol: the one at
// HUBBUB_TEST_MONGODB_URL, or else FerretDB, built once from infra/test/ferretdb and started for
// the test. It owns that process, and knows nothing of what is stored.
//
// FerretDB v1.24.0 reads by scanning, and does not serialise concurrent updates of one document: it
// serves tests that need neither speed nor that, and never users. Real reports which of the two it
// is.
package mongotest

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/checkout"
	"hubbub.internal/libs/freeport"
)

// Variable names the environment variable with the URL of a MongoDB server to test against.
const Variable = "HUBBUB_TEST_MONGODB_URL"

// startTimeout is how long FerretDB may take to listen.
const startTimeout = 30 * time.Second

// Real reports whether tests run against the server at HUBBUB_TEST_MONGODB_URL.
func Real() bool { return os.Getenv(Variable) != "" }

// URL returns the URL of an empty database, which is there until the test ends.
func URL(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(Variable); given != "" {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatalf("%s is not a URL", Variable)
		}
		u.Path = "/hubbub-test-" + chat.NewID()
		return u.String()
	}
	return Start(t).URL
}

// Server is a FerretDB of the test's own.
type Server struct {
	URL string

	t    testing.TB
	args []string
	cmd  *exec.Cmd
}

// Start starts a FerretDB on an empty folder. It is killed when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	addr, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{URL: "mongodb://" + addr + "/hubbub", t: t, args: []string{binary(t), "-listen", addr, "-dir", t.TempDir()}}
	t.Cleanup(s.Kill)
	s.Again()
	return s
}

// Again starts the server again, on the same address and data, after Kill.
func (s *Server) Again() {
	s.t.Helper()
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Stderr = s.t.Output()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	addr := s.args[2]
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("FerretDB does not listen: %v", err)
		}
	}
}

// Kill kills the server (SIGKILL) and waits for it.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // an error: it has ended
	_ = s.cmd.Wait()         // that it was killed is no error
	s.cmd = nil
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := checkout.Bin()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, checkout.FerretDB.Name), checkout.Build(context.Background(), dir, checkout.FerretDB)
})

func binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
