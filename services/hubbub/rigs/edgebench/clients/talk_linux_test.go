package clients

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/freeport"
	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
	"hubbub.internal/services/hubbub/rigs/edgebench/floor"
)

// floorVar makes the test's binary the server that its tests talk to, at that address.
const floorVar = "BENCH_TEST_FLOOR"

const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if at := os.Getenv(floorVar); at != "" {
		panic(floor.Serve(netip.MustParseAddrPort(at)))
	}
	os.Exit(m.Run())
}

// server starts a floor; kill ends it.
func server(t *testing.T) (addr netip.AddrPort, kill func()) {
	t.Helper()
	at, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), floorVar+"="+at)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() { _, _ = cmd.Process.Kill(), cmd.Wait() }
	t.Cleanup(kill)
	for until := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", at)
		if err == nil {
			_ = conn.Close()
			return netip.MustParseAddrPort(at), kill
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func crowd(t *testing.T, addr netip.AddrPort, n int) *Clients {
	t.Helper()
	s, err := New(dialect.Floor(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Grow(n, 7, patience); err != nil {
		t.Fatal(err)
	}
	if err := s.Join(func(int) string { return "r" }, 7, patience); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTalk(t *testing.T) {
	addr, _ := server(t)
	const n = 50
	s := crowd(t, addr, n)
	talk := Talk{Senders: []int{0, 3, 8}, Fan: n, Size: 200}
	h, err := s.Steady(talk, 200, 100*time.Millisecond)
	if err != nil || h.Sent != 20 || h.Delivered != 20*n || h.Lost != 0 || h.P50 <= 0 || h.P99 < h.P50 {
		t.Errorf("a steady talk: %+v, %v", h, err)
	}
	ended := int64(0)
	h, err = s.Flood(talk, 8, 50*time.Millisecond, func() { ended = s.Counts().Delivered })
	if err != nil || h.Sent < 8 || h.Delivered != ended-20*n || h.Lost != 0 || s.Counts().Delivered != (h.Sent+20)*n {
		t.Errorf("a flood: %+v, %d at its end and %d after it, %v", h, ended, s.Counts().Delivered, err)
	}
	// Frames that do not fit into one read.
	talk.Size = 40_000
	if h, err = s.Flood(talk, 50, 50*time.Millisecond, func() {}); err != nil || h.Lost != 0 || h.Sent < 50 {
		t.Errorf("a flood of large messages: %+v, %v", h, err)
	}
}

// TestLost expects one reader more than a message has: its deliveries count as lost.
func TestLost(t *testing.T) {
	addr, _ := server(t)
	s := crowd(t, addr, 3)
	s.settle = 50 * time.Millisecond
	h, err := s.Steady(Talk{Senders: []int{1}, Fan: 4, Size: 100}, 100, 50*time.Millisecond)
	if err != nil || h.Sent != 5 || h.Lost != 5 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestServerGone(t *testing.T) {
	addr, kill := server(t)
	s := crowd(t, addr, 3)
	kill()
	if _, err := s.Steady(Talk{Senders: []int{0}, Fan: 3, Size: 100}, 100, time.Second); err == nil || !strings.Contains(err.Error(), "client ") {
		t.Errorf("the server is gone, and the error is %v", err)
	}
}
