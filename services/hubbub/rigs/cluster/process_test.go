package cluster

import (
	"net"
	"testing"
	"time"
)

// TestKill: Kill ends a process and the processes that it has started.
func TestKill(t *testing.T) {
	p, err := NGINX(t.TempDir(), "", map[string][]string{
		"edge": {"127.0.0.1:1"}, "history": {"127.0.0.1:1"}, "presence": {"127.0.0.1:1"}, "directory": {"127.0.0.1:1"},
	}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !p.Runs() {
		t.Error("nginx does not run after Start")
	}
	p.Kill()
	if p.Runs() {
		t.Error("nginx runs after Kill")
	}
	// Its workers got the same signal; the kernel may take a moment to end them.
	for end := time.Now().Add(readyWithin); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			break
		}
		_ = c.Close()
		if time.Now().After(end) {
			t.Fatal("nginx was killed, and its port still accepts connections")
		}
	}
}
