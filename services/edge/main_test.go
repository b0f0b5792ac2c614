package edge_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must come.
const patience = 20 * time.Second

// world is what an edge lives in: a real bus, and the other services as far as an edge asks them.
type world struct {
	t   testing.TB
	bus bus.Interface
	log *zap.Logger // nil: none
	tls *tls.Config // of edges; nil: they speak none
	// of edges, for what is no WebSocket; nil: one that repeats what it is asked
	handler http.Handler
	alone   bool // edges answer what is no WebSocket themselves
	key     ed25519.PrivateKey

	mu      sync.Mutex
	access  map[[2]string]directory.Access // by user and room; others are members
	record  []history.ApplyRequest
	reads   []history.ReadRequest
	since   func(history.SinceRequest) (history.Since, error)
	online  presence.Who
	asked   []presence.WhoRequest
	keysErr error
}

func openBus(t testing.TB, url string) bus.Interface {
	t.Helper()
	b, err := busurl.Open(t.Context(), busurl.Config{
		Bus: url, BusMaxAge: time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 4, BusReplicas: 1, BusTimeout: patience,
		Embed: natsembed.InProcess,
	}, zap.NewNop(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, "embedded:"+t.TempDir())
}

func newWorldOn(t testing.TB, url string) *world {
	t.Helper()
	return newWorldWith(t, openBus(t, url))
}

func newWorldWith(t testing.TB, b bus.Interface) *world {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, bus: b, key: key, access: map[[2]string]directory.Access{}}
	serve(w, directory.ServiceAccess, func(r directory.AccessRequest) (directory.Access, error) {
		if a, ok := w.access[[2]string{r.User, r.Room}]; ok {
			return a, nil
		}
		return directory.Access{Role: directory.RoleMember, Read: true, Send: true}, nil
	})
	serve(w, directory.ServiceKeys, func(directory.KeysRequest) (json.RawMessage, error) {
		if w.keysErr != nil {
			return nil, w.keysErr
		}
		return auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: key.Public().(ed25519.PublicKey)}})
	})
	serve(w, history.ServiceApply, func(r history.ApplyRequest) (history.Applied, error) {
		if r.Event.Target == "gone" {
			return history.Applied{}, chat.E(chat.CodeNotFound, "there is no such message")
		}
		w.record = append(w.record, r)
		return history.Applied{Seq: uint64(len(w.record))}, nil
	})
	serve(w, history.ServicePage, func(r history.PageRequest) (history.Page, error) {
		return history.Page{Messages: []chat.Message{{Event: chat.Event{Type: chat.TypeMsg, Seq: r.Before + r.After + r.Around, Room: r.Room, ID: fmt.Sprint(r.Limit)}}}, More: true}, nil
	})
	serve(w, history.ServiceRead, func(r history.ReadRequest) (history.ReadReply, error) {
		w.reads = append(w.reads, r)
		return history.ReadReply{Seq: r.Seq}, nil
	})
	serve(w, history.ServiceSince, func(r history.SinceRequest) (history.Since, error) {
		if w.since == nil {
			return history.Since{}, errors.New("no history in this test")
		}
		return w.since(r)
	})
	serve(w, presence.ServiceWho, func(r presence.WhoRequest) (presence.Who, error) {
		w.asked = append(w.asked, r)
		return w.online, nil
	})
	return w
}

func serve[Req, Rep any](w *world, service string, answer func(Req) (Rep, error)) {
	w.t.Helper()
	sub, err := api.Handle(w.t.Context(), w.bus, service, nil, func(_ context.Context, r Req) (Rep, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return answer(r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(sub.Stop)
}

// token returns a token for a user whose name is that of the id in capitals.
func (w *world) token(user string, edit ...func(*auth.Claims)) string {
	w.t.Helper()
	now := time.Now()
	c := auth.Claims{User: user, Name: "Name of " + user, Session: "s-" + user, Issued: now.Add(-time.Minute), Expires: now.Add(time.Hour)}
	for _, e := range edit {
		e(&c)
	}
	s, err := auth.Sign(w.key, "k", c)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// config is the default configuration on a free port, with a quick drain.
func config() edge.Config {
	return edge.Config{
		Listen: "127.0.0.1:0", Loops: 2, Origins: []string{"*"}, MaxSockets: 1000, MaxFrame: 64 << 10, MaxText: 16 << 10, MaxRooms: 500,
		Rate: 100_000, Burst: 100_000, UserBurst: 1, Heartbeat: 5 * time.Second, MaxPending: 1000, MaxBuffers: 256 << 20, MaxOutstanding: 8 << 20, RingBytes: 1 << 20, RingEntries: 4096,
		Handshake: 5 * time.Second, Hello: 10 * time.Second, Ping: 25 * time.Second, Idle: 60 * time.Second, Write: 10 * time.Second,
		Coalesce: 2 * time.Millisecond,
	}
}

// running is an edge that runs.
type running struct {
	*edge.Edge
	t    testing.TB
	reg  *prometheus.Registry
	stop func() // drains and waits
	tls  bool
}

// Addr returns where the edge listens, and whether with TLS.
func (r *running) Addr() net.Addr {
	if r.tls {
		return tlsAddr{r.Edge.Addr()}
	}
	return r.Edge.Addr()
}

// count returns the value of a metric, of the one with a label if given.
func (r *running) count(name string, label ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(label) == 0 || len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label[0] {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (w *world) edge(edit ...func(*edge.Config)) *running {
	w.t.Helper()
	cfg := config()
	for _, e := range edit {
		e(&cfg)
	}
	cache := w.cache()
	reg := prometheus.NewRegistry()
	handler := w.handler
	if handler == nil && !w.alone {
		handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(rw, "%s %s %s", r.Method, r.URL.Path, body)
		})
	}
	e, err := edge.New(cfg, edge.Deps{
		Metrics: reg, Log: w.log, TLS: w.tls, Handler: handler,
		Bus: w.bus, Verifier: w.verifier(), Directory: cache,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{cache.Run, e.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				w.t.Error(err)
			}
		})
	}
	stop := sync.OnceFunc(func() { cancel(); wg.Wait() })
	w.t.Cleanup(stop)
	return &running{e, w.t, reg, stop, w.tls != nil}
}

func (w *world) verifier() *auth.Verifier { return auth.NewVerifier(directory.NewClient(w.bus).Keys) }

func (w *world) cache() *directory.Cache { return directory.NewCache(w.bus, zap.NewNop()) }

// change puts an entry into the control log.
func (w *world) change(c directory.Change) {
	w.t.Helper()
	data, err := directory.EncodeChange(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.append(chat.ControlRoom, data)
}

func (w *world) append(room string, data []byte) bus.Appended {
	w.t.Helper()
	a, err := bus.Append(w.t.Context(), w.bus, bus.NewEntry{Room: room, Sender: "test", ID: chat.NewID(), Data: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come true: %s", what)
		}
	}
}
