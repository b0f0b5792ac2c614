package natsbus

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
)

// told keeps what a follower is told.
type told struct {
	mu      sync.Mutex
	seqs    []uint64
	rewinds int
	missed  []uint64
}

func (f *told) Entry(e bus.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seqs = append(f.seqs, e.Seq)
}

func (f *told) Rewound(string, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rewinds++
}

func (f *told) Missed(_ string, through uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed = append(f.missed, through)
}

// trimming is a bus whose retention and comparisons happen when a test says so.
type trimming struct {
	opened
	t    *testing.T
	reg  *prometheus.Registry
	says int // entries appended
}

func newTrimming(t *testing.T, cfg Config) *trimming {
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Port: natsembed.NoListener, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	b := &trimming{t: t, reg: prometheus.NewRegistry()}
	cfg.InProcess, cfg.Partitions, cfg.TrimEvery = s, 2, time.Hour
	cfg.Follow.CompareEvery = cmp.Or(cfg.Follow.CompareEvery, time.Hour)
	b.opened = openBoth(t, cfg, b.reg)
	return b
}

func (b *trimming) say(room string) bus.Position {
	b.t.Helper()
	b.says++
	id := fmt.Sprint("id", b.says)
	a, err := bus.Append(b.t.Context(), b, bus.NewEntry{Room: room, Sender: "ann", ID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return bus.Position{Seq: a.Seq, ID: id}
}

func (b *trimming) follow(room string) *told {
	b.t.Helper()
	f := &told{}
	_, sub, err := b.Follow(b.t.Context(), room, f)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(sub.Stop)
	return f
}

// remove removes an entry, as retention or whoever deletes a message.
func (b *trimming) remove(room string, at bus.Position) {
	b.t.Helper()
	if err := b.Remove(b.t.Context(), room, at.Seq); err != nil {
		b.t.Fatal(err)
	}
}

// trimPast trims until retention has reached a Seq.
func (b *trimming) trimPast(seq uint64) {
	b.t.Helper()
	b.until(fmt.Sprintf("retention has come to %d", seq), func() bool {
		if err := b.Driver.Trim(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		front, err := b.Driver.mark(b.t.Context(), trimmedName)
		if err != nil {
			b.t.Fatal(err)
		}
		return front >= seq
	})
}

func (b *trimming) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("waited in vain: ", what)
		}
	}
}

// compare compares all rooms with the log, as after a lost connection.
func (b *trimming) compare() {
	b.t.Helper()
	before := b.metric("hubbub_bus_follow_compared_rooms_total")
	b.Driver.host.Suspect("the test asks for it")
	b.until("all rooms are compared", func() bool {
		return b.metric("hubbub_bus_follow_compared_rooms_total") >= before+b.metric("hubbub_bus_follow_rooms")
	})
}

func (b *trimming) metric(name string) float64 {
	b.t.Helper()
	all, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	b.t.Fatal("no metric ", name)
	return 0
}

// goesOn checks that a follower gets what is said next, and was told of nothing else, besides n
// entries before.
func (b *trimming) goesOn(room string, f *told, n int) {
	b.t.Helper()
	b.say(room)
	b.until(room+" goes on", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.seqs) > n || f.rewinds+len(f.missed) > 0
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seqs) != n+1 || f.rewinds+len(f.missed) > 0 {
		b.t.Errorf("room %s: %d entries, want %d; told of %d rewinds, and that entries up to %v are missing", room, len(f.seqs), n+1, f.rewinds, f.missed)
	}
}

// TestTrimmedPastARemovedEntry: retention comes to where a message was removed that was said a
// moment ago. Rooms in which nothing was said since they were last compared have missed nothing,
// and are told nothing.
func TestTrimmedPastARemovedEntry(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{MaxAge: 50 * time.Millisecond})
	rooms := []string{"idle", chat.ControlRoom, chat.UserRoom("ann"), "removed"}
	followers := make(map[string]*told)
	places := make(map[string]bus.Position)
	empty := b.follow("empty")
	for _, room := range rooms {
		followers[room] = b.follow(room)
		places[room] = b.say(room)
		b.until("it comes live", func() bool {
			followers[room].mu.Lock()
			defer followers[room].mu.Unlock()
			return len(followers[room].seqs) == 1
		})
	}
	b.remove("removed", places["removed"]) // its only entry
	oldest := places[chat.UserRoom("ann")]
	b.compare()
	time.Sleep(b.Driver.cfg.MaxAge) // so that all of them are too old
	young := b.say("other")
	b.remove("other", young)
	b.trimPast(oldest.Seq)
	b.compare()
	if rep, err := b.Replay(t.Context(), "other", young, 10); err != nil || rep.Rewound {
		t.Errorf("after the entry that was removed: %+v, %v", rep, err)
	}
	for room, at := range places {
		if rep, err := b.Replay(t.Context(), room, at, 10); err != nil || rep.Rewound {
			t.Errorf("room %s, after its only entry: %+v, %v", room, rep, err)
		}
		b.goesOn(room, followers[room], 1)
	}
	b.goesOn("empty", empty, 0)
}

