package freeport_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"hubbub.internal/libs/freeport"
)

// takes is how many ports each process takes: more than a block has.
const takes = 200

// TestMain is also the other processes of TestTake: they print their ports and live until their
// input ends.
func TestMain(m *testing.M) {
	if os.Getenv("FREEPORT_TEST_TAKER") == "" {
		os.Exit(m.Run())
	}
	for range takes {
		port, err := freeport.Port()
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(strconv.Itoa(port) + "\n")
	}
	_ = os.Stdout.Close()
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// TestTake: no port is given to two processes, even when nothing listens on it, or to an outgoing
// connection.
func TestTake(t *testing.T) {
	// Any outgoing connection has a port of those that must not be given away.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ephemeral := l.Addr().(*net.TCPAddr).Port

	seen := map[string]bool{}
	for range takes {
		addr, err := freeport.Addr()
		if err != nil {
			t.Fatal(err)
		}
		if seen[addr] {
			t.Fatalf("%s is given twice", addr)
		}
		seen[addr] = true
		own, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if port := own.Addr().(*net.TCPAddr).Port; port >= 32_768 && ephemeral >= 32_768 {
			t.Errorf("%d may be taken by an outgoing connection", port)
		}
		_ = own.Close()
	}
	for range 3 {
		for _, port := range otherProcess(t) {
			addr := net.JoinHostPort("127.0.0.1", port)
			if seen[addr] {
				t.Errorf("%s is given to two processes", addr)
			}
			seen[addr] = true
		}
	}
}

// otherProcess returns the ports that another process takes; it lives until the test ends.
func otherProcess(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FREEPORT_TEST_TAKER=1")
	cmd.Stderr = os.Stderr
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = hold.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	var b bytes.Buffer
	if _, err := b.ReadFrom(out); err != nil {
		t.Fatal(err)
	}
	ports := strings.Fields(b.String())
	if len(ports) != takes {
		t.Fatalf("the other process took %d ports, want %d", len(ports), takes)
	}
	return ports
}
