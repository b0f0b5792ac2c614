package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/work"
)

// recordBus is a bus whose history service is the test's, and which notes what is appended.
type recordBus struct {
	bus.Interface
	sent func(context.Context, history.SentRequest) (history.Sent, error)

	mu       sync.Mutex
	appended []string // ids
}

func (b *recordBus) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	b.mu.Lock()
	b.appended = append(b.appended, strings.Clone(e.ID))
	n := len(b.appended)
	b.mu.Unlock()
	done(bus.Appended{Seq: uint64(100 + n)}, nil)
}

func (b *recordBus) Request(ctx context.Context, service string, data []byte) ([]byte, error) {
	if service != history.ServiceSent {
		return b.Interface.Request(ctx, service, data)
	}
	var req history.SentRequest
	if err := json.Unmarshal(data, &req); err != nil {
		return nil, err
	}
	got, err := b.sent(ctx, req)
	if err != nil {
		return nil, err
	}
	return json.Marshal(got)
}

// log returns the ids of what was appended.
func (b *recordBus) log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.appended, " ")
}

// recorded is a shard with a member of lobby at slot 0, and the bus that it uses.
type recorded struct {
	*Shard
	t    *testing.T
	bus  *recordBus
	loop *fakeLoop
}

// newRecorded makes history answer as sent says.
func newRecorded(t *testing.T, sent func(context.Context, history.SentRequest) (history.Sent, error)) *recorded {
	t.Helper()
	b := &recordBus{sent: sent}
	s, l := newTestShardOn(t, func(inner bus.Interface) bus.Interface { b.Interface = inner; return b })
	r := &recorded{s, t, b, l}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	pool := s.hub.sends.LookUps
	wait.Go(func() { _ = pool.Run(ctx) })
	t.Cleanup(func() { cancel(); wait.Wait() })
	admit(s, 0)
	seat(s, 0, "lobby")
	allow(t, s, "user0", "lobby")
	return r
}

func (r *recorded) send(id string, retry bool) {
	r.conn.Received(0, maskedText(fmt.Sprintf(`{"type":"send","id":"r-%s","room":"lobby","msg_id":%q,"text":"x","retry":%v}`, id, id, retry)))
}

// answers runs the loop until so many sends are answered, and returns the answers, each as "id seq
// ts" or "id code".
func (r *recorded) answers(n int) (all []string) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Microsecond) {
		r.conn.Turn()
		all = nil
		for in := bytes.NewReader(r.loop.got[0]); in.Len() > 0; {
			h, err := ws.ReadHeader(in)
			if err != nil {
				r.t.Fatal(err)
			}
			payload := make([]byte, h.Length)
			if _, err := io.ReadFull(in, payload); err != nil {
				r.t.Fatal(err)
			}
			e, err := wire.DecodeEvent(payload)
			if err != nil {
				r.t.Fatal(err)
			}
			switch {
			case e.Type == wire.EventAck:
				all = append(all, fmt.Sprint(e.ID, " ", e.Seq, " ", e.TS > 1000))
			case e.Type == wire.EventError:
				all = append(all, fmt.Sprint(e.ID, " ", e.Code))
				if e.MsgID == "" || e.Room != "lobby" {
					r.t.Errorf("the error does not name its send: %s", payload)
				}
				if string(e.Code) == "unavailable" && e.RetryAfterMS == 0 {
					r.t.Errorf("the error does not say when to come again: %s", payload)
				}
			}
		}
		if len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("only %q are answered", all)
		}
	}
}

// want fails the test unless the sends were answered so, and the log has these.
func (r *recorded) want(answers []string, log string) {
	r.t.Helper()
	if got := r.answers(len(answers)); !slices.Equal(got, answers) {
		r.t.Errorf("answered %q, want %q", got, answers)
	}
	if got := r.bus.log(); got != log {
		r.t.Errorf("appended %q, want %q", got, log)
	}
	if n := r.sends.Probe().Pending(0); n != 0 {
		r.t.Errorf("%d sends count as not acknowledged", n)
	}
}

// known is a history that has the message m1, at 7.
func known(_ context.Context, r history.SentRequest) (history.Sent, error) {
	if r == (history.SentRequest{Room: "lobby", User: "user0", ID: "m1"}) {
		return history.Sent{Seq: 7, TS: 70}, nil
	}
	return history.Sent{}, nil
}

