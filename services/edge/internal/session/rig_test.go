package session

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/transport"
)

// loop is a transport that nobody drives.
type loop struct{ transport.Loop }

func (loop) Wake()        {}
func (loop) Close(uint32) {}

// opening is the handler of a shard of sessions alone.
type opening struct {
	conn.Handler
	s *Shard
}

func (o opening) Opened(slot uint32) { o.s.Opened(slot) }
func (o opening) Left(slot uint32)   { o.s.Left(slot) }

// firstNumber is of the sessions of a rig.
const firstNumber = 1000

// rig is one loop of sessions alone.
type rig struct {
	hub  *Hub
	conn *conn.Shard
	s    *Shard
	reg  *prometheus.Registry
}

// counted returns the value of a counter with a label.
func (r *rig) counted(t *testing.T, name, label string) float64 {
	t.Helper()
	all, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == "hubbub_edge_"+name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	reg := prometheus.NewRegistry()
	m := metrics.New(reg)
	c := conn.NewHub(conn.Options{HandshakeTimeout: time.Second, PingAfter: time.Second, Buffers: 1 << 20}, m, nil).Shard(loop{})
	b := membus.NewServer(membus.Options{}).Open()
	t.Cleanup(func() { _ = b.Close() })
	h := NewHub(o, Deps{
		Metrics: m, Log: zap.NewNop(), Explain: func(error) *chat.Error { return nil },
		Reporter: presence.NewReporter(b, presence.ReporterConfig{Edge: "e", Heartbeat: time.Minute, Log: zap.NewNop()}, nil),
	}, firstNumber)
	s := h.Shard(c)
	c.Serve(opening{s: s}, nil)
	return &rig{h, c, s, reg}
}

// open is a connection that has shaken hands.
func (r *rig) open(slot uint32) {
	r.conn.Opened(slot)
	r.conn.Accept(slot, false)
}

// enter lets a user in, if that may be.
func (r *rig) enter(slot uint32, user string) bool {
	r.open(slot)
	return r.s.Enter(slot, &auth.Claims{User: user, Name: user, Session: "s-" + user}, "", time.Now())
}

func userKey(user string) uint64 { return ring.Hash(user) }

func userSlot(user string) int { return int(userKey(user) % 64) }
