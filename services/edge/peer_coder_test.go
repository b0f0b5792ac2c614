package edge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestPeerCoder talks to an edge that compresses by coder/websocket, which offers to compress in
// three ways.
func TestPeerCoder(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, compressing)
		for user, mode := range map[string]websocket.CompressionMode{
			"off": websocket.CompressionDisabled, "context": websocket.CompressionContextTakeover, "none": websocket.CompressionNoContextTakeover,
		} {
			t.Run(user, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				conn, resp, err := websocket.Dial(ctx, fmt.Sprintf("ws://%s/v1/ws", e.Addr()), &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
				if err != nil {
					t.Fatal(err)
				}
				if resp.Body != nil {
					defer resp.Body.Close()
				}
				defer func() { _ = conn.CloseNow() }()
				if got := resp.Header.Get("Sec-WebSocket-Extensions"); strings.HasPrefix(got, "permessage-deflate") != (user != "off") {
					t.Errorf("agreed on %q", got)
				}
				conn.SetReadLimit(1 << 20)
				say := func(format string, args ...any) {
					if err := conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
						t.Fatal(err)
					}
				}
				hear := func(kind string) wire.Event {
					for {
						_, b, err := conn.Read(ctx)
						if err != nil {
							t.Fatal(err)
						}
						if e, err := wire.DecodeEvent(b); err != nil || e.Type == kind {
							return e
						}
					}
				}
				say(`{"type":"hello","version":1,"token":"%s"}`, w.token(user))
				hear("welcome")
				say(`{"type":"join","room":"lobby"}`)
				hear("joined")
				for _, size := range []int{1, 50, 125, 126, 127, 1000, 16 << 10} {
					want := strings.Repeat("x", size)
					say(`{"type":"send","room":"lobby","msg_id":"m%d","text":"%s"}`, size, want)
					if e := hear("msg"); e.Text != want {
						t.Errorf("got %d characters of %d", len(e.Text), size)
					}
				}
				if err := conn.Close(4321, "done"); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
	})
}