// TestRetryIsLookedUp: a message that is there is acknowledged as it was the first time and not
// appended; another is appended. A first attempt asks nobody.
func TestRetryIsLookedUp(t *testing.T) {
	r := newRecorded(t, known)
	r.send("m1", true)
	r.want([]string{"r-m1 7 false"}, "")
	r.send("m2", true)
	r.want([]string{"r-m1 7 false", "r-m2 101 true"}, "m2")
	r.bus.sent = func(context.Context, history.SentRequest) (history.Sent, error) {
		t.Error("history was asked")
		return history.Sent{}, nil
	}
	r.send("m1", false)
	r.want([]string{"r-m1 7 false", "r-m2 101 true", "r-m1 102 true"}, "m2 m1")
}

// TestRetryNeedsHistory: whatever keeps history from answering, a retry is refused and not
// appended, and what follows it goes on.
func TestRetryNeedsHistory(t *testing.T) {
	for name, sent := range map[string]func(context.Context, history.SentRequest) (history.Sent, error){
		"nobody serves it": func(context.Context, history.SentRequest) (history.Sent, error) {
			return history.Sent{}, bus.ErrNoResponder
		},
		"the bus is away": func(context.Context, history.SentRequest) (history.Sent, error) {
			return history.Sent{}, bus.ErrUnavailable
		},
		"the bus is closed": func(context.Context, history.SentRequest) (history.Sent, error) {
			return history.Sent{}, bus.ErrClosed
		},
		"its store is down": func(context.Context, history.SentRequest) (history.Sent, error) {
			return history.Sent{}, &bus.Error{Code: "unavailable", Message: "history does not answer right now", RetryAfter: time.Second}
		},
		"it is slow": func(ctx context.Context, _ history.SentRequest) (history.Sent, error) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("it may take for ever")
			}
			return history.Sent{}, context.DeadlineExceeded
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorded(t, sent)
			r.send("m1", true)
			r.send("m2", false)
			r.want([]string{"r-m1 unavailable", "r-m2 101 true"}, "m2")
		})
	}
	t.Run("too many ask", func(t *testing.T) {
		r := newRecorded(t, known)
		r.hub.sends.LookUps = work.New(0, 0)
		r.send("m1", true)
		r.send("m2", true)
		r.send("m3", false)
		r.want([]string{"r-m1 unavailable", "r-m2 unavailable", "r-m3 101 true"}, "m3")
	})
	t.Run("another use of the id", func(t *testing.T) {
		r := newRecorded(t, func(context.Context, history.SentRequest) (history.Sent, error) {
			return history.Sent{}, &bus.Error{Code: "conflict", Message: "used before"}
		})
		r.send("m1", true)
		r.want([]string{"r-m1 conflict"}, "")
	})
}

// TestRetryKeepsOrder: what is sent behind a retry waits for it.
func TestRetryKeepsOrder(t *testing.T) {
	ask := make(chan struct{})
	r := newRecorded(t, func(ctx context.Context, req history.SentRequest) (history.Sent, error) {
		<-ask
		return known(ctx, req)
	})
	for _, m := range []struct {
		id    string
		retry bool
	}{{"m0", true}, {"m1", true}, {"m2", false}, {"m3", true}, {"m4", false}} {
		r.send(m.id, m.retry)
	}
	for range 100 {
		r.conn.Turn()
	}
	if got := r.bus.log(); got != "" {
		t.Errorf("appended before the first was looked up: %s", got)
	}
	close(ask)
	r.want([]string{"r-m0 101 true", "r-m1 7 false", "r-m2 102 true", "r-m3 103 true", "r-m4 104 true"}, "m0 m2 m3 m4")
}

// TestRetryOfWhoLeaves: who leaves the room meanwhile is acknowledged what is there, and nothing
// more is appended.
func TestRetryOfWhoLeaves(t *testing.T) {
	for id, want := range map[string]string{"m1": "r-m1 7 false", "m2": "r-m2 not_joined"} {
		ask := make(chan struct{})
		r := newRecorded(t, func(ctx context.Context, req history.SentRequest) (history.Sent, error) {
			<-ask
			return known(ctx, req)
		})
		r.send(id, true)
		r.conn.Received(0, maskedText(`{"type":"leave","room":"lobby"}`))
		close(ask)
		r.want([]string{want}, "")
	}
}

// TestRetryOfWhoMayNotSend is refused before history is asked.
func TestRetryOfWhoMayNotSend(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		serve(r, history.ServiceSent, func(history.SentRequest) (history.Sent, error) { return history.Sent{}, nil })
		r.access[[2]string{"ann", "lobby"}] = directory.Access{Read: true}
		ann := r.login("ann")
		ann.enter("lobby")
		ann.say(`{"type":"send","id":"1","room":"lobby","msg_id":"m1","text":"x","retry":true}`)
		ann.refused("1", chat.CodeForbidden)
		if n := r.asked[history.ServiceSent]; n != 0 {
			t.Errorf("history was asked %d times", n)
		}
	})
}
