package fanout

import (
	"strings"
	"testing"
	"time"

	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/ring"
)

// rigged is a hub of one shard, whose loop keeps what is written, with a topic.
func rigged(deflate int) (*Shard, *conn.Shard, loop, *Topic) {
	m := metrics.New(nil)
	l := loop{got: map[uint32]string{}, most: map[uint32]int{}}
	c := conn.NewHub(conn.Options{Sockets: 100, Buffers: 1 << 20, Outstanding: 1 << 20, HandshakeTimeout: time.Second, PingAfter: time.Second, IdleTimeout: time.Minute}, m, nil).Shard(l)
	h := NewHub(Options{Ring: ring.Limits{Bytes: 64 << 10, Entries: 64, Keep: 30}}, deflate, m)
	s := h.Shard(c)
	c.Serve(handler{s: s}, s)
	topic := &Topic{}
	topic.Init(h, &owner{})
	topic.Ring().Start(0)
	return s, c, l, topic
}

func subscribe(s *Shard, c *conn.Shard, slot uint32, topic *Topic, packed bool) uint32 {
	c.Opened(slot)
	c.Accept(slot, packed)
	c.SetState(slot, conn.Ready)
	id := s.Subscribe(slot, topic, packed)
	s.Listen(id)
	return id
}

// TestMuteWithinAPass: who leaves while a pass is under way takes nobody's place in it: all others
// get what they have not had, with the pass.
func TestMuteWithinAPass(t *testing.T) {
	for gone := range uint32(5) {
		s, c, l, topic := rigged(0)
		s.Probe().Bounds().Visits = 2
		var ids []uint32
		for slot := range uint32(5) {
			ids = append(ids, subscribe(s, c, slot, topic, false))
		}
		topic.Publish(ring.Message{Payload: []byte("a")})
		c.Turn()
		s.Mute(ids[gone])
		for c.Turn() == 0 {
		}
		for slot := range uint32(5) {
			if got := strings.Count(l.got[slot], "a"); got != 1 && slot != gone || got > 1 {
				t.Errorf("%d was muted: connection %d got %q", gone, slot, l.got[slot])
			}
		}
	}
}

// TestTurnIsBounded: a turn serves no more subscribers of all topics than its bound.
func TestTurnIsBounded(t *testing.T) {
	s, c, l, topic := rigged(0)
	s.Probe().Bounds().Turn = 3
	for slot := range uint32(10) {
		subscribe(s, c, slot, topic, false)
	}
	topic.Publish(ring.Message{Payload: []byte("a")})
	for _, want := range []int{3, 6, 9, 10} {
		if c.Turn(); len(l.got) != want {
			t.Errorf("%d connections were written to, want %d", len(l.got), want)
		}
	}
}

// TestPackedOnlyWhatPays: messages of some length are compressed for who takes that, and nothing is
// once nobody does.
func TestPackedOnlyWhatPays(t *testing.T) {
	s, c, l, topic := rigged(100)
	id := subscribe(s, c, 0, topic, true)
	plain := subscribe(s, c, 1, topic, false)
	for _, tt := range []struct {
		seq    uint64
		text   string
		packed bool
	}{
		{1, strings.Repeat("x", 100), true},
		{2, strings.Repeat("x", 99), false},
		{0, strings.Repeat("x", 100), false}, // is not kept
	} {
		clear(l.got)
		topic.Publish(ring.Message{Seq: tt.seq, Payload: []byte(tt.text)})
		for c.Turn() == 0 {
		}
		if got := l.got[0]; strings.Contains(got, tt.text) == tt.packed || got == "" {
			t.Errorf("%d bytes with seq %d are written as %q", len(tt.text), tt.seq, got)
		}
		if !strings.Contains(l.got[1], tt.text) {
			t.Errorf("who takes none compressed got %q", l.got[1])
		}
	}
	if s.Unsubscribe(id); topic.Ring().Packing() || s.Count() != 1 {
		t.Error("frames are compressed for nobody")
	}
	topic.Publish(ring.Message{Seq: 3, Payload: []byte("last")})
	for c.Turn() == 0 {
	}
	if !strings.Contains(l.got[1], "last") || !s.Listening(plain) {
		t.Errorf("who stays got %q", l.got[1])
	}
}

// TestScratchIsBounded: memory is used again, but not much of it is kept.
func TestScratchIsBounded(t *testing.T) {
	var s Scratch
	mem := s.Get()
	*mem = make([]byte, 10, maxScratch)
	if s.Put(mem); s.Get() != mem {
		t.Error("memory is not used again")
	}
	*mem = make([]byte, 10, maxScratch+1)
	if s.Put(mem); len(s.free) != 0 {
		t.Error("much memory is kept")
	}
	for range 2 * keepScratch {
		s.Put(new([]byte))
	}
	if n := len(s.free); n != keepScratch {
		t.Errorf("%d pieces are kept", n)
	}
}

// TestCutAnywhere: wherever the kernel cuts what is written, a connection gets each frame once and
// in order, and one that was blocked meanwhile what came then.
func TestCutAnywhere(t *testing.T) {
	var want string
	for _, text := range []string{"one", "two", "three", "four"} {
		want += "\x81" + string(rune(len(text))) + text
	}
	for cut := range len(want) - 6 {
		s, c, l, topic := rigged(0)
		subscribe(s, c, 0, topic, false)
		subscribe(s, c, 1, topic, false)
		l.most[0] = cut
		for _, text := range []string{"one", "two", "three"} {
			topic.Publish(ring.Message{Payload: []byte(text)})
		}
		for c.Turn() == 0 {
		}
		topic.Publish(ring.Message{Payload: []byte("four")})
		for c.Turn() == 0 {
		}
		delete(l.most, 0)
		c.Writable(0)
		for c.Turn() == 0 {
		}
		for slot := range uint32(2) {
			if got := l.got[slot]; got != want {
				t.Errorf("cut after %d bytes: connection %d got %q", cut, slot, got)
			}
		}
		if c.Probe().Held() != 0 {
			t.Errorf("cut after %d bytes: %d bytes are held", cut, c.Probe().Held())
		}
	}
}

// TestLateInParts: a connection that has fallen behind the others gets all that it has missed, in
// parts, without waiting for news.
func TestLateInParts(t *testing.T) {
	s, c, l, topic := rigged(0)
	s.Probe().Bounds().Late = 25
	subscribe(s, c, 0, topic, false)
	l.most[0] = 0
	for range 10 {
		topic.Publish(ring.Message{Payload: []byte("8 bytes.")})
		for c.Turn() == 0 {
		}
	}
	delete(l.most, 0)
	c.Writable(0)
	for c.Turn() == 0 {
	}
	if n := strings.Count(l.got[0], "8 bytes."); n != 10 || len(l.got[0]) != 100 {
		t.Errorf("%d of 10 frames came: %q", n, l.got[0])
	}
}
