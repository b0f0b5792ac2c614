package load

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// canNetns skips the test, with openNetwork's error, where the machine allows no network namespace.
func canNetns(t *testing.T) {
	t.Helper()
	n, err := openNetwork(t.Context())
	if err != nil {
		t.Skip(err)
	}
	n.close()
}

// TestNetns: a load in its own network, from two processes, works and removes the network.
func TestNetns(t *testing.T) {
	canNetns(t)
	cfg := config(t)
	cfg.Netns, cfg.Processes = true, 2
	var clients []string // as the server sees them
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(clients) == 0 {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				clients = peers(t, shared.up.Addr)
			}
		}
	}()
	r, err := run(t, cfg)
	close(stop)
	<-done
	if err != nil || r.Open != 12 || r.Sent == 0 || r.Delivered != 8*r.Sent || r.Reconnects < 12 {
		t.Errorf("%v: %+v", err, r)
	}
	if len(clients) == 0 {
		t.Error("no socket came from the network")
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Name, "hubbub") {
			t.Errorf("%s is left", l.Name)
		}
	}
}

// peers returns the addresses in a load's network that are connected to a port of this machine.
// /proc has them in hexadecimal, with their bytes reversed.
func peers(t *testing.T, addr string) (all []string) {
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Error(err)
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue // a machine without IPv6
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && (strings.Contains(f[2], "12C6:") || strings.Contains(f[2], "13C6:")) {
				all = append(all, f[2])
			}
		}
	}
	return all
}

// TestNetnsOfServerOnLoopback: the error says that a server listens on loopback only.
func TestNetnsOfServerOnLoopback(t *testing.T) {
	canNetns(t)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[{}]}`)) }))
	defer target.Close()
	cfg := config(t)
	cfg.URL, cfg.Netns = target.URL, true
	if err := Run(t.Context(), cfg, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "listen on all of its addresses") {
		t.Errorf("%v", err)
	}
}
