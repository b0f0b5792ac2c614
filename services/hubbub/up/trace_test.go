package up

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/trace"
	"hubbub.internal/libs/trace/tracetest"
)

// TestMessageIsTraced follows one message: the trace that its name stands for has the way into the
// log, to the edge and to the store.
func TestMessageIsTraced(t *testing.T) {
	t.Parallel()
	collector := tracetest.New(t)
	var cfg Config
	parser, err := kong.New(&cfg, Vars())
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	if _, err := parser.Parse([]string{"--data", t.TempDir(), "--web", "none", "--listen", addr, "--directory-hash-memory", "64"}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		traced := daemon.Config{LogLevel: "error", Trace: trace.Config{TraceTo: collector.URL, TraceRatio: 1}}
		ended <- daemon.Run(ctx, "hubbub", traced, func(ctx context.Context, p *daemon.Process) error {
			return Start(ctx, p, cfg, io.Discard)
		})
	}()
	api := client.NewAPI("http://"+addr, nil)
	session, err := await.For(ctx, func(ctx context.Context) (*client.Session, error) { return api.Guest(ctx, "Ada") }, func(error, time.Duration) {})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(ctx, client.Config{URL: "ws://" + addr + "/v1/ws", Token: session.Token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Join(ctx, "lobby", nil); err != nil {
		t.Fatal(err)
	}
	ack, err := c.Send(ctx, "lobby", "Hello!")
	if err != nil {
		t.Fatal(err)
	}
	id := trace.IDOf("lobby", session.User().ID, ack.MsgID)
	spans := map[string]tracetest.Span{}
	timeout := time.After(time.Minute)
	for len(spans) < 4 {
		select {
		case s := <-collector.Spans:
			if s.Trace == id || s.Name == "POST /v1/guest" {
				spans[s.Name] = s
			}
		case <-timeout:
			t.Fatalf("the collector has %+v", spans)
		}
	}
	send := spans["send"]
	for _, name := range []string{"deliver", "store"} {
		if s := spans[name]; s.Parent != send.ID || s.Start < send.Start || s.End < s.Start || s.Attributes["hubbub.room"] != "lobby" {
			t.Errorf("%s of %+v is %+v", name, send, s)
		}
	}
	if send.Attributes["hubbub.msg_id"] != ack.MsgID || send.Attributes["hubbub.user"] != session.User().ID || send.Service != "hubbub" {
		t.Errorf("%+v", send)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