// trimTo takes the log's entries through a Seq, however young they are, as a log that is full has
// to.
func (b *trimming) trimTo(seq uint64) error {
	s, err := b.Driver.js.Stream(b.t.Context(), b.Driver.names.stream)
	if err == nil {
		err = b.Driver.raise(b.t.Context(), trimmedName, seq)
	}
	if err == nil {
		err = s.Purge(b.t.Context(), jetstream.WithPurgeSequence(seq+1))
	}
	return err
}

// TestTrimmedPastQuietRooms: a log that is small and busy is trimmed past the place up to which
// quiet rooms are known to be complete. As long as nothing has disturbed their subscriptions they
// are told nothing.
func TestTrimmedPastQuietRooms(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{Follow: follow.Options{CompareEvery: 5 * time.Millisecond}})
	f, empty := b.follow("quiet"), b.follow("empty")
	b.say("quiet")
	b.until("it comes live", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.seqs) == 1 })
	for range 3 {
		b.say("other")
		if err := b.trimTo(b.say("other").Seq); err != nil {
			t.Fatal(err)
		}
		before := b.metric("hubbub_bus_follow_compared_rooms_total")
		// those that were being compared when the log was trimmed, and then all of them
		b.until("they are compared", func() bool { return b.metric("hubbub_bus_follow_compared_rooms_total") >= before+4 })
	}
	b.goesOn("quiet", f, 1)
	b.goesOn("empty", empty, 0)
}

// TestTrimmedUnheard: entries that were trimmed before an edge that was cut off has heard of them
// are told to be missing, in their room and in those of which NATS cannot tell.
func TestTrimmedUnheard(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{MaxAge: 50 * time.Millisecond})
	f := b.follow("room")
	empty := b.follow("empty")
	b.say("room")
	b.until("it comes live", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.seqs) == 1 })
	b.compare()
	b.Driver.Unsubscribe([]string{"room", "empty"}) // nothing comes live
	lost := b.say("room")
	time.Sleep(b.Driver.cfg.MaxAge)
	b.trimPast(lost.Seq)
	b.compare()
	for name, f := range map[string]*told{"room": f, "empty": empty} {
		b.until("the follower is told", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.missed)+f.rewinds > 0 })
		f.mu.Lock()
		if f.rewinds > 0 || f.missed[0] < lost.Seq {
			t.Errorf("%s: told of %d rewinds, and that entries up to %v are missing; that of %d is", name, f.rewinds, f.missed, lost.Seq)
		}
		f.mu.Unlock()
	}
}

// hooked is a server whose connections show what is about to be sent to it.
type hooked struct {
	*natsembed.Server
	sending atomic.Pointer[func([]byte)]
}

type hookedConn struct {
	net.Conn
	h *hooked
}

func (h *hooked) InProcessConn() (net.Conn, error) {
	c, err := h.Server.InProcessConn()
	return hookedConn{c, h}, err
}

func (c hookedConn) Write(b []byte) (int, error) {
	if f := c.h.sending.Load(); f != nil {
		(*f)(b)
	}
	return c.Conn.Write(b)
}

// TestTrimmedWhileReading: what retention takes between two steps of a replay makes the answer a
// truncated one.
func TestTrimmedWhileReading(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	h := &hooked{Server: b.Driver.cfg.InProcess.(*natsembed.Server)}
	reader := openBoth(t, Config{InProcess: h, Partitions: 2, TrimEvery: time.Hour}, nil)
	var log []bus.Position
	for range 5 {
		log = append(log, b.say("room"))
	}
	var once sync.Once
	trim := func(sent []byte) {
		if !bytes.Contains(sent, []byte(`"batch":77`)) {
			return
		}
		once.Do(func() {
			if err := b.trimTo(log[2].Seq); err != nil {
				t.Error(err)
			}
		})
	}
	h.sending.Store(&trim)
	rep, err := reader.Replay(t.Context(), "room", log[0], 77)
	if err != nil || !rep.Truncated && len(rep.Entries) != 4 || len(rep.Entries) < 2 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestLastBefore: the last entry before a place is found over the holes that removed entries leave.
func TestLastBefore(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	var seqs []uint64
	for range 16 {
		seqs = append(seqs, b.say("room").Seq)
	}
	kept := map[int]bool{0: true, 3: true, 4: true, 12: true}
	for i, seq := range seqs {
		if !kept[i] {
			b.remove("room", bus.Position{Seq: seq})
		}
	}
	for first := range seqs {
		for end := range seqs {
			var want uint64
			for i := first; i < end; i++ {
				if kept[i] {
					want = seqs[i]
				}
			}
			if got, err := b.Driver.lastBefore(t.Context(), seqs[first], seqs[end]); err != nil || got != want {
				t.Errorf("from %d and before %d: %d, %v; want %d", seqs[first], seqs[end], got, err, want)
			}
		}
	}
}
