package edge_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"hubbub.internal/services/edge"
)

// TestSoak: sockets come, chat and go in every way there is, again and again: in the end nothing
// of them is left. There are 500 of them, or SOAK: `make soak-edge` has as many as the files allow.
// Their other ends are in a process of their own, this test once more, so that each end has all the
// files that a process may open.
func TestSoak(t *testing.T) {
	sockets := 500
	if s := os.Getenv("SOAK"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		sockets = n
	}
	if addr := os.Getenv("SOAK_EDGE"); addr != "" {
		soak(t, addr, sockets)
		return
	}
	w := newWorld(t)
	e := w.edge(compressing, func(c *edge.Config) { c.MaxSockets = 2 * sockets })
	eventually(t, "the edge is up", func() bool { return e.Ready(t.Context()) == nil })
	w.login(e, "first").leaves(0)
	eventually(t, "it is quiet", func() bool { return e.count("hubbub_edge_sockets") == 0 })
	before := runtime.NumGoroutine()

	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	crowd := exec.CommandContext(t.Context(), program, "-test.run=^TestSoak$", "-test.timeout=0")
	crowd.Env = append(os.Environ(), "SOAK_EDGE="+e.Addr().String(), "SOAK_KEY="+hex.EncodeToString(w.key.Seed()), fmt.Sprint("SOAK=", sockets))
	if out, err := crowd.CombinedOutput(); err != nil {
		t.Fatalf("the sockets' process: %v\n%s", err, out)
	}
	for _, name := range []string{"hubbub_edge_sockets", "hubbub_edge_buffer_bytes", "hubbub_edge_feeds"} {
		eventually(t, name+" is 0", func() bool { return e.count(name) == 0 })
	}
	// The edge listens to each of its 64 live channels from when it first needs it; the bus may
	// have a goroutine for each.
	eventually(t, "no goroutine of a socket or a room is left", func() bool { return runtime.NumGoroutine() <= before+64 })
	if n := e.count("hubbub_edge_handshakes_total"); int(n) < sockets*2 {
		t.Errorf("%v sockets in all", n)
	}
}

// soak is the sockets of TestSoak.
func soak(t *testing.T, addr string, sockets int) {
	const rounds, workers = 4, 25
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := hex.DecodeString(os.Getenv("SOAK_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, key: ed25519.NewKeyFromSeed(seed)}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			held := make([]*client, sockets/workers)
			for round := range rounds {
				for i := range held {
					if held[i] != nil && (i+round)%2 == 0 {
						held[i].leaves(i + round/2)
						held[i] = nil
					}
					if held[i] == nil {
						held[i] = w.enters(at, worker*len(held)+i, round)
					}
				}
			}
			for i, c := range held {
				c.leaves(i)
			}
		})
	}
	wg.Wait()
}

// enters logs in, joins a room of about ten, and says something there.
func (w *world) enters(edge net.Addr, n, round int) *client {
	headers := ""
	if n%2 == 0 {
		headers = offer
	}
	c := dial(w.t, edge, headers)
	c.send(`{"type":"hello","id":"h","version":1,"token":"%s"}`, w.token(fmt.Sprint("user", n)))
	c.send(`{"type":"join","id":"j","room":"room%d"}`, n/10)
	c.send(`{"type":"send","id":"s","room":"room%d","msg_id":"m%d-%d","text":"hello"}`, n/10, n, round)
	return c
}

// leaves ends a connection in one of the ways there are.
func (c *client) leaves(way int) {
	switch way % 5 {
	case 0:
		c.write(closeFrame(1000, ""))
		c.wantEnd()
	case 1: // without a word
	case 2:
		_ = c.conn.(*net.TCPConn).SetLinger(0) // a reset
	case 3:
		_, _ = c.conn.Write(text(`{"type":"ping"}`)[:9])
	case 4:
		_, _ = c.conn.Write(masked(0x01, []byte(`{"type":`)))
	}
	_ = c.conn.Close()
}
