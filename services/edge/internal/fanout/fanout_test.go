package fanout

import (
	"strings"
	"testing"
	"time"

	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/transport"
)

// loop keeps what is written to each slot.
type loop struct {
	transport.Loop
	got  map[uint32]string
	most map[uint32]int // bytes that a connection still takes; absent: any number
}

func (l loop) Write(slot uint32, bufs [][]byte) (n int, _ error) {
	for _, b := range bufs {
		if most, ok := l.most[slot]; ok {
			b = b[:min(len(b), most)]
			l.most[slot] = most - len(b)
		}
		l.got[slot] += string(b)
		n += len(b)
	}
	return n, nil
}

func (l loop) Wake() {}

// handler is a layer above that only knows of subscribers.
type handler struct {
	conn.Handler
	s *Shard
}

func (h handler) Opened(slot uint32) { h.s.Opened(slot) }
func (h handler) Mail()              { h.s.Mail() }
func (h handler) Tick()              { h.s.Tick() }
func (h handler) Ticking() bool      { return false }
func (h handler) Left(slot uint32) {
	for id := h.s.First(slot); id != None; id = h.s.First(slot) {
		h.s.Unsubscribe(id)
	}
}

// owner notes rewinds.
type owner struct{ rewound []uint32 }

func (o *owner) Rewound(_ int, slot uint32, _ uint64) { o.rewound = append(o.rewound, slot) }

// TestTopic: who listens gets what is published, who is muted gets it when listening again, who is
// in two topics gets both, and who has left gets nothing; a rewind is told once.
func TestTopic(t *testing.T) {
	m := metrics.New(nil)
	l := loop{got: map[uint32]string{}}
	c := conn.NewHub(conn.Options{Sockets: 10, Buffers: 1 << 20, Outstanding: 1 << 20, HandshakeTimeout: time.Second, PingAfter: time.Second, IdleTimeout: time.Minute}, m, nil).Shard(l)
	h := NewHub(Options{Ring: ring.Limits{Bytes: 4096, Entries: 64, Keep: 30}}, 0, m)
	s := h.Shard(c)
	c.Serve(handler{s: s}, s)
	var one, two Topic
	var own owner
	for _, topic := range []*Topic{&one, &two} {
		topic.Init(h, &own)
		topic.Ring().Start(0)
	}
	ids := map[uint32]uint32{}
	for slot := range uint32(3) {
		c.Opened(slot)
		c.Accept(slot, false)
		c.SetState(slot, conn.Ready)
		ids[slot] = s.Subscribe(slot, &one, false)
		s.Listen(ids[slot])
	}
	s.Listen(s.Subscribe(0, &two, false))
	publish := func(topic *Topic, text string) { topic.Publish(ring.Message{Payload: []byte(text)}) }
	turn := func() {
		for c.Turn() == 0 {
		}
	}
	s.Mute(ids[1])
	publish(&one, "a")
	publish(&two, "b")
	turn()
	s.Listen(ids[1])
	c.Lag(1)
	c.Enqueue(1)
	publish(&one, "c")
	turn()
	c.Gone(2)
	publish(&one, "d")
	turn()
	for slot, want := range []string{"acd", "acd", "ac"} {
		got := l.got[uint32(slot)]
		for i, frame := range want {
			if at := strings.Index(got, "\x81\x01"+string(frame)); at < 0 || i > 0 && at < strings.Index(got, "\x81\x01"+want[i-1:i]) {
				t.Errorf("connection %d got %q, want %q in this order", slot, got, want)
			}
		}
		frames := len(want)
		if slot == 0 { // it is in both topics, whose order is no matter
			frames++
		}
		if len(got) != 3*frames || strings.Contains(got, "b") != (slot == 0) {
			t.Errorf("connection %d got %q, want %d frames", slot, got, frames)
		}
	}
	one.Rewind(9)
	turn()
	if len(own.rewound) != 2 {
		t.Errorf("rewinds of %v are told", own.rewound)
	}
	if c.Gone(0); s.Count() != 1 {
		t.Errorf("%d subscribers are left", s.Count())
	}
}
