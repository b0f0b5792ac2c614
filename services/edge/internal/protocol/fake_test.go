package protocol

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeLoop is a transport whose kernel takes as much as a test says.
type fakeLoop struct {
	got    map[uint32][]byte // nil: what is written is only counted
	room   map[uint32]int    // bytes that a blocked connection still takes; absent: any number
	short  map[uint32]bool   // the last Write was short
	closed map[uint32]bool
	wrote  int // bytes
	writes int

	onWrite func(slot uint32, bufs [][]byte) // instead of all this

	finished map[uint32]bool
	peers    map[uint32]netip.Addr
	detached net.Conn // what Detach returns
	deaf     bool     // no connection is accepted any more
	woken    atomic.Bool
}

func newFakeLoop() *fakeLoop {
	return &fakeLoop{got: map[uint32][]byte{}, room: map[uint32]int{}, short: map[uint32]bool{}, closed: map[uint32]bool{}, finished: map[uint32]bool{}, peers: map[uint32]netip.Addr{}}
}

func (l *fakeLoop) Write(slot uint32, bufs [][]byte) (int, error) {
	n := 0
	l.writes++
	if len(bufs) > transport.MaxBufs {
		panic("more pieces than one Write takes")
	}
	if l.onWrite != nil {
		l.onWrite(slot, bufs)
		for _, b := range bufs {
			n += len(b)
		}
		return n, nil
	}
	for _, b := range bufs {
		k := len(b)
		if left, ok := l.room[slot]; ok {
			k = min(k, left)
			l.room[slot] = left - k
		}
		if l.got != nil {
			l.got[slot] = append(l.got[slot], b[:k]...)
		}
		if n += k; k < len(b) {
			l.short[slot] = true
			break
		}
	}
	l.wrote += n
	return n, nil
}

func (l *fakeLoop) Close(slot uint32)           { l.closed[slot] = true }
func (l *fakeLoop) Finish(slot uint32)          { l.finished[slot] = true }
func (l *fakeLoop) Peer(slot uint32) netip.Addr { return l.peers[slot] }
func (l *fakeLoop) StopListening()              { l.deaf = true }
func (l *fakeLoop) Detach(uint32) (net.Conn, error) {
	if l.detached == nil {
		return nil, net.ErrClosed
	}
	return l.detached, nil
}
func (l *fakeLoop) Wake()                     { l.woken.Store(true) }
func (l *fakeLoop) Run(context.Context) error { return nil }
func (l *fakeLoop) Dispose()                  {}

// countingBus takes appends without doing anything with them.
type countingBus struct {
	bus.Interface
	seq uint64
}

func (b *countingBus) Append(_ bus.NewEntry, done func(bus.Appended, error)) {
	b.seq++
	done(bus.Appended{Seq: b.seq}, nil)
}

func testOptions() Options {
	return Options{
		EdgeID: "test", Rooms: rooms.Options{Rooms: 500}, Sends: sends.Options{Text: 16 << 10, Pending: 1000},
		Fanout: fanout.Options{Ring: ring.Limits{Bytes: 4096, Entries: 64, Keep: 30}},
		Options: conn.Options{
			Sockets: 1 << 20, Frame: 64 << 10, Rate: 1_000_000_000, Burst: 1_000_000, Buffers: 1 << 30, Outstanding: 8 << 20,
			HandshakeTimeout: time.Second, HelloTimeout: time.Second, PingAfter: 25 * time.Second, IdleTimeout: time.Minute, WriteTimeout: 10 * time.Second,
		},
	}
}

// newTestShard returns a shard on a fakeLoop. Everybody may do everything.
func newTestShard(t testing.TB) (*Shard, *fakeLoop) {
	t.Helper()
	return newTestShardOn(t, func(b bus.Interface) bus.Interface { return &countingBus{Interface: b} })
}

// newTestShardOn is newTestShard on what wrap makes of a bus in memory.
func newTestShardOn(t testing.TB, wrap func(bus.Interface) bus.Interface) (*Shard, *fakeLoop) {
	t.Helper()
	b := membus.NewServer(membus.Options{}).Open()
	sub, err := api.Handle(t.Context(), b, directory.ServiceAccess, nil, func(context.Context, directory.AccessRequest) (directory.Access, error) {
		return directory.Access{Role: directory.RoleMember, Read: true, Send: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cache := directory.NewCache(b, zap.NewNop())
	h := New(testOptions(), Deps{Bus: wrap(b), Verifier: auth.NewVerifier(nil), Access: cache, Log: zap.NewNop()})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cache.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		sub.Stop()
		_ = b.Close()
	})
	l := newFakeLoop()
	h.Shard(l)
	return h.shards[0], l
}

// allow has the permission of a user in a room known.
func allow(t testing.TB, s *Shard, user, room string) {
	t.Helper()
	// the cache keeps nothing before it has contact
	for known := false; !known; _, known = s.hub.sess.Access.Cached(user, room) {
		if _, err := s.hub.sess.Access.Access(t.Context(), user, room); err != nil {
			t.Fatal(err)
		}
	}
}

// plainShard returns a shard whose bus is never asked.
func plainShard() (*Shard, *fakeLoop) {
	h := New(testOptions(), Deps{Access: directory.NewCache(nil, zap.NewNop()), Log: zap.NewNop()})
	l := newFakeLoop()
	h.Shard(l)
	return h.shards[0], l
}

// admit lets a session in, as hello would.
func admit(s *Shard, slot uint32) { admitWith(s, slot, false) }

// admitWith lets a session in that takes compressed messages, or does not.
func admitWith(s *Shard, slot uint32, packs bool) {
	s.conn.Opened(slot)
	s.conn.Accept(slot, packs)
	s.sess.Enter(slot, &auth.Claims{User: fmt.Sprintf("user%d", slot), Name: "Name", Session: "s"}, "web", time.Now())
}

// seat puts a session into a room, as join would, and returns the position that it begins at.
func seat(s *Shard, slot uint32, room string) (id uint32, seq uint64) {
	return s.rooms.Probe().Seat(slot, room)
}

// maskedText returns a client's frame.
func maskedText(text string) []byte {
	return ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(text))))
}

func entry(room string, seq, prev uint64, size int) bus.Entry {
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: fmt.Sprint("m", seq), User: "u", Text: pad(size)})
	if err != nil {
		panic(err)
	}
	return bus.Entry{Room: room, Seq: seq, Prev: prev, Sender: "u", ID: fmt.Sprint("m", seq), Data: data}
}

func pad(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

// truncated is a bus whose log does not reach back.
type truncated struct{ bus.Interface }

func (b truncated) Replay(context.Context, string, bus.Position, int) (bus.Replayed, error) {
	return bus.Replayed{Truncated: true}, nil
}
