package bustest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hubbub.internal/libs/freeport"
)

const (
	// readyTimeout is how long a redis-server may take to load its data and answer.
	readyTimeout = 30 * time.Second
	// portTries is how many free ports to try: another process may take one before the server does.
	portTries = 5
)

// RedisServer is a redis-server process of a test (a server, a node of a cluster, or a Sentinel),
// with its data in a folder of the test's. Its methods end the test when they fail; they may be
// called from any goroutine of the test, one at a time for each server.
type RedisServer struct {
	t    testing.TB
	dir  string
	port string
	args []string
	conf string // configuration file of a Sentinel, which has no other settings

	mu   sync.Mutex
	proc *process // nil while it does not run
}

// Redis starts a redis-server on a free port of 127.0.0.1 with the settings that Hubbub ships
// (append-only file, synced with every write; noeviction) and ends it with the test. args are added
// to its command line and override those settings: "--maxmemory", "4mb".
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	return launch(t, func(*RedisServer) []string { return args })
}

// launch starts a server. It calls configure, which returns further arguments, with each port that
// it tries.
func launch(t testing.TB, configure func(s *RedisServer) (args []string)) *RedisServer {
	t.Helper()
	s := &RedisServer{t: t, dir: t.TempDir()}
	t.Cleanup(s.Kill) // its data is not needed any more
	var err error
	for range portTries {
		if s.port, err = freePort(); err != nil {
			t.Fatalf("find a port for redis-server: %v", err)
		}
		s.args = configure(s)
		if err = s.start(); err == nil {
			return s
		}
		if errors.Is(err, exec.ErrNotFound) {
			t.Fatal("this test needs a redis-server, version 7 or later, and finds none: install one (apt install redis-server, brew install redis)")
		}
	}
	t.Fatalf("start redis-server: %v", err)
	return nil
}

// Addr returns the server's host:port.
func (s *RedisServer) Addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// URL returns the server's address as the URL of a bus.
func (s *RedisServer) URL() string { return "redis://" + s.Addr() }

// Start starts the server again on the same folder and port, and returns when it answers.
func (s *RedisServer) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("start redis-server again: %v", err)
	}
}

// StartReplicaOf is Start as a replica of another server.
func (s *RedisServer) StartReplicaOf(master *RedisServer) {
	s.t.Helper()
	s.args = append(slices.Clone(s.args), "--replicaof", "127.0.0.1 "+master.port)
	s.Start()
}

// Kill ends the server as kill -9 does, and returns when it is gone.
func (s *RedisServer) Kill() { s.end(syscall.SIGKILL) }

// Stop shuts the server down in order. It does nothing to a server that does not run.
func (s *RedisServer) Stop() { s.end(syscall.SIGTERM) }

// Pause freezes the server until Resume: connections stay up and nothing answers.
func (s *RedisServer) Pause() { s.t.Helper(); s.signal(true) }

// Resume lets a paused server go on.
func (s *RedisServer) Resume() { s.t.Helper(); s.signal(false) }

// Folders returns where the server keeps its data.
func (s *RedisServer) Folders() []string { return []string{s.dir} }

func (s *RedisServer) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		return errors.New("it runs already")
	}
	args := append([]string{
		"--bind", "127.0.0.1", "--port", s.port, "--dir", s.dir, "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
	}, s.args...)
	if s.conf != "" {
		args = []string{s.conf, "--sentinel"}
	}
	p, err := spawn("redis-server", args...)
	if err != nil {
		return err
	}
	if err := s.ready(p); err != nil {
		p.end(syscall.SIGKILL)
		return fmt.Errorf("%w; its log ends with:\n%s", err, &p.log)
	}
	s.proc = p
	return nil
}

// end ends the process, if it runs.
func (s *RedisServer) end(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.end(sig)
		s.proc = nil
	}
}

func (s *RedisServer) signal(freeze bool) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		s.t.Fatal("redis-server does not run")
	}
	if err := s.proc.freeze(freeze); err != nil {
		s.t.Fatalf("pause or resume redis-server: %v", err)
	}
}

// ready waits until the server has loaded its data.
func (s *RedisServer) ready(p *process) error {
	deadline := time.Now().Add(readyTimeout)
	for {
		answer, err := ping(s.Addr())
		switch {
		case err == nil && (strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH")):
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("it did not answer within %s: %q, %w", readyTimeout, answer, err)
		}
		select {
		case <-p.ended:
			return errors.New("it ended at once")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ping(addr string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}

func freePort() (string, error) {
	port, err := freeport.Port()
	return strconv.Itoa(port), err
}
