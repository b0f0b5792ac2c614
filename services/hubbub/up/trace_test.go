package up

import (
	"testing"
	"time"

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
	addr := freeAddr(t)
	beginWith(t, func(p *daemon.Config, _ *Config) {
		p.Trace = trace.Config{TraceTo: collector.URL, TraceRatio: 1}
	}, "--listen", addr).untilReady()
	ctx := t.Context()
	api := client.NewAPI("http://"+addr, nil)
	session, err := api.Guest(ctx, "Ada")
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
}
