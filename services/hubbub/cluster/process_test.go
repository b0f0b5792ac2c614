package cluster

import (
	"net"
	"testing"
)

// TestKill: nothing of a killed process goes on, not even the processes that it has started.
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
		t.Error("it does not run")
	}
	p.Kill()
	if p.Runs() {
		t.Error("it runs")
	}
	if c, err := net.Dial("tcp", p.Addr); err == nil {
		_ = c.Close()
		t.Error("nginx was killed, and somebody still accepts connections")
	}
}
