package edge

import (
	"net"
	"testing"

	"go.uber.org/zap"
)

// handed is a connection that knows whether it was closed.
type handed struct {
	net.Conn
	closed bool
}

func (c *handed) Close() error {
	c.closed = true
	return nil
}

// TestConnectionsThatNobodyTakes: a connection that the HTTP server has no place for, or that comes
// when the server has ended, is closed.
func TestConnectionsThatNobodyTakes(t *testing.T) {
	f := newFallback(nil, zap.NewNop())
	hand := func() *handed {
		c := &handed{}
		f.handOver(c, []byte("GET"))
		return c
	}
	for range waitingConns {
		if hand().closed {
			t.Fatal("a connection is closed although there is a place for it")
		}
	}
	if c := hand(); !c.closed {
		t.Error("a connection that does not fit stays open")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	<-f.conns // a place, which nobody fills any more
	if c := hand(); !c.closed {
		t.Error("a connection that comes after the end stays open")
	}
}
