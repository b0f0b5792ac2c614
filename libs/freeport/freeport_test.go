package freeport_test

import (
	"net"
	"testing"

	"hubbub.internal/libs/freeport"
)

func TestTake(t *testing.T) {
	// Any outgoing connection has a port of those that must not be given away.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ephemeral := l.Addr().(*net.TCPAddr).Port
	seen := map[string]bool{}
	for range 200 {
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
}
